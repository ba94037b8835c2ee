#!/usr/bin/env python3
"""The oracle against values worked out by hand: `python3 selftest.py`.

Hand-made events are for boundaries only; what a connector writes is tested on recordings. Each table says how its
expected values come about.
"""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from collections import Counter
from decimal import Decimal, Inexact, localcontext
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
sys.path[:0] = [str(HERE), str(FIXTURES)]

import compare  # noqa: E402
import derive  # noqa: E402
import exact  # noqa: E402
import oracle  # noqa: E402
import recording  # noqa: E402
import strict_json  # noqa: E402
from pipeline import Options, Pipeline  # noqa: E402

T0 = 1_770_872_100_000
"""2026-02-12T04:55:00Z, the start of a 5-minute window: 1770872100000 / 300000 = 5902907."""


class Feed:
    """A pipeline fed with hand-made records; `out` collects what comes out."""

    def __init__(self, time="processing", **options):
        chosen = Options()
        chosen.time = time
        for name, value in options.items():
            setattr(chosen, name, value)
        self.pipeline, self.out, self.offsets, self.pos = Pipeline(chosen), [], Counter(), 100

    def raw(self, value, at=0, partition=0, topic="cdc.orders_db.orders"):
        """A record at T0 + at; gives the outputs of this record alone."""
        offset = self.offsets[(topic, partition)]
        self.offsets[(topic, partition)] += 1
        record = {"topic": topic, "partition": partition, "offset": offset, "timestamp": T0 + at, "value": value}
        got = list(self.pipeline.take(record))
        self.out += got
        return got

    def order(self, at=0, partition=0, op="c", when=None, place=None, **row):
        """An order; `when` is source.ts_ms − T0 (None: as `at`), `place` is (file number, pos, row) (None: a new one)."""
        if place is None:
            self.pos += 100
            place = (3, self.pos, 0)
        file, pos, number = place
        columns = {"id": 1, "symbol": "S", "side": "BUY", "quantity": 1, "price": "10", "status": "NEW", **row}
        source_ms = T0 + (at if when is None else when)
        source = {"ts_ms": source_ms, "db": "orders_db", "table": "orders", "file": f"bin.{file:06d}", "pos": pos, "row": number}
        before, after = (columns, None) if op == "d" else (None, columns)
        value = {"before": before, "after": after, "source": source, "op": op, "ts_ms": source_ms + 3}
        return self.raw(json.dumps(value), at, partition)

    def finish(self):
        got = list(self.pipeline.finish())
        self.out += got
        return got


def streams(outputs):
    return [output["stream"] for output in outputs]


def of(outputs, stream):
    return [output for output in outputs if output["stream"] == stream]


def alerts(outputs, rule):
    return [output for output in of(outputs, "alert") if output["rule"] == rule]


def run_file(name, options=None):
    outputs, pipeline = oracle.run(oracle.records([FIXTURES / name]), options or Options())
    return list(outputs), pipeline.summary()


def event_time_options(**changes):
    options = Options()
    options.time = "event"
    for name, value in changes.items():
        setattr(options, name, value)
    return options


class Recordings(unittest.TestCase):
    def test_the_seeds_section_6(self):
        outputs, summary = run_file("seed-section6.ndjson")
        self.assertEqual(
            [(o["op"], o["order_id"], o["symbol"], o["side"], o["quantity"], o["price"], o["status"]) for o in of(outputs, "raw")],
            [
                ("r", 1, "005930", "BUY", 100, "72000", "FILLED"),
                ("r", 3, "035420", "BUY", 30, "215000", "FILLED"),
                ("r", 4, "035720", "BUY", 200, "450000", "PENDING"),
                ("c", 5, "005930", "BUY", 50, "73000", "PENDING"),
                ("c", 6, "005930", "SELL", 1000, "74000", "PENDING"),
                ("c", 7, "000660", "BUY", 800, "180000", "PENDING"),
            ],
        )
        # 1000 and 800 are above 500; 800 × 180000 = 144,000,000 is above 100,000,000, 1000 × 74000 = 74,000,000 is not.
        # 72000 → 73000 is 1.39 %, 73000 → 74000 is 1.37 %: no spike.
        self.assertEqual(
            [(o["rule"], o["order_id"], o["value"]) for o in of(outputs, "alert")],
            [("LARGE_ORDER", 6, "1000"), ("LARGE_ORDER", 7, "800"), ("HIGH_AMOUNT", 7, "144000000")],
        )
        # The seed's 6.5: 100×72000 + 50×73000 + 1000×74000 = 84,850,000; (72000+73000+74000)/3 = 73000.
        # 30×215000 = 6,450,000; 200×450000 = 90,000,000. All end at 13:30:00, so they stand by symbol.
        self.assertEqual(
            [(o["symbol"], o["orders"], o["buys"], o["sells"], o["total"], o["avg"], o["min"], o["max"]) for o in of(outputs, "agg")],
            [
                ("000660", 1, 1, 0, "144000000", "180000", "180000", "180000"),
                ("005930", 3, 2, 1, "84850000", "73000", "72000", "74000"),
                ("035420", 1, 1, 0, "6450000", "215000", "215000", "215000"),
                ("035720", 1, 1, 0, "90000000", "450000", "450000", "450000"),
            ],
        )
        self.assertEqual(streams(outputs), ["raw"] * 5 + ["alert", "raw", "alert", "alert"] + ["agg"] * 4)
        # Order 1: ts_ms …396539 − source.ts_ms …396000.
        self.assertEqual(of(outputs, "raw")[0]["latency_ms"], 539)
        self.assertEqual((summary["consumed"], summary["applied"], summary["windows"]), (6, 6, 4))

    def test_unusual_is_accounted_for_as_the_contract_says(self):
        for name, options in (("unusual.ndjson", None), ("derived/unusual_stretched.ndjson.gz", None)):
            _, summary = run_file(name, options)
            self.assertEqual(
                {key: summary[key] for key in ("consumed", "applied", "duplicate", "late", "dead_letter")},
                {"consumed": 778, "applied": 718, "duplicate": 0, "late": 0, "dead_letter": 2},
            )
            self.assertEqual(
                summary["ignored"],
                {"tombstone": 24, "truncate": 1, "message": 0, "heartbeat": 9, "transaction": 0, "schema_change": 13, "other_table": 11},
            )

    def test_unusual_windows_equal_sums_of_the_raw_lines(self):
        # Another way to the same numbers: Python's decimal over the RAW lines, grouped by the AGG's own bounds.
        outputs, _ = run_file("derived/unusual_stretched.ndjson.gz", event_time_options(out_of_orderness_ms=10**9))
        groups = {}
        for raw in of(outputs, "raw"):
            minute = int(raw["event_time"][14:16])
            start = f"{raw['event_time'][:14]}{minute - minute % 5:02d}:00.000Z"
            groups.setdefault((raw["symbol"], start), []).append(raw)
        found = {(agg["symbol"], agg["window_start"]): agg for agg in of(outputs, "agg")}
        self.assertEqual(groups.keys(), found.keys())
        self.assertGreater(len(found), 40)
        for key, raws in groups.items():
            prices = [Decimal(raw["price"]) for raw in raws]
            agg = found[key]
            self.assertEqual(agg["orders"], len(raws))
            with localcontext() as context:
                context.prec = 200
                context.traps[Inexact] = True
                self.assertEqual(Decimal(agg["total"]), sum(Decimal(raw["price"]) * raw["quantity"] for raw in raws))
            self.assertEqual((Decimal(agg["min"]), Decimal(agg["max"])), (min(prices), max(prices)))
            self.assertEqual(agg["first_event"], min(raw["event_time"] for raw in raws))

    def test_last_revisions_hold_every_event_that_was_not_late(self):
        options = event_time_options(allowed_lateness_ms=600_000)
        outputs, summary = run_file("derived/unusual_out_of_order.ndjson.gz", options)
        late = {output["id"] for output in of(outputs, "late")}
        self.assertEqual(summary["late"], len(late))
        self.assertTrue(0 < len(late) < 37)  # 37 without allowed lateness
        orders = Counter()
        for raw in of(outputs, "raw"):
            if raw["id"] not in late:
                minute = int(raw["event_time"][14:16])
                orders[raw["symbol"], f"{raw['event_time'][:14]}{minute - minute % 5:02d}:00.000Z"] += 1
        last = {}
        for agg in of(outputs, "agg"):
            key = agg["symbol"], agg["window_start"]
            self.assertEqual(agg["revision"], last[key]["revision"] + 1 if key in last else 1)
            last[key] = agg
        self.assertEqual({key: agg["orders"] for key, agg in last.items()}, dict(orders))
        self.assertEqual(summary["windows"], len(of(outputs, "agg")))
        self.assertGreater(summary["windows"], len(last))

    def test_all_three_decimal_modes_and_both_wrappings_give_the_same_rows(self):
        def rows(name):
            wanted = ("op", "order_id", "symbol", "side", "quantity", "price", "amount", "status")
            return sorted(json.dumps([raw[key] for key in wanted]) for raw in of(run_file(name)[0], "raw"))

        expected = rows("recorded_schemas_false.ndjson")
        self.assertEqual(len(expected), 17)  # 19 lines, 2 of them tombstones
        for mode in ("", "double_", "precise_"):
            self.assertEqual(rows(f"recorded_{mode}schemas_true.ndjson"), expected, mode)
        self.assertEqual(rows("recorded_double_schemas_false.ndjson"), expected)
        # Base64 without a schema has no scale: all 17 are dead letters.
        self.assertEqual(run_file("recorded_precise_schemas_false.ndjson")[1]["dead_letter"], 17)

    def test_a_repeat_after_a_broker_was_killed(self):
        self.assertEqual(run_file("duplicates_after_broker_kill.ndjson")[1]["duplicate"], 1)

    def test_an_updated_key_is_d_and_c_at_one_place_and_both_count(self):
        _, summary = run_file("keyed_by_symbol_key_updates.ndjson")
        # 17 lines: 4 r, 4 d + 4 tombstones + 4 c, 1 u.
        self.assertEqual((summary["applied"], summary["duplicate"], summary["ignored"]["tombstone"]), (13, 0, 4))

    def test_repeats_at_the_end_change_nothing_but_the_accounting(self):
        for name, original, live in (
            ("derived/unusual_repeated.ndjson.gz", "unusual.ndjson", 117),
            ("derived/unusual_spread_repeated.ndjson.gz", "derived/unusual_spread.ndjson.gz", 117),
            ("derived/key_updates_repeated.ndjson", "keyed_by_symbol_key_updates.ndjson", 9),
        ):
            for options in (Options(), event_time_options()):
                repeated, summary = run_file(name, options)
                self.assertEqual(repeated, run_file(original, options)[0])
                self.assertEqual(summary["duplicate"], live)

    def test_a_binlog_that_begins_again_is_kept_once_a_partition_counted(self):
        outputs, summary = run_file("derived/unusual_binlog_reset.ndjson.gz")
        self.assertEqual((summary["applied"], summary["duplicate"], summary["generation"]), (718, 0, 3))
        self.assertEqual(len(of(outputs, "raw")), 718)

    def test_derived_files_are_what_their_commands_give(self):
        self.assertEqual(derive.check(), [])


class Rules(unittest.TestCase):
    def test_large_order_fires_above_500(self):
        for quantity, fires in ((499, 0), (500, 0), (501, 1), (-501, 0), (2**63 - 1, 1)):
            got = alerts(Feed().order(quantity=quantity), "LARGE_ORDER")
            self.assertEqual(len(got), fires, quantity)
        self.assertEqual(
            strict_json.write(alerts(Feed().order(quantity=501), "LARGE_ORDER")[0]),
            '{"stream":"alert","id":"LARGE_ORDER-cdc.orders_db.orders-0-0","rule":"LARGE_ORDER","symbol":"S","order_id":1,'
            '"value":"501","threshold":"500","message":"대량 주문 감지: 501주 (임계값: 500)","at":"2026-02-12T04:55:00.000Z"}',
        )

    def test_high_amount_fires_above_a_hundred_million(self):
        for price, quantity, amount in (
            ("100000000", 1, None),
            ("100000000.01", 1, "100000000.01"),
            ("100000000.000000000000000000000000000001", 1, "100000000.000000000000000000000000000001"),
            ("50000000", 2, None),
            ("-100000001", -1, "100000001"),
            ("100000001", -1, None),
        ):
            got = alerts(Feed().order(price=price, quantity=quantity), "HIGH_AMOUNT")
            self.assertEqual([alert["value"] for alert in got], [amount] if amount else [])

    def test_price_spike_fires_at_exactly_five_percent(self):
        for previous, price, value in (
            ("100", "105", "5.00"),  # exactly 5 % up
            ("100", "104.99", None),
            ("100", "95", "-5.00"),  # exactly 5 % down
            ("100", "95.01", None),
            ("72000", "76000", "5.56"),  # 4000/72000 = 5.5555… %
            ("72000", "68000", "-5.56"),
            ("0.0000000001", "0.000000000105", "5.00"),
            ("0.0000000001", "0.000000000104999999999999999999", None),  # one unit of the 30th decimal below
            # Half-even at two places: 8 % of 1600 is 128; 130/1600 = 8.125 % → 8.12, 130.16/1600 = 8.135 % → 8.14.
            ("1600", "1730", "8.12"),
            ("1600", "1730.16", "8.14"),
            ("1600", "1470", "-8.12"),
            ("3", "1", "-66.67"),
            ("1", "1000000", "99999900.00"),
        ):
            feed = Feed()
            feed.order(price=previous)
            got = alerts(feed.order(price=price), "PRICE_SPIKE")
            self.assertEqual([alert["value"] for alert in got], [value] if value else [], (previous, price))
        self.assertEqual(self.spike_message("72000.00", "76000"), "가격 급변 감지: 72000 → 76000 (+5.56%, 임계값: 5%)")
        self.assertEqual(self.spike_message("72000", "68000"), "가격 급변 감지: 72000 → 68000 (-5.56%, 임계값: 5%)")

    def spike_message(self, previous, price):
        feed = Feed()
        feed.order(price=previous)
        return alerts(feed.order(price=price), "PRICE_SPIKE")[0]["message"]

    def test_price_spike_forgets_prices_that_are_none(self):
        for odd in ("0", "-5", None, "0.00"):
            feed = Feed()
            feed.order(price="100")
            self.assertEqual(alerts(feed.order(price=odd), "PRICE_SPIKE"), [])
            self.assertEqual(len(alerts(feed.order(price="105"), "PRICE_SPIKE")), 1, odd)
            self.assertEqual(len(alerts(feed.order(symbol="other", price="500"), "PRICE_SPIKE")), 0)

    def test_rapid_orders_is_five_within_less_than_ten_seconds(self):
        for last, fires in ((9_998, 1), (9_999, 1), (10_000, 0)):
            feed = Feed()
            for at in (0, 1, 2, 3):
                self.assertEqual(alerts(feed.order(at), "RAPID_ORDERS"), [])
            self.assertEqual(len(alerts(feed.order(last), "RAPID_ORDERS")), fires, last)

    def test_rapid_orders_slides_and_keeps_quiet(self):
        # Orders every second from 0 on: the fifth, at 4 s, is the first alert; then at least 10 s of quiet: 14 s, 24 s.
        feed = Feed()
        fired = [second for second in range(30) if alerts(feed.order(second * 1000), "RAPID_ORDERS")]
        self.assertEqual(fired, [4, 14, 24])
        # 1 ms short of the quiet time is quiet.
        feed = Feed()
        for at in (0, 0, 0, 0, 0, 5_001, 5_002, 5_003, 5_004):
            feed.order(at)
        self.assertEqual(alerts(feed.order(9_999), "RAPID_ORDERS"), [])
        self.assertEqual(len(alerts(feed.order(10_000), "RAPID_ORDERS")), 1)

    def test_rapid_orders_in_event_time_goes_by_the_events_times_in_arrival_order(self):
        # Last five times 9, 0, 1, 2, 3 s: largest − smallest = 9 s.
        feed = Feed("event")
        for at, when in ((9_000, 9_000), (9_001, 0), (9_002, 1_000), (9_003, 2_000)):
            feed.order(at, when=when)
        got = alerts(feed.order(9_004, when=3_000), "RAPID_ORDERS")
        self.assertEqual([alert["at"] for alert in got], ["2026-02-12T04:55:03.000Z"])
        # 2.5 s is before 3 s: less than ten seconds after the last alert.
        self.assertEqual(alerts(feed.order(9_005, when=2_500), "RAPID_ORDERS"), [])

    def test_several_alerts_of_one_event_stand_in_the_tables_order(self):
        feed = Feed()
        for _ in range(4):
            feed.order(price="100000")
        got = feed.order(price="200000", quantity=501)
        self.assertEqual(
            [output.get("rule", output["stream"]) for output in got],
            ["raw", "LARGE_ORDER", "HIGH_AMOUNT", "PRICE_SPIKE", "RAPID_ORDERS"],
        )

    def test_a_rule_does_not_see_other_ops(self):
        feed = Feed()
        feed.pipeline.options.rules["PRICE_SPIKE"]["ops"] = {"c"}
        feed.order(price="100")
        self.assertEqual(alerts(feed.order(price="200", op="u"), "PRICE_SPIKE"), [])
        self.assertEqual(len(alerts(feed.order(price="105"), "PRICE_SPIKE")), 1)  # against 100, not 200
        feed.pipeline.options.rules["PRICE_SPIKE"]["enabled"] = False
        self.assertEqual(alerts(feed.order(price="500"), "PRICE_SPIKE"), [])


class Windows(unittest.TestCase):
    def agg_of(self, *orders):
        feed = Feed()
        for order in orders:
            feed.order(**order)
        return feed.finish()[0]

    def test_the_average_is_half_even_at_two_places_then_trimmed(self):
        for prices, expected in (
            (("0.01", "0.02"), "0.02"),  # 0.015 → 0.02 (2 is even)
            (("0.02", "0.03"), "0.02"),  # 0.025 → 0.02
            (("0.03", "0.04"), "0.04"),  # 0.035 → 0.04
            (("-0.01", "-0.02"), "-0.02"),
            (("0.005",), "0"),  # half of a hundredth → 0, not -0 or 0.00
            (("-0.005",), "0"),
            (("0.0050000001",), "0.01"),
            (("1", "2"), "1.5"),  # trimmed
            (("100", "200"), "150"),
            (("1", "1", "2"), "1.33"),  # 4/3
            (("1", "2", "2"), "1.67"),  # 5/3
            (("0.1", "0.2"), "0.15"),
        ):
            self.assertEqual(self.agg_of(*({"price": price} for price in prices))["avg"], expected, prices)

    def test_the_line_byte_for_byte(self):
        agg = self.agg_of(
            {"at": 1_500, "price": "72000.00", "quantity": 100},
            {"at": 2_000, "price": "73000", "quantity": 50, "side": "HOLD"},
            {"at": 2_000, "price": None, "quantity": 7, "side": None},
            {"at": 299_999, "price": "74000", "quantity": 1000, "side": "SELL"},
        )
        # 7200000 + 3650000 + 0 + 74000000; (72000+73000+0+74000)/4 = 54750; HOLD and null are neither buy nor sell.
        self.assertEqual(
            strict_json.write(agg),
            '{"stream":"agg","id":"S-1770872100000-1770872400000-r1","symbol":"S","window_start":"2026-02-12T04:55:00.000Z",'
            '"window_end":"2026-02-12T05:00:00.000Z","first_event":"2026-02-12T04:55:01.500Z","orders":4,"buys":1,"sells":1,'
            '"total":"84850000","avg":"54750","min":"0","max":"74000","revision":1}',
        )

    def test_a_window_closes_before_the_event_that_closes_it(self):
        feed = Feed()
        feed.order(0, symbol="B")
        feed.order(299_999, symbol="A")
        self.assertEqual(streams(feed.order(300_000, symbol="B")), ["agg", "agg", "raw"])
        self.assertEqual([agg["symbol"] for agg in of(feed.out, "agg")], ["A", "B"])
        # Anything that moves the clock closes windows, a tombstone too; 600,000 is the end of the second window.
        self.assertEqual(streams(feed.raw(None, at=599_999)), [])
        self.assertEqual(streams(feed.raw(None, at=600_000)), ["agg"])

    def test_windows_fire_by_end_then_by_symbols_bytes(self):
        feed = Feed()
        for symbol in ("b", "가", "a", "🚀", "\uffee", "B"):
            feed.order(0, symbol=symbol)
        feed.order(300_000, symbol="B")
        # UTF-8: B 42, a 61, b 62, 가 EA…, U+FFEE EF…, 🚀 F0… (UTF-16 would put 🚀 before U+FFEE).
        self.assertEqual([agg["symbol"] for agg in of(feed.out, "agg")], ["B", "a", "b", "가", "\uffee", "🚀"])
        self.assertEqual([agg["symbol"] for agg in feed.finish()], ["B"])

    def test_the_clock_never_goes_back(self):
        feed = Feed()
        feed.order(300_000)
        feed.order(10)
        self.assertEqual([agg["orders"] for agg in feed.finish()], [2])

    def test_agg_ops(self):
        feed = Feed(agg_ops={"c", "u"})
        for op in ("c", "u", "d", "r"):
            feed.order(op=op)
        self.assertEqual([agg["orders"] for agg in feed.finish()], [2])
        self.assertEqual(len(of(feed.out, "raw")), 4)


class EventTime(unittest.TestCase):
    def test_a_window_fires_when_the_watermark_reaches_its_end(self):
        # W = t − 5000: 304,999 → 299,999 < 300,000; 305,000 → 300,000.
        feed = Feed("event")
        feed.order(0)
        self.assertEqual(streams(feed.order(304_999)), ["raw"])
        self.assertEqual(streams(feed.order(305_000)), ["agg", "raw"])

    def test_late_is_raw_and_meets_the_rules_and_is_no_longer_added(self):
        feed = Feed("event")
        feed.order(0)
        feed.order(305_000)
        got = feed.order(305_001, when=299_999, quantity=501)
        self.assertEqual(streams(got), ["raw", "alert", "late"])
        self.assertEqual({**got[0], "stream": "late"}, got[2])
        self.assertEqual(list(got[2])[0], "stream")
        self.assertEqual((feed.pipeline.counts["applied"], feed.pipeline.counts["late"]), (2, 1))
        self.assertEqual(streams(feed.order(305_002, when=300_000)), ["raw"])  # its window ends at 600,000
        self.assertEqual([agg["orders"] for agg in feed.finish()], [2])

    def test_what_has_no_window_is_never_late(self):
        feed = Feed("event", agg_ops={"c"})
        feed.order(0)
        feed.order(305_000)
        self.assertEqual(streams(feed.order(305_001, when=0, op="u")), ["raw"])
        self.assertEqual(streams(feed.order(305_002, when=0, op="c")), ["raw", "late"])
        self.assertEqual((feed.pipeline.counts["applied"], feed.pipeline.counts["late"]), (3, 1))

    def test_allowed_lateness_corrects(self):
        # Window [0, 300,000) fires at W = 300,000; open for corrections until W = 360,000, that is t = 365,000.
        feed = Feed("event", allowed_lateness_ms=60_000)
        feed.order(0, price="10")
        self.assertEqual([o.get("revision") for o in feed.order(305_000)], [1, None])
        got = feed.order(305_001, when=100, price="20", quantity=501)
        self.assertEqual([(o["stream"], o.get("revision"), o.get("orders")) for o in got][0], ("raw", None, None))
        self.assertEqual(streams(got), ["raw", "alert", "alert", "agg"])
        self.assertEqual((got[3]["revision"], got[3]["orders"], got[3]["avg"]), (2, 2, "15"))
        self.assertEqual(got[3]["id"], f"S-{T0}-{T0 + 300_000}-r2")
        # A symbol that had nothing in that window: fires at once, as its first revision.
        got = feed.order(305_002, when=100, symbol="N")
        self.assertEqual([(o["stream"], o.get("revision")) for o in got], [("raw", None), ("agg", 1)])
        feed.order(364_999)
        self.assertEqual(streams(feed.order(365_000, when=100)), ["raw", "agg"])  # W = 359,999
        feed.order(365_000)
        self.assertEqual(streams(feed.order(365_001, when=100)), ["raw", "late"])  # W = 360,000
        # At the end only what has not fired: [300,000, 600,000) of S with its 3 orders.
        self.assertEqual([(agg["symbol"], agg["orders"]) for agg in feed.finish()], [("S", 3)])

    def test_first_event_is_the_smallest_time(self):
        feed = Feed("event")
        for at, when in ((10, 3_000), (11, 1_000), (12, 2_000)):
            feed.order(at, when=when)
        self.assertEqual(feed.finish()[0]["first_event"], "2026-02-12T04:55:01.000Z")

    def test_the_watermark_is_the_minimum_over_partitions(self):
        feed = Feed("event")
        feed.order(0, partition=0)
        feed.order(0, partition=1)
        self.assertEqual(streams(feed.order(20_000, when=310_000, partition=0)), ["raw"])  # partition 1 holds W at −5 s
        self.assertEqual(streams(feed.order(20_001, when=305_000, partition=1)), ["agg", "raw"])

    def test_an_idle_partition_does_not_hold_the_watermark(self):
        feed = Feed("event")
        feed.order(0, partition=0)
        feed.order(0, partition=1, symbol="X")
        feed.order(29_000, when=310_000, partition=0)
        self.assertEqual(streams(feed.raw(None, at=29_999, partition=0)), [])
        # 30,000 ms without a line of partition 1: W = 305,000; both windows that end at 300,000 are due.
        self.assertEqual(streams(feed.raw(None, at=30_000, partition=0)), ["agg", "agg"])
        # Any record counts as activity, and the partition holds W again, which does not go back.
        feed.raw(None, at=30_001, partition=1)
        feed.order(30_002, when=620_000, partition=0)
        self.assertEqual(feed.pipeline.watermark, T0 + 305_000)
        self.assertEqual(streams(feed.order(30_003, when=10, partition=1)), ["raw", "late"])

    def test_all_idle_leaves_the_watermark(self):
        feed = Feed("event")
        feed.order(0, partition=0)
        feed.order(1, partition=1, when=100_000)
        self.assertEqual(feed.pipeline.watermark, T0 - 5_000)
        feed.raw(None, at=60_000, partition=2)
        self.assertEqual(feed.pipeline.watermark, T0 - 5_000)

    def test_a_partition_takes_part_from_its_first_order_event(self):
        feed = Feed("event")
        feed.raw(None, partition=1)
        feed.raw('{"ts_ms":1}', partition=2)
        feed.order(0, partition=0)
        self.assertEqual(feed.pipeline.watermark, T0 - 5_000)

    def test_a_time_more_than_an_hour_ahead_does_not_move_the_watermark(self):
        feed = Feed("event")
        feed.order(0)
        feed.order(1, when=3_600_002)
        self.assertEqual(feed.pipeline.watermark, T0 - 5_000)
        feed.order(1, when=3_600_001)
        self.assertEqual(feed.pipeline.watermark, T0 + 3_595_001)

    def test_without_a_source_time_the_records_timestamp_counts(self):
        source = {"db": "orders_db", "table": "orders"}
        row = {"order_id": "A-1", "symbol": "S", "quantity": 1}
        got = Feed("event").raw(json.dumps({"op": "c", "after": row, "source": source, "ts_ms": 5}), at=42)
        self.assertEqual(
            strict_json.write(got[0]),
            '{"stream":"raw","id":"cdc.orders_db.orders-0-0","op":"c","order_id":"A-1","symbol":"S","side":null,"quantity":1,'
            '"price":"0","amount":"0","status":null,"latency_ms":null,"event_time":"2026-02-12T04:55:00.042Z",'
            '"topic":"cdc.orders_db.orders","partition":0,"offset":0}',
        )


class Marks(unittest.TestCase):
    def judged(self, *steps):
        """What becomes of (op, place, when) in turn: a applied, x duplicate, g kept under a new mark."""
        feed, seen = Feed(), ""
        for op, place, when in steps:
            before = feed.pipeline.generation
            kept = streams(feed.order(op=op, place=place, when=when))[:1] == ["raw"]
            seen += "g" if feed.pipeline.generation > before else "a" if kept else "x"
        return seen

    def test_places_and_steps(self):
        for steps, expected in (
            ([("c", (3, 10, 0), 0), ("c", (3, 10, 0), 0)], "ax"),
            ([("c", (3, 10, 0), 0), ("c", (3, 10, 1), 0), ("c", (3, 10, 0), 0)], "aax"),
            ([("c", (3, 10, 9), 0), ("c", (3, 11, 0), 0)], "aa"),
            ([("c", (3, 99, 0), 0), ("c", (4, 4, 0), 0)], "aa"),
            ([("c", (9, 99, 0), 0), ("c", (10, 4, 0), 0)], "aa"),  # numbers, not text
            ([("c", (999999, 99, 0), 0), ("c", (1000000, 4, 0), 0)], "aa"),
            # d then c at one place: both kept; each repeated: both dropped.
            ([("d", (3, 10, 0), 0), ("c", (3, 10, 0), 0), ("d", (3, 10, 0), 0), ("c", (3, 10, 0), 0)], "aaxx"),
            # c then d of a later pos.
            ([("c", (3, 10, 0), 0), ("d", (3, 11, 0), 0)], "aa"),
            # r neither reads nor moves the mark.
            ([("c", (3, 10, 0), 0), ("r", (3, 10, 0), 0), ("r", (3, 99, 0), 0), ("r", (3, 99, 0), 0), ("c", (3, 11, 0), 0)], "aaaaa"),
            # At or below the mark, but after its time: the binlog began again, and the mark with it.
            ([("c", (3, 10, 0), 5), ("c", (1, 4, 0), 6), ("c", (1, 4, 0), 6), ("c", (1, 5, 0), 6), ("c", (3, 10, 0), 6)], "agxaa"),
            ([("c", (3, 10, 0), 5), ("c", (3, 10, 0), 6)], "ag"),
            ([("c", (3, 10, 0), 5), ("c", (1, 4, 0), 5)], "ax"),
            # The time is the highest, not the last one's: 7 is not after 9.
            ([("c", (3, 10, 0), 9), ("c", (3, 11, 0), 6), ("c", (3, 10, 0), 7)], "aax"),
            # A new mark begins with its own time: 6 is after 5, 7 after 6.
            ([("c", (3, 10, 0), 5), ("c", (1, 9, 0), 6), ("c", (1, 4, 0), 7)], "agg"),
        ):
            self.assertEqual(self.judged(*steps), expected, steps)

    def test_partitions_have_marks_of_their_own(self):
        feed = Feed()
        for partition in (0, 1):
            self.assertEqual(streams(feed.order(partition=partition, place=(3, 10, 0))), ["raw"])

    def test_bad_rows_move_the_mark_and_repeat(self):
        feed = Feed()
        self.assertEqual(streams(feed.order(place=(3, 10, 0), symbol=None)), ["dead_letter"])
        self.assertEqual(streams(feed.order(place=(3, 10, 0), symbol=None)), [])
        self.assertEqual(feed.pipeline.counts["duplicate"], 1)

    def test_duplicates_touch_nothing(self):
        feed = Feed()
        feed.order(place=(3, 10, 0), price="100")
        feed.order(place=(3, 10, 0), price="200", quantity=501)
        self.assertEqual(streams(feed.out), ["raw"])
        self.assertEqual(feed.finish()[0]["orders"], 1)
        self.assertEqual(len(alerts(feed.order(price="105"), "PRICE_SPIKE")), 1)


class Values(unittest.TestCase):
    def test_decimals_print_plain(self):
        for text, expected in (
            ("200.3300000000", "200.33"), ("-0.00", "0"), ("0", "0"), ("1e3", "1000"), ("1.5E-3", "0.0015"), ("100", "100"),
            ("-12.50", "-12.5"), ("1e64", "1" + "0" * 64), ("00.10", "0.1"),
        ):
            self.assertEqual(exact.plain(exact.from_text(text)), expected)

    def test_base64_is_twos_complement(self):
        # SgY= is 0x4A06 = 18950, scale 2: 189.50 (order 1 of recorded_precise_schemas_true).
        for text, scale, expected in (("SgY=", 2, "189.5"), ("/w==", 2, "-0.01"), ("gA==", 0, "-128"), ("AIA=", 0, "128"), ("AQ==", -3, "1000")):
            self.assertEqual(exact.plain(exact.from_base64(text, scale)), expected)

    def test_times(self):
        for ms, expected in (
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_770_872_258_000, "2026-02-12T04:57:38.000Z"),  # the contract's own example
            (exact.FIRST_MS, "0001-01-01T00:00:00.000Z"),
            (exact.LAST_MS, "9999-12-31T23:59:59.999Z"),
        ):
            self.assertEqual(exact.rfc3339(ms), expected)

    def test_json_is_what_serde_json_takes(self):
        for text, taken in (
            ("[" * 127 + "]" * 127, True),
            ("[" * 128 + "]" * 128, False),
            ('{"a":' * 127 + "1" + "}" * 127, True),
            ('{"a":' * 128 + "1" + "}" * 128, False),
            ('"' + "[" * 500 + '\\"{"', True),
            ("[" * 100_000, False),
            ("1.7976931348623157e308", True),
            ("1e309", False),
            ("-1e309", False),
            ("9" * 309, False),
            ("0e999999999999", True),
            ("NaN", False),
            ('"\\ud83d\\ude80"', True),
            ('"\\ud83d"', False),
            ('"\\ude80"', False),
            ('"\\ud83d\\n\\ude80"', False),
            ('"\\\\ud83d"', True),
            ('{"\\ud83d":1}', False),
            ('"\t"', False),
            ("01", False),
            ("\ufeff1", False),
            (" \t\r\n1\n", True),
            ("\x0c1", False),
            ("1 1", False),
            ("", False),
        ):
            try:
                strict_json.parse(text)
                self.assertTrue(taken, text[:40])
            except strict_json.Malformed:
                self.assertFalse(taken, text[:40])

    def test_the_named_cases(self):
        # What stands in the contract word for word, on real messages; the other cases are compared with the worker.
        expected = {
            "as recorded": "raw",
            'price = "12,5"': "dead_letter",
            "price = null": "raw",
            "price = 1e309": "dead_letter",
            'price = "1e64"': "raw",
            'price = "1e65"': "dead_letter",
            "quantity = 500": "raw",
            "quantity = 9223372036854775807": "raw",
            "quantity = 9223372036854775808": "dead_letter",
            "id = 18446744073709551615": "raw",
            "source.pos = -1": "dead_letter",
            "quantity = 1.0": "dead_letter",
            "quantity = NaN": "dead_letter",
            'symbol = ""': "raw",
            "symbol = null": "dead_letter",
            'symbol = "\\\\ud83d"': "dead_letter",
            "quantity twice, null last": "dead_letter",
            "quantity twice, null first": "raw",
            "the same once more": None,
            "c at the place of d": "raw",
            "value null": None,
            "value NaN": "dead_letter",
            "as recorded, at the end": "raw",
        }
        name = FIXTURES / "derived/unusual_values.ndjson.gz"
        cases = [json.loads(record["key"])["case"] for record in recording.read(name)]
        pipeline, seen = Pipeline(Options()), {}
        for case, record in zip(cases, oracle.records([name])):
            got = [output["stream"] for output in pipeline.take(record) if output["stream"] != "agg"]
            seen[case] = got[0] if got else None
        self.assertEqual({case: seen.get(case, "no such case") for case in expected}, expected)


class Compare(unittest.TestCase):
    def compared(self, expected, actual):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, content in (("expected", expected), ("actual", actual)):
                path = Path(folder) / name
                path.write_text(content, encoding="utf-8")
                paths.append(str(path))
            with contextlib.redirect_stdout(io.StringIO()) as said:
                return compare.main(paths), said.getvalue()

    def test_reasons_may_differ_and_nothing_else(self):
        letter = '{"stream":"dead_letter","topic":"t","partition":0,"offset":1,"reason":%s,"value_base64":"eA=="}\n'
        raw = '{"stream":"raw","id":"t-0-1","price":"1"}\n'
        self.assertEqual(self.compared(letter % '"a"', letter % '"b \\"q\\""')[0], 0)
        for expected, actual, says in (
            (letter % '"a"', letter % '""', "reason"),
            (letter % '"a"', (letter % '"a"').replace("eA==", "eQ=="), "value_base64"),
            (letter % '"a"', (letter % '"a"').replace('"topic":"t","partition":0', '"partition":0,"topic":"t"'), "order of keys"),
            (raw, raw.replace('"1"', '"2"'), "price: expected '1', actual '2'"),
            (raw, raw.replace('"1"', '1'), "price"),
            (raw, raw.replace(",", ", "), "not the same bytes"),
            (raw, "", "only expected: 1"),
            (raw, raw + raw, "only actual: 1"),
            (raw, raw.rstrip("\n"), "no newline"),
        ):
            code, said = self.compared(expected, actual)
            self.assertEqual(code, 1, actual)
            self.assertIn(says, said)


if __name__ == "__main__":
    unittest.main()
