"""A record's value → what it is: an order's change, something to ignore, or a dead letter.

Judged in the contract's order: envelope (JSON, wrapped or bare), type (op, keys, table), duplicate, row. The mark
of the duplicates lies between type and row, so reading takes two steps: `classify`, then `read_row`.
"""

import re

import exact
import strict_json
from strict_json import is_integer

I64_MIN, I64_MAX = -(2**63), 2**63 - 1
U64_MAX = 2**64 - 1
OPS = ("c", "u", "d", "r")
DECIMAL = "org.apache.kafka.connect.data.Decimal"

_FILE_NUMBER = re.compile(r"(?:.*\.)?([0-9]+)", re.DOTALL)
_SCALE = re.compile(r"-?[0-9]{1,9}")


class DeadLetter(Exception):
    """The record goes to the dead letters; the text says why."""


class Ignored(Exception):
    """The record is of a kind that carries no order; the text is its key in the accounting."""


class Change:
    """A change of the orders table whose row has not been read yet."""

    __slots__ = ("op", "envelope", "schema", "ts_ms", "source_ts_ms", "position")

    def __init__(self, op, envelope, schema, ts_ms, source_ts_ms, position):
        self.op, self.envelope, self.schema = op, envelope, schema
        self.ts_ms, self.source_ts_ms, self.position = ts_ms, source_ts_ms, position


class Order:
    """One row of the orders table."""

    __slots__ = ("order_id", "symbol", "side", "quantity", "price", "status")

    def __init__(self, order_id, symbol, side, quantity, price, status):
        self.order_id, self.symbol, self.side = order_id, symbol, side
        self.quantity, self.price, self.status = quantity, price, status


def classify(value, table):
    """`value` is the record's text or None, `table` the configured `db.table`. Gives a `Change` or raises."""
    envelope, schema = _unwrap(value)
    op = envelope.get("op")
    if op is None:
        raise Ignored(_kind_without_op(envelope))
    if op == "t":
        raise Ignored("truncate")
    if op == "m":
        raise Ignored("message")
    if not isinstance(op, str) or op not in OPS:
        raise DeadLetter(f"op: {op!r}")
    source = envelope.get("source")
    if not isinstance(source, dict):
        raise DeadLetter("source: missing")
    database, name = source.get("db"), source.get("table")
    if not isinstance(database, str) or not isinstance(name, str):
        raise DeadLetter("source.db or source.table: missing")
    if f"{database}.{name}" != table:
        raise Ignored("other_table")
    ts_ms = _time(envelope, "ts_ms", "ts_ms")
    source_ts_ms = _time(source, "ts_ms", "source.ts_ms")
    position = None if op == "r" else _position(source, op)
    return Change(op, envelope, schema, ts_ms, source_ts_ms, position)


def _unwrap(value):
    if value is None:
        raise Ignored("tombstone")
    try:
        document = strict_json.parse(value)
    except strict_json.Malformed as error:
        raise DeadLetter(f"not JSON: {error}") from None
    schema = None
    if isinstance(document, dict) and "schema" in document and "payload" in document:
        document, schema = document["payload"], document["schema"]
    if document is None:
        raise Ignored("tombstone")
    if not isinstance(document, dict):
        raise DeadLetter("not an object")
    return document, schema


def _kind_without_op(envelope):
    if set(envelope) == {"ts_ms"}:
        return "heartbeat"
    if all(key in envelope for key in ("status", "id", "event_count")):
        return "transaction"
    if all(key in envelope for key in ("ddl", "tableChanges")):
        return "schema_change"
    raise DeadLetter("neither an event nor anything known")


def _time(holder, key, name):
    ms = holder.get(key)
    if ms is None:
        return None
    if not is_integer(ms) or not exact.FIRST_MS <= ms <= exact.LAST_MS:
        raise DeadLetter(f"{name}: not a time: {ms!r}")
    return ms


def _position(source, op):
    """(file number, pos, row, step), or None where the source names no position."""
    file, pos, row = source.get("file"), source.get("pos"), source.get("row")
    if file is not None and not isinstance(file, str):
        raise DeadLetter(f"source.file: {file!r}")
    for name, number in (("pos", pos), ("row", row)):
        if number is not None and not (is_integer(number) and 0 <= number <= I64_MAX):
            raise DeadLetter(f"source.{name}: {number!r}")
    if file is None or pos is None:
        return None
    number = _FILE_NUMBER.fullmatch(file)
    if not number or len(number.group(1).lstrip("0")) > 20 or int(number.group(1)) > U64_MAX:
        raise DeadLetter(f"source.file: no number: {file!r}")
    return (int(number.group(1)), pos, row or 0, 0 if op == "d" else 1)


def read_row(change):
    """The row of a change: `before` of a delete, else `after`."""
    side_of_change = "before" if change.op == "d" else "after"
    row = change.envelope.get(side_of_change)
    if not isinstance(row, dict):
        raise DeadLetter(f"{side_of_change}: missing")
    return Order(
        order_id=_order_id(row),
        symbol=_text(row, "symbol", required=True),
        side=_text(row, "side", required=False),
        quantity=_quantity(row.get("quantity")),
        price=_price(row.get("price"), change.schema, side_of_change),
        status=_text(row, "status", required=False),
    )


def _order_id(row):
    name = "id" if row.get("id") is not None else "order_id"
    value = row.get(name)
    if isinstance(value, str) or (is_integer(value) and I64_MIN <= value <= U64_MAX):
        return value
    raise DeadLetter(f"{name}: {value!r}")


def _text(row, name, required):
    value = row.get(name)
    if isinstance(value, str) or (value is None and not required):
        return value
    raise DeadLetter(f"{name}: {value!r}")


def _quantity(value):
    if is_integer(value) and I64_MIN <= value <= I64_MAX:
        return value
    raise DeadLetter(f"quantity: {value!r}")


def _price(value, schema, side_of_change):
    if value is None:
        return 0
    try:
        if is_integer(value):
            return exact.from_text(str(value))
        if isinstance(value, strict_json.Number):
            return exact.from_text(value.text)
        if isinstance(value, str):
            kind, scale = _price_schema(schema, side_of_change)
            return exact.from_base64(value, scale) if kind == "bytes" else exact.from_text(value)
    except exact.NotADecimal as error:
        raise DeadLetter(f"price: {error}") from None
    raise DeadLetter(f"price: {value!r}")


def _price_schema(schema, side_of_change):
    """(type, scale) of the price column in the schema of a wrapped message; (None, None) where it says nothing."""
    column = _field(_field(schema, side_of_change), "price")
    if column is None or column.get("type") != "bytes":
        return None, None
    parameters = column.get("parameters")
    scale = parameters.get("scale") if isinstance(parameters, dict) else None
    if is_integer(scale):  # Connect writes text, others may not
        scale = str(scale)
    if column.get("name") != DECIMAL or not isinstance(scale, str) or not _SCALE.fullmatch(scale):
        raise DeadLetter("price: bytes without a scale in the schema")
    return "bytes", int(scale)


def _field(schema, name):
    fields = schema.get("fields") if isinstance(schema, dict) else None
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict) and field.get("field") == name:
            return field
    return None
