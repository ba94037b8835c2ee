#!/usr/bin/env python3
"""A second opinion on the worker: what the contract says must come out of a recording.

    oracle.py RECORDING… [--time event] [--summary FILE] > expected.ndjson
    worker replay --format json RECORDING… > actual.ndjson
    compare.py expected.ndjson actual.ndjson

Written from the contract alone (docstrings here and in the modules beside it), in Python's standard library, by
someone who had not read the worker's code: where the two differ, one of them, or the contract, is wrong. It prefers
the plain way over the fast one (whole numbers in units of 10^-30, windows in a dict, all in one thread).

What was decided where the contract leaves room:

Recording
- A line is a JSON object with topic (string), partition, offset and timestamp (integers) and value (string or null;
  absent is null); key and headers are not read. Empty lines are skipped. Anything else stops the run: exit code 1.
- The clock is the largest timestamp so far, over all files, this line's own included.

Envelope and type
- Malformed is what serde_json's `Value` refuses: NaN, lone surrogates, numbers beyond a double's range, a depth of
  128 or more, a byte order mark, anything after the value. The empty value is malformed; `null` is a tombstone.
- Wrapped means: both keys `schema` and `payload` are there, whatever else is. A payload of null is a tombstone.
- A null `op` is an absent one. Without an op, by keys: exactly `ts_ms` → heartbeat; status, id and event_count, all
  three → transaction; ddl and tableChanges, both → schema_change; in this order; else a dead letter.
- `t` and `m` are ignored before anything else is looked at. An unknown op is a dead letter whatever its table.
- source missing, source.db or source.table no string: dead letter. Then the table is judged, so that another table's
  odd values are nobody's concern. ts_ms, source.ts_ms (null: absent; else an integer within the years 0001 to 9999)
  and, for c, u and d, source.file (no text with a number at its end), pos and row (no integers from 0 to 2^63 - 1):
  dead letter, before the mark is read.

Duplicates
- file or pos absent or null: no position, the mark is neither read nor moved. row absent or null: 0. The file number
  is the digits after the last dot, or the whole name; without any: dead letter.
- A repeat whose row is bad is a duplicate (the mark is judged before the row, and moved by bad rows too).
- "Not after the time": an absent source.ts_ms is after nothing; a present one is after a mark that has no time.
- Above the mark the time is not judged; the mark's time never goes back, except when the mark starts anew.

Row
- Order id: `id` if present and not null, else `order_id`; a string or an integer within i64 or u64 (BIGINT UNSIGNED).
- An integer is a number without fraction and exponent (`1.0` and `1e2` are none; `-0` is 0).
- symbol: a string. side and status: a string, or null or absent, which print as null.
- price: null or absent is 0 and prints "0". A number counts by its text. A string is base64 exactly where the schema
  calls the column `bytes` with the name of Connect's Decimal and a scale, else text. The grammar's exponent may be
  `e` or `E`, with or without sign. 65 digits and 30 decimals are judged by value: leading zeros and trailing zeros of
  the fraction are dropped, so 1e64 passes, 1e65 and 1e-31 do not, 0e999 is 0.
- base64 is strict: the standard alphabet, padded, canonical, not empty.

Streams
- event_time of RAW is source.ts_ms, else the record's timestamp, whatever `--time` says.
- latency_ms is null where either time is absent.
- Rules' times and an alert's `at`: the event's time in event time, else the line's clock. first_event likewise: the
  smallest event time in the window, or the clock of its first event.
- A rule whose list of ops leaves an event out does not see it: it is not remembered either.
- RAPID_ORDERS: largest minus smallest of the last five times in arrival order, below 10,000; the quiet time is this
  event's time minus that of the last alert, so it also holds for times before it.
- An op outside agg.ops has no window, so it is never late.

Time
- Per line: the clock moves; idleness is judged (clock minus the clock of the partition's last line ≥ 30,000: idle),
  with it the watermark, and due windows fire; then the line is taken, a valid order's own time moves the watermark
  (if at most an hour ahead of the clock), due windows fire; RAW; late or added to its window; alerts; the late line;
  a corrected AGG line.
- The watermark is the minimum, over partitions that are not idle, of largest event time − out-of-orderness, and never
  goes back; with all idle it stays. A partition takes part from its first order event that was not too far ahead.
- Due: end ≤ watermark (or clock). Late: end + allowed lateness ≤ watermark.
- An event within the lateness of a window that has ended: AGG at once, revision + 1; 1 where nothing was in it yet.
- At the end of the recording what has not fired fires, by end and then by symbol's bytes.
"""

import argparse
import gzip
import re
import sys
from pathlib import Path

import exact
import strict_json
from pipeline import Options, Pipeline
from rules import RULES

OPS = frozenset("cudr")


class BrokenRecording(Exception):
    """A line that is no record."""


def open_recording(path):
    """A recording's lines as bytes, gzip told by its magic number; `-` is stdin."""
    if path == "-":
        return sys.stdin.buffer
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")


def records(paths):
    """The records of several recordings, one stream in argument order."""
    for path in paths:
        with open_recording(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip(b" \t\r\n"):
                    yield read_record(line, f"{path}:{number}")


def read_record(line, where):
    """One line of a recording."""
    try:
        record = strict_json.parse(line.decode().rstrip("\r\n"))
    except (UnicodeDecodeError, strict_json.Malformed) as error:
        raise BrokenRecording(f"{where}: {error}") from None
    integers = ("partition", "offset", "timestamp")
    if not (
        isinstance(record, dict)
        and isinstance(record.get("topic"), str)
        and all(strict_json.is_integer(record.get(key)) for key in integers)
        and isinstance(record.get("value"), (str, type(None)))
    ):
        raise BrokenRecording(f"{where}: not a record")
    return {key: record.get(key) for key in ("topic", *integers, "value")}


def ops(text):
    """`c,u` → a set of ops."""
    chosen = frozenset(text.split(","))
    if not chosen <= OPS:
        raise argparse.ArgumentTypeError(f"ops are c, u, d and r, not {text!r}")
    return chosen


def rule_setting(text):
    """`LARGE_ORDER.threshold=100` → (rule, key, value)."""
    match = re.fullmatch(r"([A-Z_]+)\.([a-z_]+)=(.*)", text)
    if not match or match.group(1) not in RULES:
        raise argparse.ArgumentTypeError(f"RULE.key=value, not {text!r}")
    rule, key, value = match.groups()
    if key == "enabled" and value in ("true", "false"):
        return rule, key, value == "true"
    if key == "ops":
        return rule, key, ops(value)
    if key == "threshold" and rule in ("HIGH_AMOUNT", "PRICE_SPIKE"):
        return rule, key, exact.from_text(value)
    if key == "threshold" or (rule == "RAPID_ORDERS" and key in ("within_ms", "quiet_ms")):
        return rule, key, int(value)
    raise argparse.ArgumentTypeError(f"no such setting: {text!r}")


def arguments(argv):
    parser = argparse.ArgumentParser(
        description="What the contract says must come out of a recording, as NDJSON.",
        epilog="example: oracle.py a.ndjson --time event --rule RAPID_ORDERS.quiet_ms=0 --rule PRICE_SPIKE.enabled=false",
    )
    parser.add_argument("recording", nargs="+", help="NDJSON, plain or gzip; - is stdin")
    parser.add_argument("--time", choices=("processing", "event"), default="processing")
    parser.add_argument("--window-ms", type=int)
    parser.add_argument("--agg-ops", type=ops, help="ops that enter windows, for example c,u; default all")
    parser.add_argument("--out-of-orderness-ms", type=int)
    parser.add_argument("--allowed-lateness-ms", type=int)
    parser.add_argument("--idle-after-ms", type=int)
    parser.add_argument("--table")
    parser.add_argument("--rule", type=rule_setting, action="append", default=[], metavar="RULE.KEY=VALUE",
                        help="keys: enabled, ops, threshold; RAPID_ORDERS also within_ms, quiet_ms")
    parser.add_argument("--summary", type=Path, help="write the accounting to this file")
    return parser.parse_args(argv)


def options_of(parsed):
    options = Options()
    for name in ("time", "window_ms", "agg_ops", "out_of_orderness_ms", "allowed_lateness_ms", "idle_after_ms", "table"):
        if getattr(parsed, name) is not None:
            setattr(options, name, getattr(parsed, name))
    for rule, key, value in parsed.rule:
        options.rules[rule][key] = value
    return options


def run(stream, options):
    """Output objects of a stream of records; the second value is the pipeline, for its summary."""
    pipeline = Pipeline(options)

    def outputs():
        for record in stream:
            yield from pipeline.take(record)
        yield from pipeline.finish()

    return outputs(), pipeline


def main(argv=None):
    parsed = arguments(argv)
    outputs, pipeline = run(records(parsed.recording), options_of(parsed))
    out = sys.stdout.buffer
    try:
        for output in outputs:
            out.write(strict_json.write(output).encode() + b"\n")
    except (BrokenRecording, OSError) as error:
        out.flush()
        print(f"oracle: {error}", file=sys.stderr)
        return 1
    out.flush()
    summary = strict_json.write(pipeline.summary())
    if parsed.summary:
        parsed.summary.write_text(summary + "\n", encoding="utf-8")
    print(summary, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
