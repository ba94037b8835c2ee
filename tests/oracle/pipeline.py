"""Records in, output objects out: the clock, the marks, the watermark, the windows and the accounting."""

import base64

import envelope as wire
import exact
import rules

IGNORED = ("tombstone", "truncate", "message", "heartbeat", "transaction", "schema_change", "other_table")
HOUR_MS = 3_600_000


class Options:
    """The knobs of a run, with the contract's defaults."""

    def __init__(self):
        self.time = "processing"
        self.window_ms = 300_000
        self.agg_ops = None
        self.out_of_orderness_ms = 5_000
        self.allowed_lateness_ms = 0
        self.idle_after_ms = 30_000
        self.table = "orders_db.orders"
        self.rules = {name: dict(setting) for name, setting in rules.DEFAULTS.items()}


class Window:
    """The accumulator of one symbol's window."""

    def __init__(self, first):
        self.first = first
        self.orders = self.buys = self.sells = 0
        self.total = self.prices = 0
        self.low = self.high = None
        self.revision = 0

    def add(self, order, amount, time):
        self.first = min(self.first, time)
        self.orders += 1
        self.buys += order.side == "BUY"
        self.sells += order.side == "SELL"
        self.total += amount
        self.prices += order.price
        self.low = order.price if self.low is None else min(self.low, order.price)
        self.high = order.price if self.high is None else max(self.high, order.price)


class Partition:
    """What is remembered of one topic and partition."""

    def __init__(self):
        self.mark = None
        self.mark_time = None
        self.largest_time = None
        self.last_clock = None


class Pipeline:
    """Feed it records in line order with `take`, then call `finish`; both give the output objects in order."""

    def __init__(self, options):
        self.options = options
        self.clock = None
        self.watermark = None
        self.partitions = {}
        self.symbols = {}
        self.windows = {}  # (end, symbol's bytes, symbol) → Window
        self.earliest_end = None  # of the windows that have not fired: spares a scan at every line
        self.counts = {"consumed": 0, "applied": 0, "duplicate": 0, "late": 0, "dead_letter": 0}
        self.ignored = dict.fromkeys(IGNORED, 0)
        self.alerts = dict.fromkeys(rules.RULES, 0)
        self.fired = 0
        self.generation = 0

    @property
    def event_time(self):
        return self.options.time == "event"

    def take(self, record):
        """One record: a dict with topic, partition, offset, timestamp and value (text or None)."""
        self.counts["consumed"] += 1
        timestamp = record["timestamp"]
        self.clock = timestamp if self.clock is None else max(self.clock, timestamp)
        partition = self.partitions.setdefault((record["topic"], record["partition"]), Partition())
        if self.event_time:
            self._advance_watermark()
        yield from self._fire_due()
        partition.last_clock = self.clock
        try:
            change = wire.classify(record["value"], self.options.table)
            if self._is_duplicate(partition, change):
                self.counts["duplicate"] += 1
                return
            order = wire.read_row(change)
        except wire.Ignored as ignored:
            self.ignored[str(ignored)] += 1
            return
        except wire.DeadLetter as reason:
            self.counts["dead_letter"] += 1
            yield dead_letter(record, str(reason))
            return
        yield from self._apply(record, partition, change, order)

    def _is_duplicate(self, partition, change):
        """Reads and moves the mark: only c, u and d have a position."""
        position, time = change.position, change.source_ts_ms
        if position is None:
            return False
        if partition.mark is not None and position <= partition.mark:
            if time is None or (partition.mark_time is not None and time <= partition.mark_time):
                return True
            self.generation += 1  # the mark starts anew here; its time is below this one's already
        partition.mark = position
        if time is not None:
            partition.mark_time = time if partition.mark_time is None else max(partition.mark_time, time)
        return False

    def _apply(self, record, partition, change, order):
        event_time = record["timestamp"] if change.source_ts_ms is None else change.source_ts_ms
        if self.event_time:
            if event_time <= self.clock + HOUR_MS:
                largest = partition.largest_time
                partition.largest_time = event_time if largest is None else max(largest, event_time)
                self._advance_watermark()
                yield from self._fire_due()
        now = event_time if self.event_time else self.clock
        amount = order.price * order.quantity
        raw = raw_line(record, change, order, amount, event_time)
        yield raw
        start = now // self.options.window_ms * self.options.window_ms
        end = start + self.options.window_ms
        has_window = self.options.agg_ops is None or change.op in self.options.agg_ops
        late = has_window and self.event_time and self._passed(end + self.options.allowed_lateness_ms)
        self.counts["late" if late else "applied"] += 1
        corrected = None
        if has_window and not late:
            corrected = self._add_to_window(order, amount, now, end)
        memory = self.symbols.setdefault(order.symbol, rules.SymbolRules())
        for alert in memory.alerts(self.options.rules, change.op, order, amount, now):
            self.alerts[alert[0]] += 1
            yield alert_line(record, order, alert, now)
        if late:
            yield {**raw, "stream": "late"}
        if corrected:
            yield self._agg_line(corrected)

    def _add_to_window(self, order, amount, time, end):
        """Gives the window's key where it has ended already, so that a corrected line is due."""
        key = (end, order.symbol.encode(), order.symbol)
        window = self.windows.setdefault(key, Window(time))
        window.add(order, amount, time)
        if self.event_time and self._passed(end):
            return key
        self.earliest_end = end if self.earliest_end is None else min(self.earliest_end, end)
        return None

    def _passed(self, time):
        return self.watermark is not None and time <= self.watermark

    def _advance_watermark(self):
        """The minimum over the partitions that take part and are not idle; never backwards; all idle: it stays."""
        active = [
            partition.largest_time
            for partition in self.partitions.values()
            if partition.largest_time is not None
            and self.clock - partition.last_clock < self.options.idle_after_ms
        ]
        if active:
            reached = min(active) - self.options.out_of_orderness_ms
            self.watermark = reached if self.watermark is None else max(self.watermark, reached)

    def _fire_due(self):
        now = self.watermark if self.event_time else self.clock
        if now is None:
            return
        if self.earliest_end is not None and self.earliest_end <= now:
            due = sorted(key for key, window in self.windows.items() if key[0] <= now and not window.revision)
            for key in due:
                yield self._agg_line(key)
            waiting = [key[0] for key, window in self.windows.items() if not window.revision]
            self.earliest_end = min(waiting, default=None)
            lateness = self.options.allowed_lateness_ms if self.event_time else 0
            for key in [key for key in self.windows if key[0] + lateness <= now]:
                del self.windows[key]

    def finish(self):
        """The end of the recording: every window that has not fired fires, by end and then by symbol."""
        for key in sorted(key for key, window in self.windows.items() if not window.revision):
            yield self._agg_line(key)

    def _agg_line(self, key):
        end, _, symbol = key
        window = self.windows[key]
        window.revision += 1
        self.fired += 1
        start = end - self.options.window_ms
        average = exact.hundredths(window.prices, window.orders * exact.ONE)
        return {
            "stream": "agg",
            "id": f"{symbol}-{start}-{end}-r{window.revision}",
            "symbol": symbol,
            "window_start": exact.rfc3339(start),
            "window_end": exact.rfc3339(end),
            "first_event": exact.rfc3339(window.first),
            "orders": window.orders,
            "buys": window.buys,
            "sells": window.sells,
            "total": exact.plain(window.total),
            "avg": exact.plain(average * (exact.ONE // 100)),
            "min": exact.plain(window.low),
            "max": exact.plain(window.high),
            "revision": window.revision,
        }

    def summary(self):
        """The accounting, in the contract's order of keys."""
        total = sum(self.counts[key] for key in ("applied", "duplicate", "late", "dead_letter"))
        if self.counts["consumed"] != total + sum(self.ignored.values()):
            raise AssertionError(f"the oracle's own accounting does not add up: {self.counts} {self.ignored}")
        return {
            **self.counts,
            "ignored": self.ignored,
            "alerts": self.alerts,
            "windows": self.fired,
            "generation": self.generation,
        }


def record_id(record):
    """What names a record in every stream: topic-partition-offset."""
    return f"{record['topic']}-{record['partition']}-{record['offset']}"


def raw_line(record, change, order, amount, event_time):
    both = change.ts_ms is not None and change.source_ts_ms is not None
    return {
        "stream": "raw",
        "id": record_id(record),
        "op": change.op,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "price": exact.plain(order.price),
        "amount": exact.plain(amount),
        "status": order.status,
        "latency_ms": change.ts_ms - change.source_ts_ms if both else None,
        "event_time": exact.rfc3339(event_time),
        "topic": record["topic"],
        "partition": record["partition"],
        "offset": record["offset"],
    }


def alert_line(record, order, alert, now):
    rule, value, threshold, message = alert
    return {
        "stream": "alert",
        "id": f"{rule}-{record_id(record)}",
        "rule": rule,
        "symbol": order.symbol,
        "order_id": order.order_id,
        "value": value,
        "threshold": threshold,
        "message": message,
        "at": exact.rfc3339(now),
    }


def dead_letter(record, reason):
    return {
        "stream": "dead_letter",
        "topic": record["topic"],
        "partition": record["partition"],
        "offset": record["offset"],
        "reason": reason,
        "value_base64": base64.b64encode(record["value"].encode()).decode(),
    }
