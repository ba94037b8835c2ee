//! The rules together: one event in, its alerts out, in the order of the table in `spec.md` 1.2.

use serde::{Deserialize, Serialize};

use super::{Alert, Finding, HighAmount, LargeOrder, OrderTimes, PriceSpike, RapidOrders};
use crate::decimal::Decimal;
use crate::event::OrderEvent;

/// The rules that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// LARGE_ORDER, if on.
    pub large_order: Option<LargeOrder>,
    /// HIGH_AMOUNT, if on.
    pub high_amount: Option<HighAmount>,
    /// PRICE_SPIKE, if on.
    pub price_spike: Option<PriceSpike>,
    /// RAPID_ORDERS, if on.
    pub rapid_orders: Option<RapidOrders>,
}

/// What the rules keep for one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleState {
    previous_price: Option<Decimal>,
    order_times: OrderTimes,
}

impl Rules {
    /// Looks at an event whose time is `at_ms`; hands each alert to `emit`.
    pub fn on_event(&self, state: &mut RuleState, event: &OrderEvent, at_ms: i64, mut emit: impl FnMut(Alert)) {
        let mut fire = |finding: Option<Finding>| {
            if let Some(finding) = finding {
                emit(Alert { at_ms, finding });
            }
        };
        if let Some(rule) = &self.large_order {
            fire(rule.on_event(event));
        }
        if let Some(rule) = &self.high_amount {
            fire(rule.on_event(event));
        }
        if let Some(rule) = &self.price_spike {
            fire(rule.on_event(&mut state.previous_price, event));
        }
        if let Some(rule) = &self.rapid_orders {
            fire(rule.on_event(&mut state.order_times, event, at_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::Rule;
    use crate::event::{Op, OpSet, testing::order};

    fn rules() -> Rules {
        Rules {
            large_order: Some(LargeOrder { threshold: 500, ops: OpSet::ALL }),
            high_amount: Some(HighAmount { threshold: Decimal::from_i64(100_000_000), ops: OpSet::ALL }),
            price_spike: Some(PriceSpike { threshold: Decimal::from_i64(5), ops: OpSet::ALL }),
            rapid_orders: Some(RapidOrders { count: 5, window_ms: 10_000, quiet_ms: 10_000, ops: OpSet::ALL }),
        }
    }

    fn alerts(rules: &Rules, state: &mut RuleState, event: &OrderEvent, at_ms: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        rules.on_event(state, event, at_ms, |alert| {
            assert_eq!(alert.at_ms, at_ms);
            findings.push(alert.finding);
        });
        findings
    }

    fn names(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|finding| finding.rule().name()).collect()
    }

    // spec.md 1.2: 500 does not fire, 501 does.
    #[test]
    fn large_order_fires_above_its_threshold() {
        for (quantity, fires) in [(500, false), (501, true), (-501, false), (i64::MAX, true), (0, false)] {
            let found = alerts(&rules(), &mut RuleState::default(), &order("A", "BUY", quantity, "0"), 0);
            assert_eq!(names(&found) == ["LARGE_ORDER"], fires, "{quantity}");
        }
    }

    // 100,000,000 does not fire; a hundred-millionth above it does.
    #[test]
    fn high_amount_is_exact() {
        let cases = [
            (1, "100000000", false),
            (1, "100000000.00000001", true),
            (400, "250000", false),
            (400, "250000.01", true),
            (-400, "300000", false),
            (-1, "-100000001", true),
        ];
        for (quantity, price, fires) in cases {
            let found = alerts(&rules(), &mut RuleState::default(), &order("A", "BUY", quantity, price), 0);
            assert_eq!(names(&found) == ["HIGH_AMOUNT"], fires, "{quantity}@{price}");
        }
    }

    /// The percentages that a sequence of prices raises.
    fn spikes(prices: &[&str]) -> Vec<String> {
        let mut state = RuleState::default();
        let mut percents = Vec::new();
        for (at_ms, price) in (0..).step_by(60_000).zip(prices) {
            for finding in alerts(&rules(), &mut state, &order("A", "BUY", 1, price), at_ms) {
                if let Finding::PriceSpike { percent, .. } = finding {
                    percents.push(percent);
                }
            }
        }
        percents
    }

    #[test]
    fn price_spike_fires_from_exactly_five_percent_on() {
        assert_eq!(spikes(&["72000", "76000"]), ["5.56"], "the spec's own line");
        assert_eq!(spikes(&["100", "105"]), ["5.00"]);
        assert_eq!(spikes(&["100", "104.999999999"]), [""; 0]);
        assert_eq!(spikes(&["100", "95"]), ["-5.00"]);
        assert_eq!(spikes(&["100", "95.000000001"]), [""; 0]);
        // 76000 → 72000: −4000 × 100 / 76000 = −5.2631…
        assert_eq!(spikes(&["72000", "76000", "72000"]), ["5.56", "-5.26"]);
    }

    #[test]
    fn a_price_of_zero_or_less_neither_fires_nor_is_remembered() {
        assert_eq!(spikes(&["0", "100", "0", "-5", "105"]), ["5.00"]);
        assert_eq!(spikes(&["0", "0"]), [""; 0]);
    }

    /// The times at which RAPID_ORDERS fires, of the times at which orders come.
    fn rapid(times_ms: &[i64]) -> Vec<i64> {
        let mut state = RuleState::default();
        let event = order("A", "BUY", 1, "1");
        let fires = |&at_ms: &i64| !alerts(&rules(), &mut state, &event, at_ms).is_empty();
        times_ms.iter().copied().filter(fires).collect()
    }

    #[test]
    fn rapid_orders_slides_and_is_exact() {
        assert_eq!(rapid(&[0, 1, 2, 9_999]), [0; 0], "four are not enough");
        assert_eq!(rapid(&[0, 2_500, 5_000, 7_500, 9_999]), [9_999]);
        assert_eq!(rapid(&[0, 2_500, 5_000, 7_500, 10_000]), [0; 0], "10,000 ms is not less than 10,000 ms");
        // The second to the sixth lie within 9,999 ms.
        assert_eq!(rapid(&[0, 2_500, 5_000, 7_500, 10_000, 12_499]), [12_499]);
    }

    #[test]
    fn rapid_orders_is_quiet_for_ten_seconds_after_an_alert() {
        assert_eq!(rapid(&[0, 1, 2, 3, 4, 5, 6, 7]), [4]);
        // 10,003 is 9,999 ms after the alert at 4; 10,004 is 10,000 ms after it, and five lie within less than 10 s.
        assert_eq!(rapid(&[0, 1, 2, 3, 4, 10_000, 10_001, 10_002, 10_003]), [4]);
        assert_eq!(rapid(&[0, 1, 2, 3, 4, 10_000, 10_001, 10_002, 10_003, 10_004]), [4, 10_004]);
    }

    // In event time orders need not come in the order of their times: what counts is how far they lie apart.
    #[test]
    fn rapid_orders_takes_times_out_of_order() {
        assert_eq!(rapid(&[5_000, 1_000, 9_000, 2_000, 3_000]), [3_000]);
        assert_eq!(rapid(&[50_000, 1_000, 9_000, 2_000, 3_000]), [0; 0]);
    }

    #[test]
    fn one_event_raises_several_in_the_order_of_the_table() {
        let mut state = RuleState::default();
        for at_ms in 0..4 {
            alerts(&rules(), &mut state, &order("A", "BUY", 1, "100"), at_ms);
        }
        let found = alerts(&rules(), &mut state, &order("A", "BUY", 1_000_001, "120"), 4);
        assert_eq!(names(&found), Rule::ALL.map(Rule::name));
    }

    #[test]
    fn a_rule_looks_only_at_its_ops() {
        let only_updates = OpSet::NONE.with(Op::Update);
        let mut rules = rules();
        rules.large_order = Some(LargeOrder { threshold: 0, ops: only_updates });
        rules.rapid_orders = Some(RapidOrders { count: 2, window_ms: 10_000, quiet_ms: 0, ops: only_updates });
        rules.price_spike = None;
        let mut state = RuleState::default();
        let mut event = order("A", "BUY", 1, "1");
        assert_eq!(names(&alerts(&rules, &mut state, &event, 0)), [""; 0]);
        event.op = Op::Update;
        assert_eq!(names(&alerts(&rules, &mut state, &event, 1)), ["LARGE_ORDER"], "the insert was not counted");
        assert_eq!(names(&alerts(&rules, &mut state, &event, 2)), ["LARGE_ORDER", "RAPID_ORDERS"]);
    }

    #[test]
    fn a_smaller_count_keeps_the_newest_times() {
        let mut rules = rules();
        let mut state = RuleState::default();
        let event = order("A", "BUY", 1, "1");
        for at_ms in [0, 20_000, 40_000, 60_000, 80_000, 100_000, 109_000] {
            assert!(alerts(&rules, &mut state, &event, at_ms).is_empty());
        }
        rules.rapid_orders = Some(RapidOrders { count: 3, window_ms: 10_000, quiet_ms: 0, ops: OpSet::ALL });
        // The newest three are now 100,000, 109,000 and this one.
        assert_eq!(names(&alerts(&rules, &mut state, &event, 109_999)), ["RAPID_ORDERS"]);
    }
}
