"""What a generated topic must come to: sums of each symbol and alerts, worked out without the worker.

Reads a recording (`worker generate --to -`) on standard input and writes tab-separated lines:

    records  N                  all records, also tombstones and heartbeats
    events   N                  order events
    bytes    N                  of all values
    last     PARTITION SYMBOL ID    the partition's last order that is surely told: the last LARGE_ORDER
    sum      SCOPE SYMBOL ORDERS BUYS SELLS TOTAL MIN MAX
    alert    RULE SYMBOL ID TIMES

SCOPE is `all` for every event, `fired` for those in five-minute windows by source.ts_ms that have closed when the topic
has been read to its end (the watermark is the least of the partitions' largest times, less five seconds). RAPID_ORDERS
is by source.ts_ms too. It relies on what the generator promises: a symbol's events are in one partition, none twice.
"""

import json
import sys
from decimal import Decimal

WINDOW_MS = 300_000
OUT_OF_ORDERNESS_MS = 5_000
RAPID = (5, 10_000, 10_000)


class Symbol:
    """What is kept of one symbol."""

    def __init__(self):
        self.windows = {}
        self.price = None
        self.times = []
        self.told_ms = None


def add(sums, side, price, amount):
    sums[0] += 1
    sums[1] += side == "BUY"
    sums[2] += side == "SELL"
    sums[3] += amount
    sums[4] = price if sums[4] is None or price < sums[4] else sums[4]
    sums[5] = price if sums[5] is None or price > sums[5] else sums[5]


def rules(symbol, price, quantity, amount, at_ms):
    if quantity > 500:
        yield "LARGE_ORDER"
    if amount > 100_000_000:
        yield "HIGH_AMOUNT"
    if price > 0:
        if symbol.price is not None and abs(price - symbol.price) * 100 >= 5 * symbol.price:
            yield "PRICE_SPIKE"
        symbol.price = price
    count, within_ms, quiet_ms = RAPID
    symbol.times.append(at_ms)
    del symbol.times[:-count]
    if len(symbol.times) == count and max(symbol.times) - min(symbol.times) < within_ms:
        if symbol.told_ms is None or at_ms - symbol.told_ms >= quiet_ms:
            symbol.told_ms = at_ms
            yield "RAPID_ORDERS"


def order_of(value):
    """The row and its source, of a change to an order; else None."""
    envelope = json.loads(value) if value is not None else None
    if isinstance(envelope, dict) and "schema" in envelope and "payload" in envelope:
        envelope = envelope["payload"]
    if not isinstance(envelope, dict) or envelope.get("op") not in ("c", "u", "d", "r"):
        return None
    return envelope["before" if envelope["op"] == "d" else "after"], envelope["source"]


def main():
    records = events = size = 0
    symbols, alerts, latest_ms, last = {}, {}, {}, {}
    for line in sys.stdin.buffer:
        record = json.loads(line)
        records += 1
        size += len((record["value"] or "").encode())
        change = order_of(record["value"])
        if change is None:
            continue
        events += 1
        row, source = change
        partition, name, at_ms = record["partition"], row["symbol"], source["ts_ms"]
        price, quantity = Decimal(row["price"]), row["quantity"]
        latest_ms[partition] = max(latest_ms.get(partition, at_ms), at_ms)
        symbol = symbols.get(name) or symbols.setdefault(name, Symbol())
        sums = symbol.windows.setdefault(at_ms // WINDOW_MS, [0, 0, 0, 0, None, None])
        amount = price * quantity
        add(sums, row["side"], price, amount)
        for rule in rules(symbol, price, quantity, amount, at_ms):
            key = (rule, name, row["id"])
            alerts[key] = alerts.get(key, 0) + 1
            if rule == "LARGE_ORDER":
                last[partition] = (name, row["id"])
    print("bytes", size, sep="\t")
    write(records, events, symbols, alerts, min(latest_ms.values()) - OUT_OF_ORDERNESS_MS, last)


def write(records, events, symbols, alerts, watermark_ms, last):
    print("records", records, sep="\t")
    print("events", events, sep="\t")
    for partition, (name, number) in sorted(last.items()):
        print("last", partition, name, number, sep="\t")
    for name, symbol in sorted(symbols.items()):
        for scope in ("all", "fired"):
            windows = [
                sums
                for window, sums in symbol.windows.items()
                if scope == "all" or (window + 1) * WINDOW_MS <= watermark_ms
            ]
            if windows:
                counts = [sum(sums[at] for sums in windows) for at in range(4)]
                least, most = min(sums[4] for sums in windows), max(sums[5] for sums in windows)
                print("sum", scope, name, *counts, least, most, sep="\t")
    for (rule, name, number), times in sorted(alerts.items()):
        print("alert", rule, name, number, times, sep="\t")


main()
