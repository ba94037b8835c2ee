//! A histogram with fixed bounds: counting a value is two additions, reading it stops nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts values by upper bounds that never change.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [u64],
    /// One count a bound, and one for what is above them all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram holds at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramCounts {
    /// Upper bounds, inclusive, ascending.
    pub bounds: &'static [u64],
    /// How many values lie in each bucket; the last one is above all bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// An empty one with these upper bounds, which ascend.
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub(super) fn record(&self, value: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What it holds now.
    pub(super) fn counts(&self) -> HistogramCounts {
        HistogramCounts {
            bounds: self.bounds,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl HistogramCounts {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound below which `part` of the values lie, 0 < `part` ≤ 1; `None` without values, and where they lie above
    /// the last bound: it is not known how far.
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let wanted = ((self.count() as f64) * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            seen += count;
            if seen >= wanted {
                return Some(*bound);
            }
        }
        None
    }

    /// What was counted since `before`, which is this histogram at an earlier moment.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let counts = self.counts.iter().zip(&before.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { bounds: self.bounds, counts, sum: self.sum.saturating_sub(before.sum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_below_the_first_bound_that_is_not_smaller() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.record(value);
        }
        let counts = histogram.counts();
        assert_eq!((counts.counts.as_slice(), counts.sum, counts.count()), (&[2, 2, 2, 2][..], 5_225, 8));
    }

    #[test]
    fn a_quantile_is_a_bound_that_is_not_exceeded() {
        let histogram = Histogram::new(&[1, 10, 100]);
        assert_eq!(histogram.counts().quantile(0.5), None, "nothing was counted");
        (0..98).for_each(|_| histogram.record(1));
        histogram.record(50);
        let before = histogram.counts();
        assert_eq!(
            (before.quantile(0.5), before.quantile(0.99), before.quantile(1.0)),
            (Some(1), Some(100), Some(100))
        );
        histogram.record(101);
        assert_eq!(histogram.counts().quantile(1.0), None, "above the last bound");
        assert_eq!(histogram.counts().since(&before).counts, [0, 0, 0, 1]);
    }
}
