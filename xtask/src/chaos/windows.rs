//! Windows by a clock that nobody else knows: each must come once, and a symbol's must add up to its orders.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::bench::{Sums, hundredths};

/// Sums of each symbol.
#[derive(Debug, Default)]
pub(crate) struct WindowSums {
    sums: BTreeMap<String, (Sums, i64)>,
    /// Windows that came again, or out of order.
    pub(crate) wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Window {
    id: String,
    symbol: String,
    orders: u64,
    buys: u64,
    sells: u64,
    total: String,
    min: String,
    max: String,
}

impl WindowSums {
    /// Adds a line of AGG.
    pub(crate) fn add(&mut self, line: &str) -> Result<()> {
        let window: Window = serde_json::from_str(line).with_context(|| format!("no window: {line:?}"))?;
        let money = |text: &str| hundredths(text).with_context(|| format!("no price in {line:?}"));
        let (orders, buys, sells) = (window.orders, window.buys, window.sells);
        let (total, min, max) = (money(&window.total)?, money(&window.min)?, money(&window.max)?);
        let sums = Sums { orders, buys, sells, total, min, max };
        let end_ms = window.id.rsplit('-').nth(1).and_then(|end| end.parse().ok());
        let end_ms: i64 = end_ms.with_context(|| format!("no end in {line:?}"))?;
        match self.sums.get_mut(&window.symbol) {
            Some((known, last_ms)) => {
                if end_ms <= *last_ms {
                    self.wrong.push(format!("the window {} comes behind one that ends at {last_ms}", window.id));
                }
                *last_ms = end_ms;
                known.add(sums);
            }
            None => {
                self.sums.insert(window.symbol, (sums, end_ms));
            }
        }
        Ok(())
    }

    /// The first symbols whose sums are others, in words.
    pub(crate) fn differences(&self, other: &Self, most: usize) -> Vec<String> {
        let mut symbols: Vec<&String> = self.sums.keys().chain(other.sums.keys()).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let of = |windows: &Self, symbol: &str| windows.sums.get(symbol).map(|(sums, _)| *sums);
        let differing = symbols.into_iter().filter(|symbol| of(self, symbol) != of(other, symbol));
        differing
            .take(most)
            .map(|symbol| {
                format!("windows of {symbol}: expected {:?}, there are {:?}", of(self, symbol), of(other, symbol))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(end: u32, orders: u32, total: &str) -> String {
        format!(
            r#"{{"stream":"agg","id":"A-0-{end}-r1","symbol":"A","orders":{orders},"buys":{orders},"sells":0,"total":"{total}","min":"1","max":"2.5"}}"#
        )
    }

    fn sums(lines: &[String]) -> WindowSums {
        let mut sums = WindowSums::default();
        for line in lines {
            sums.add(line).expect("a window");
        }
        sums
    }

    #[test]
    fn other_cuts_add_up_to_the_same() {
        let (one, two) = (sums(&[line(9, 3, "6.5")]), sums(&[line(5, 1, "2.5"), line(7, 2, "4")]));
        assert!(one.differences(&two, 5).is_empty() && two.wrong.is_empty());
        let less = sums(&[line(5, 1, "2.5"), line(7, 2, "3.99")]);
        assert!(
            one.differences(&less, 5)[0].starts_with("windows of A: expected Some"),
            "{:?}",
            one.differences(&less, 5)
        );
        assert_eq!(one.differences(&sums(&[]), 5).len(), 1);
    }

    #[test]
    fn a_window_that_comes_again_is_wrong() {
        assert_eq!(sums(&[line(5, 1, "1"), line(5, 1, "1")]).wrong.len(), 1);
        assert!(WindowSums::default().add("{}").is_err());
    }
}
