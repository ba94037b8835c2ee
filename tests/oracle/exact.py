"""Exact decimals and times.

A decimal is an `int` in units of 10^-30: the contract allows 30 decimals at most, so prices, their products with a
whole quantity and all sums stay whole numbers, and no rounding can creep in.
"""

import base64
import binascii
import re
from fractions import Fraction

PLACES = 30
ONE = 10**PLACES
MAX_DIGITS = 65

_TEXT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?)([0-9]+))?")


class NotADecimal(ValueError):
    """The text or bytes are no decimal of at most 65 digits, 30 of them decimals."""


def _scaled(negative, digits, exponent):
    """±digits × 10^exponent; leading zeros and trailing zeros of the fraction do not count."""
    digits = digits.lstrip("0")
    if not digits:
        return 0
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    decimals = max(0, -exponent)
    total = len(stripped) + exponent if exponent >= 0 else max(len(stripped), decimals)
    if decimals > PLACES or total > MAX_DIGITS:
        raise NotADecimal("beyond 65 digits or 30 decimals")
    value = int(stripped) * 10 ** (exponent + PLACES)
    return -value if negative else value


def from_text(text):
    """`-?digits[.digits][e±n]`, of a string or of a JSON number's own text."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise NotADecimal(f"not a decimal: {text!r}")
    sign, whole, fraction, exponent_sign, exponent = match.groups()
    fraction = fraction or ""
    power = (exponent or "0").lstrip("0") or "0"
    if len(power) > 18:  # no text that fits in memory brings such a power back into range, except zero
        if (whole + fraction).strip("0"):
            raise NotADecimal("beyond 65 digits or 30 decimals")
        return 0
    power = -int(power) if exponent_sign == "-" else int(power)
    return _scaled(sign == "-", whole + fraction, power - len(fraction))


def from_base64(text, scale):
    """Connect's Decimal: base64 of the unscaled value, big-endian two's complement, with the schema's scale."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotADecimal(f"not base64: {text!r}") from None
    if not raw or base64.b64encode(raw).decode() != text:
        raise NotADecimal(f"not base64: {text!r}")
    unscaled = int.from_bytes(raw, "big", signed=True)
    return _scaled(unscaled < 0, str(abs(unscaled)), -scale)


def plain(value):
    """A decimal printed plain: no exponent, no trailing zeros, no `-0`."""
    whole, fraction = divmod(abs(value), ONE)
    text = str(whole)
    if fraction:
        text += "." + f"{fraction:030d}".rstrip("0")
    return "-" + text if value < 0 else text


def hundredths(numerator, denominator):
    """numerator/denominator in whole hundredths, half to even (Python's `round` of a Fraction is half-even)."""
    return round(Fraction(numerator * 100, denominator))


def two_places(count):
    """Whole hundredths with always two places; a minus sign only."""
    whole, rest = divmod(abs(count), 100)
    return f"{'-' if count < 0 else ''}{whole}.{rest:02d}"


FIRST_MS = -62135596800000
LAST_MS = 253402300799999
"""The times that are taken: years 0001 to 9999."""


def rfc3339(ms):
    """UTC with milliseconds; what lies outside the times that are taken (a window's end may) prints as the nearest.

    Own calendar (days to civil date), not to depend on Python's.
    """
    days, rest = divmod(min(max(ms, FIRST_MS), LAST_MS), 86_400_000)
    days += 719_468  # from 0000-03-01, so that a leap day ends a year
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    seconds, ms = divmod(rest, 1000)
    return (
        f"{year:04d}-{month:02d}-{day:02d}T"
        f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}Z"
    )
