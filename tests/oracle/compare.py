#!/usr/bin/env python3
"""Compares two outputs in JSON format line by line: exit code 0 when they are the same, 1 when not.

    compare.py EXPECTED ACTUAL [--show N]

Lines must be the same bytes. Of a dead letter the reason is left out (everyone words it differently), but the actual
one must have a reason. Where lines differ it says which fields do, and which lines (by stream and id) only one side
has. Accountings (`--summary` files) compare the same way: one line each.
"""

import argparse
import gzip
import json
import sys
from collections import Counter


def lines_of(path):
    """The lines of a file, gzip or plain, without their line ends; a last line without one is a difference too."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else open(path, "rb") as file:
        content = file.read()
    lines = content.split(b"\n")
    if lines[-1]:
        lines[-1] += b"<no newline at the end of the file>"
        return lines
    return lines[:-1]


def without_reason(line):
    """A dead letter's line without what its reason says, in its own order of keys; other lines as they are."""
    if not line.startswith(b'{"stream":"dead_letter"'):
        return line
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except ValueError:
        return line
    # Anything but one non-empty reason stays in sight, as a difference.
    kept = [(key, "(any)" if key == "reason" and isinstance(value, str) and value else value) for key, value in pairs]
    inner = ",".join(f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False)}" for key, value in kept)
    return b"{" + inner.encode() + b"}"


def name_of(line):
    """What a line is about, so that one can be told missing rather than merely different."""
    try:
        value = json.loads(line)
        stream = value["stream"]
        return f"{stream} {value.get('id') or '{topic}-{partition}-{offset}'.format(**value)}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return line.decode(errors="replace")


def fields_that_differ(expected, actual):
    """A line for each field that differs; empty where it is not about fields."""
    try:
        left = json.loads(expected, parse_float=str)
        right = json.loads(actual, parse_float=str)
        if left.keys() == right.keys() and left == right:
            return ["      the same values, but not the same bytes (order of keys, spaces, escapes or number form)"]
        keys = list(left) + [key for key in right if key not in left]
        missing = object()
        return [
            f"      {key}: expected {left.get(key, '(absent)')!r}, actual {right.get(key, '(absent)')!r}"
            for key in keys
            if left.get(key, missing) != right.get(key, missing)
        ]
    except (ValueError, AttributeError):
        return []


def report(expected, actual, show):
    """Says the first differences; gives how many lines differ, place by place."""
    if expected == actual:
        return 0
    differing = [i for i, pair in enumerate(zip(expected, actual)) if pair[0] != pair[1]]
    count = len(differing) + abs(len(expected) - len(actual))
    print(f"{count} of {max(len(expected), len(actual))} lines differ (expected {len(expected)}, actual {len(actual)})")
    for i in differing[:show]:
        print(f"  line {i + 1}")
        print(f"    - {expected[i].decode(errors='replace')}")
        print(f"    + {actual[i].decode(errors='replace')}")
        if name_of(expected[i]) == name_of(actual[i]):
            print("\n".join(fields_that_differ(expected[i], actual[i])))
    for title, only in (
        ("only expected", Counter(map(name_of, expected)) - Counter(map(name_of, actual))),
        ("only actual", Counter(map(name_of, actual)) - Counter(map(name_of, expected))),
    ):
        names = list(only.elements())
        if names:
            print(f"  {title}: {len(names)}")
            print("\n".join(f"    {name}" for name in names[:show]))
    return count


def main(argv=None):
    parser = argparse.ArgumentParser(description="Compares two outputs in JSON format; dead letters' reasons may differ.")
    parser.add_argument("expected")
    parser.add_argument("actual")
    parser.add_argument("--show", type=int, default=5, help="how many differences to print (default 5)")
    parsed = parser.parse_args(argv)
    try:
        expected = [without_reason(line) for line in lines_of(parsed.expected)]
        actual = [without_reason(line) for line in lines_of(parsed.actual)]
    except OSError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    if report(expected, actual, parsed.show):
        return 1
    print(f"{len(expected)} lines, the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
