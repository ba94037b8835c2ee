//! Which partitions are caught up: the end was reported, no record came since, and a broker answered lately. A broker
//! that is away leaves a partition silent, not caught up. Pure: times are given.

/// How long a broker's answer counts, in milliseconds.
const ANSWER_COUNTS_MS: i64 = 5_000;

/// What is known of each partition, by its number.
#[derive(Debug, Default)]
pub(super) struct CaughtUp {
    at_end: Vec<bool>,
}

impl CaughtUp {
    /// There are `count` partitions now.
    pub(super) fn grow(&mut self, count: usize) {
        self.at_end.resize(count.max(self.at_end.len()), false);
    }

    /// The client reported the partition's end.
    pub(super) fn end_reached(&mut self, partition: usize) {
        self.set(partition, true);
    }

    /// A record came.
    pub(super) fn record(&mut self, partition: usize) {
        self.set(partition, false);
    }

    fn set(&mut self, partition: usize, at_end: bool) {
        if let Some(known) = self.at_end.get_mut(partition) {
            *known = at_end;
        }
    }

    /// Which partitions are caught up at `now_ms`, given when a broker last answered for each (`None`: never).
    pub(super) fn at(&self, now_ms: i64, answered_ms: &[Option<i64>]) -> Vec<bool> {
        let answered = answered_ms.iter().copied().chain(std::iter::repeat(None));
        let lately = |answer: Option<i64>| answer.is_some_and(|answer| now_ms - answer <= ANSWER_COUNTS_MS);
        self.at_end.iter().zip(answered).map(|(at_end, answer)| *at_end && lately(answer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caught_up_is_the_end_no_record_since_and_an_answer_within_five_seconds() {
        let mut known = CaughtUp::default();
        known.grow(2);
        assert_eq!(known.at(0, &[Some(0), Some(0)]), [false, false], "nothing is known of the end");
        known.end_reached(0);
        assert_eq!(known.at(5_000, &[Some(0), Some(0)]), [true, false]);
        assert_eq!(known.at(5_001, &[Some(0), Some(0)]), [false, false], "the answer is too old");
        assert_eq!(known.at(5_001, &[Some(1)]), [true, false]);
        assert_eq!(known.at(0, &[None, None]), [false, false], "no broker ever answered");
        known.record(0);
        assert_eq!(known.at(0, &[Some(0), Some(0)]), [false, false], "there is more to read");
        known.end_reached(0);
        known.grow(3);
        known.end_reached(7);
        assert_eq!(known.at(0, &[Some(0), Some(0), Some(0)]), [true, false, false]);
    }
}
