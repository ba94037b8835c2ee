//! Result lines in the text format, which the worker and the Flink job share, added up as they come.

use std::collections::HashMap;

/// A symbol's sums over windows, or over orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    /// All orders.
    pub(crate) orders: u64,
    /// Those that buy.
    pub(crate) buys: u64,
    /// Those that sell.
    pub(crate) sells: u64,
    /// Sum of price times quantity, in hundredths.
    pub(crate) total: i128,
    /// Lowest price, in hundredths.
    pub(crate) min: i128,
    /// Highest price, in hundredths.
    pub(crate) max: i128,
}

impl Sums {
    /// Adds another window's.
    pub(crate) fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.buys += other.buys;
        self.sells += other.sells;
        self.total += other.total;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// An alert's rule, symbol and order.
pub(crate) type AlertKey = (String, String, String);

/// What lines came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Sums of each symbol over the windows told.
    pub(crate) windows: HashMap<String, Sums>,
    /// The same over RAW.
    pub(crate) raw: HashMap<String, Sums>,
    /// How often each alert was told.
    pub(crate) alerts: HashMap<AlertKey, u64>,
    /// Orders in the windows told.
    pub(crate) window_orders: u64,
    /// The first line that is none of the three streams, or cannot be read.
    pub(crate) foreign: Option<String>,
}

impl Tally {
    /// Adds one line; gives the alert if it is one.
    pub(crate) fn add(&mut self, line: &str) -> Option<AlertKey> {
        // `AGG:1> Agg{…}`: what stands before `> ` is the stream and the subtask.
        let body = line.split_once("> ").map_or(line, |(_, body)| body);
        if let Some(alert) = alert(body) {
            *self.alerts.entry(alert.clone()).or_default() += 1;
            return Some(alert);
        }
        if let Some((symbol, sums)) = window(body) {
            self.window_orders += sums.orders;
            add_to(&mut self.windows, symbol, sums);
        } else if let Some((symbol, sums)) = order(body) {
            add_to(&mut self.raw, symbol, sums);
        } else if self.foreign.is_none() {
            self.foreign = Some(line.to_owned());
        }
        None
    }
}

fn add_to(all: &mut HashMap<String, Sums>, symbol: &str, sums: Sums) {
    match all.get_mut(symbol) {
        Some(known) => known.add(sums),
        None => {
            all.insert(symbol.to_owned(), sums);
        }
    }
}

/// `ALERT[RULE] SYMBOL orderId=ID: …`
fn alert(body: &str) -> Option<AlertKey> {
    let (rule, rest) = body.strip_prefix("ALERT[")?.split_once("] ")?;
    let (symbol, rest) = rest.split_once(" orderId=")?;
    let (order, _) = rest.split_once(": ")?;
    Some((rule.to_owned(), symbol.to_owned(), order.to_owned()))
}

/// `Agg{symbol=S, window=[…], orders=N(B:N/S:N), total=T, avg=A, range=[MIN~MAX]}`
fn window(body: &str) -> Option<(&str, Sums)> {
    let (symbol, rest) = body.strip_prefix("Agg{symbol=")?.split_once(", window=[")?;
    let (orders, rest) = rest.split_once("], orders=")?.1.split_once("(B:")?;
    let (buys, rest) = rest.split_once("/S:")?;
    let (sells, rest) = rest.split_once("), total=")?;
    let (total, rest) = rest.split_once(", avg=")?;
    let (min, max) = rest.split_once(", range=[")?.1.strip_suffix("]}")?.split_once('~')?;
    let (orders, buys, sells) = (orders.parse().ok()?, buys.parse().ok()?, sells.parse().ok()?);
    Some((
        symbol,
        Sums { orders, buys, sells, total: hundredths(total)?, min: hundredths(min)?, max: hundredths(max)? },
    ))
}

/// `OrderEvent{op=c, orderId=ID, symbol=S, SIDE QUANTITY@PRICE, status=…`
fn order(body: &str) -> Option<(&str, Sums)> {
    let (_, rest) = body.strip_prefix("OrderEvent{op=")?.split_once(", symbol=")?;
    let (symbol, rest) = rest.split_once(", ")?;
    let (side, rest) = rest.split_once(' ')?;
    let (quantity, rest) = rest.split_once('@')?;
    let price = hundredths(rest.split_once(", status=")?.0)?;
    let total = price * quantity.parse::<i128>().ok()?;
    let (buys, sells) = (u64::from(side == "BUY"), u64::from(side == "SELL"));
    Some((symbol, Sums { orders: 1, buys, sells, total, min: price, max: price }))
}

/// A decimal with two places at most, in hundredths: the generated market's prices are whole.
pub(crate) fn hundredths(text: &str) -> Option<i128> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let places = match decimals.as_bytes() {
        [] => 0,
        [tenths @ b'0'..=b'9'] => i128::from(tenths - b'0') * 10,
        [tenths @ b'0'..=b'9', hundredths @ b'0'..=b'9'] => {
            i128::from(tenths - b'0') * 10 + i128::from(hundredths - b'0')
        }
        _ => return None,
    };
    let whole: i128 = whole.parse().ok()?;
    Some(whole * 100 + if text.starts_with('-') { -places } else { places })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_three_streams_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "RAW:1> OrderEvent{op=r, orderId=1, symbol=005930, BUY 100@72000, status=FILLED, latency=652ms}",
            "RAW:1> OrderEvent{op=d, orderId=2, symbol=005930, SELL 2@0.5, status=FILLED, latency=?}",
            "AGG:1> Agg{symbol=005930, window=[13:57:02~14:00:00], orders=3(B:2/S:1), total=84850000, avg=73000, range=[72000~74000]}",
            "AGG:1> Agg{symbol=005930, window=[14:00:00~14:05:00], orders=1(B:0/S:1), total=0.5, avg=0.5, range=[0.5~0.5]}",
        ] {
            assert_eq!(tally.add(line), None);
        }
        let key = ("LARGE_ORDER".to_owned(), "005930".to_owned(), "6".to_owned());
        let alert =
            "ALERT:2> ALERT[LARGE_ORDER] 005930 orderId=6: 대량 주문 감지: 1000주 (임계값: 500) at 2026-02-12 13:57:38";
        assert_eq!(tally.add(alert), Some(key.clone()));
        assert_eq!(tally.alerts, HashMap::from([(key, 1)]));
        assert_eq!(
            tally.windows["005930"],
            Sums { orders: 4, buys: 2, sells: 2, total: 8_485_000_050, min: 50, max: 7_400_000 }
        );
        assert_eq!(
            tally.raw["005930"],
            Sums { orders: 2, buys: 1, sells: 1, total: 720_000_100, min: 50, max: 7_200_000 }
        );
        assert_eq!((tally.window_orders, tally.foreign), (4, None));
    }

    #[test]
    fn what_is_no_line_of_ours_is_kept_to_be_told() {
        let mut tally = Tally::default();
        for line in ["Exception in thread", "AGG:1> Agg{symbol=1, window=[", ""] {
            tally.add(line);
        }
        assert_eq!(tally.foreign.as_deref(), Some("Exception in thread"));
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, value) in
            [("0", Some(0)), ("-1.5", Some(-150)), ("-0.05", Some(-5)), ("72000.00", Some(7_200_000)), ("1.234", None)]
        {
            assert_eq!(hundredths(text), value, "{text}");
        }
    }
}
