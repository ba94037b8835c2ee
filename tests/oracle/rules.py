"""The four rules. Each is fed every order event of a symbol whose op is on its list, in arrival order."""

import exact

RULES = ("LARGE_ORDER", "HIGH_AMOUNT", "PRICE_SPIKE", "RAPID_ORDERS")
"""The order of the contract's table, which is the order of the alerts of one event."""

DEFAULTS = {
    "LARGE_ORDER": {"enabled": True, "ops": None, "threshold": 500},
    "HIGH_AMOUNT": {"enabled": True, "ops": None, "threshold": 100_000_000 * exact.ONE},
    "PRICE_SPIKE": {"enabled": True, "ops": None, "threshold": 5 * exact.ONE},
    "RAPID_ORDERS": {"enabled": True, "ops": None, "threshold": 5, "within_ms": 10_000, "quiet_ms": 10_000},
}
"""Thresholds that are decimals (an amount, a percentage) are in units of 10^-30; `ops` None is every op."""


class SymbolRules:
    """What the rules remember of one symbol."""

    __slots__ = ("previous_price", "times", "last_rapid")

    def __init__(self):
        self.previous_price = None
        self.times = []
        self.last_rapid = None

    def alerts(self, settings, op, order, amount, now):
        """The alerts that this order raises: (rule, value, threshold, message), in the table's order."""
        raised = []
        for rule in RULES:
            setting = settings[rule]
            if not setting["enabled"] or (setting["ops"] is not None and op not in setting["ops"]):
                continue
            alert = getattr(self, "_" + rule.lower())(setting, order, amount, now)
            if alert:
                raised.append((rule, *alert))
        return raised

    def _large_order(self, setting, order, _amount, _now):
        limit = setting["threshold"]
        if order.quantity <= limit:
            return None
        return str(order.quantity), str(limit), f"대량 주문 감지: {order.quantity}주 (임계값: {limit})"

    def _high_amount(self, setting, _order, amount, _now):
        if amount <= setting["threshold"]:
            return None
        value, limit = exact.plain(amount), exact.plain(setting["threshold"])
        return value, limit, f"고액 주문 감지: {value}원 (임계값: {limit})"

    def _price_spike(self, setting, order, _amount, _now):
        price, previous = order.price, self.previous_price
        if price <= 0:
            return None
        self.previous_price = price
        if previous is None or abs(price - previous) * 100 * exact.ONE < setting["threshold"] * previous:
            return None
        value = exact.two_places(exact.hundredths((price - previous) * 100, previous))
        signed = value if value.startswith("-") else "+" + value
        limit = exact.plain(setting["threshold"])
        prices = f"{exact.plain(previous)} → {exact.plain(price)}"
        return value, limit, f"가격 급변 감지: {prices} ({signed}%, 임계값: {limit}%)"

    def _rapid_orders(self, setting, _order, _amount, now):
        count = setting["threshold"]
        self.times = (self.times + [now])[-count:]
        if len(self.times) < count or max(self.times) - min(self.times) >= setting["within_ms"]:
            return None
        if self.last_rapid is not None and now - self.last_rapid < setting["quiet_ms"]:
            return None
        self.last_rapid = now
        seconds = exact.plain(setting["within_ms"] * exact.ONE // 1000)
        return str(count), str(count), f"단기 다수 주문 감지: {seconds}초 내 {count}건 (임계값: {count})"
