"""JSON as the contract reads it: what serde_json's `Value` takes, with every number kept as it was written.

Python's own parser is more generous in four places, each closed here: `NaN` and `Infinity`, lone surrogates in
`\\u` escapes, numbers beyond the range of a 64-bit float, and nesting of 128 levels or more. Of repeated keys the
last wins in both. An integer becomes an `int`; a number with a fraction or an exponent becomes a `Number` that
keeps its text, so that nothing ever passes through binary floating point.
"""

import json
import re

MAX_DEPTH = 127
"""The deepest nesting of arrays and objects that is still taken; serde_json refuses the 128th level."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Malformed(ValueError):
    """The text is not JSON that serde_json would take."""


class Number:
    """A JSON number with a fraction or an exponent, as its text."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def _refuse_constant(name):
    raise Malformed(f"{name} is not JSON")


def _integer(text):
    # A float overflows at 309 digits; shorter tokens cannot be beyond its range.
    if len(text) > 308 and float(text) in (float("inf"), float("-inf")):
        raise Malformed("number out of range")
    return int(text)


def _real(text):
    if float(text) in (float("inf"), float("-inf")):
        raise Malformed("number out of range")
    return Number(text)


def _refuse_lone_surrogates(text):
    for string in _STRING.finditer(text):
        high_before = None
        for escape in _ESCAPE.finditer(string.group()):
            unit = int(escape.group(1), 16) if escape.group(1) else None
            if high_before is not None:
                if unit is None or not 0xDC00 <= unit <= 0xDFFF or escape.start() != high_before:
                    raise Malformed("lone surrogate")
                high_before = None
            elif unit is not None and 0xD800 <= unit <= 0xDBFF:
                high_before = escape.end()
            elif unit is not None and 0xDC00 <= unit <= 0xDFFF:
                raise Malformed("lone surrogate")
        if high_before is not None:
            raise Malformed("lone surrogate")


def _refuse_depth(text):
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", _STRING.sub('""', text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > MAX_DEPTH:
            raise Malformed("nested too deeply")


_decoder = json.JSONDecoder(parse_float=_real, parse_int=_integer, parse_constant=_refuse_constant)


def parse(text):
    """The JSON value of `text` (a `str`); raises `Malformed`."""
    if text.startswith("\ufeff"):
        raise Malformed("byte order mark")
    _refuse_depth(text)
    try:
        start = len(text) - len(text.lstrip(" \t\n\r"))
        value, end = _decoder.raw_decode(text, start)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    if text[end:].strip(" \t\n\r"):
        raise Malformed("trailing characters")
    if _MAYBE_SURROGATE.search(text):
        _refuse_lone_surrogates(text)
    return value


def is_integer(value):
    """Whether a parsed value is a JSON integer (Python's bool is an int too; here it is not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def write(value):
    """Compact JSON: no spaces, non-ASCII as it is, control characters as serde_json escapes them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
