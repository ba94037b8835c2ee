#!/usr/bin/env python3
"""Works out vectors.tsv with Python's decimal and fractions: `python3 vectors.py > vectors.tsv`.

Columns: operation, operands, expected result, separated by tabs. The seed is fixed, so that a second run gives the
same file. Every operation is exact here (400 digits of precision, any inexact result raises); quotients are rounded
from exact fractions, half to even.
"""
import decimal
import random
from decimal import Decimal
from fractions import Fraction

context = decimal.getcontext()
context.prec = 400
context.Emax, context.Emin = 10**9, -(10**9)
context.traps[decimal.Inexact] = True
rng = random.Random(20260212)


def plain(value):
    """No exponent, no trailing zeros after the point, no -0."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def within_bounds(value):
    """At most 65 digits in plain notation, at most 30 of them after the point."""
    whole, _, fraction = plain(abs(value)).partition(".")
    return len(whole.lstrip("0") + fraction) <= 65 and len(fraction) <= 30


def read(value):
    if value.is_zero():
        return "0"
    if not -10**6 < value.adjusted() < 10**6:
        return "TooLarge"
    return plain(value) if within_bounds(value) else "TooLarge"


def rounded(fraction, places):
    """A Fraction, half to even, as an exact Decimal."""
    return Decimal(round(fraction * 10**places)).scaleb(-places)


def percent(now, before):
    value = rounded((Fraction(now) - Fraction(before)) * 100 / Fraction(before), 2)
    text = format(abs(value), ".2f")
    return "-" + text if value < 0 else text


def row(*columns):
    print("\t".join(str(column) for column in columns))


def digits(count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def number(max_whole=35, max_fraction=30, sign=True):
    """A decimal as a connector writes it; often of ordinary size, now and then as large as can be."""
    whole, fraction = rng.choice([(5, 2), (8, 4), (12, 2), (18, 6), (30, 8), (35, 30)])
    whole, fraction = min(whole, max_whole), min(fraction, max_fraction)
    text = str(int("0" + digits(rng.randint(1, whole))))
    places = rng.randint(0, fraction)
    if places:
        text += "." + digits(places)
    return ("-" if sign and rng.random() < 0.3 else "") + text


def positive(**sizes):
    while True:
        text = number(sign=False, **sizes)
        if Decimal(text) > 0:
            return text


BORDERS = [str(sign * (2**bits + step)) for bits in (63, 64, 127, 128) for step in (-1, 0, 1) for sign in (1, -1)]

for text in (
    ["9" * 65, "1" + "0" * 64, "1" + "0" * 65, "-" + "9" * 65, "9" * 35 + "." + "9" * 30, "9" * 36 + "." + "9" * 30]
    + ["0." + "0" * 29 + "1", "0." + "0" * 30 + "1", "1." + "0" * 100, "0" * 100 + "7", "0e999999999", "1e999999999"]
    + ["1e64", "1e65", "1e-30", "1e-31", "10e-31", "0.001e-28", "12345678901234567890.5e10", "-7.25E+3", "5e-1"]
    + ["1e-999999999", "-0", "-0.00", "00012", "72000.00", "9" * 19, "9" * 20, "0." + "9" * 18, "0." + "9" * 30]
    + BORDERS
):
    row("parse", text, read(Decimal(text)))
for _ in range(40):
    text = number() + rng.choice(["", "", "e%d" % rng.randint(-40, 40), "E+%d" % rng.randint(0, 40)])
    row("parse", text, read(Decimal(text)))

for unscaled in [0, 1, -1, 127, 128, -128, -129, 2**120 - 1, 10**65 - 1, 10**65, -(10**65) + 1] + [int(b) for b in BORDERS]:
    for scale in rng.sample([0, 1, 2, 30, 31, 40, -1, -26, -64, -65], 3):
        filling = rng.choice([0, 0, 1, 20])
        length = (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1 + filling
        form = unscaled.to_bytes(length, "big", signed=True).hex()
        row("unscaled", form, scale, read(Decimal(unscaled).scaleb(-scale)))

pairs = [(a, b) for a in rng.sample(BORDERS, 6) for b in ("1", "-1", "0.1")]
pairs += [(number(), number()) for _ in range(40)]
for a, b in pairs:
    row("add", a, b, plain(Decimal(a) + Decimal(b)))
    row("sub", a, b, plain(Decimal(a) - Decimal(b)))
    row("compare", a, b, "Less" if Decimal(a) < Decimal(b) else "Greater" if Decimal(a) > Decimal(b) else "Equal")
for a in ["9" * 65, "-" + "9" * 65, "9" * 35 + "." + "9" * 30, BORDERS[-1]] + [number() for _ in range(20)]:
    quantity = rng.choice([-(2**63), 2**63 - 1, -1, 0, 100, rng.randint(-1000, 1000)])
    row("multiply", a, quantity, plain(Decimal(a) * quantity))

# Ties both ways, at 2 places and at others, then whatever comes.
quotients = [("0.01", 2, 2), ("0.03", 2, 2), ("-0.01", 2, 2), ("-0.03", 2, 2), ("0.05", 2, 2), ("1", 8, 2), ("3", 8, 2)]
quotients += [("0.005", 1, 2), ("0.015", 1, 2), ("-0.025", 1, 2), ("0.0050000001", 1, 2), ("0.0149999999", 1, 2)]
quotients += [("5", 2, 0), ("7", 2, 0), ("0.5", 1, 0), ("219000", 3, 2), ("9" * 65, 2, 2), ("-" + "9" * 65, 2**64 - 1, 30)]
quotients += [(number(), rng.choice([1, 2, 3, 4, 7, 8, 1000, 2**64 - 1]), rng.choice([0, 2, 2, 2, 8])) for _ in range(40)]
for a, n, places in quotients:
    row("divide", a, n, places, plain(rounded(Fraction(a) / n, places)))

changes = [("76000", "72000"), ("75600", "72000"), ("68000", "72000"), ("72000", "72000.00"), ("0", "72000"), ("-1", "3")]
changes += [(str(20000 + step), "20000") for step in (1, 3, 5, -1, -3, -5, 2, -2)]
changes += [(positive(), positive()) for _ in range(30)] + [("9" * 65, "0." + "0" * 29 + "1")]
for now, before in changes:
    row("percent", now, before, percent(now, before))

moves = [("75600", "72000", "5"), ("75599.99", "72000", "5"), ("68400", "72000", "5.0"), ("68400.01", "72000", "5")]
for _ in range(20):
    before, threshold = positive(max_fraction=15), positive(max_whole=2, max_fraction=4)
    edge = Decimal(before) * Decimal(threshold) / 100
    for step in (0, 1, -1):
        change = edge + step * Decimal("1e-25")
        now = Decimal(before) + rng.choice([1, -1]) * change
        if within_bounds(now):
            moves.append((plain(now), before, threshold))
for now, before, threshold in moves:
    row("moved", now, before, threshold, str(abs(Decimal(now) - Decimal(before)) * 100 >= Decimal(threshold) * Decimal(before)).lower())
