//! What a turn has left in its topics, as `benches/transactions` reads it, and whether that is right.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The streams, by their settings' names.
pub(super) const STREAMS: [&str; 5] = ["raw", "agg", "alerts", "late", "dlq"];

/// Everything in a turn's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Messages, in the order of the streams.
    counts: [u64; STREAMS.len()],
    /// Of keys and values.
    bytes: u64,
    digest: String,
    repeated_or_foreign: u64,
    missing: u64,
    raw_ends: u64,
}

impl Found {
    /// Reads the program's answer.
    pub(super) fn read(answer: &Value) -> Result<Self> {
        let number = |name: &str| answer[name].as_u64().with_context(|| format!("no {name}: {answer}"));
        let mut counts = [0; STREAMS.len()];
        for (count, stream) in counts.iter_mut().zip(STREAMS) {
            *count = number(stream)?;
        }
        Ok(Self {
            counts,
            bytes: number("bytes")?,
            digest: answer["digest"].as_str().with_context(|| format!("no digest: {answer}"))?.to_owned(),
            repeated_or_foreign: number("repeated_or_foreign")?,
            missing: number("missing")?,
            raw_ends: number("raw_ends")?,
        })
    }

    /// Messages of all streams.
    pub(super) fn messages(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Bytes of a message, on average.
    pub(super) fn message_bytes(&self) -> f64 {
        self.bytes as f64 / self.messages() as f64
    }

    /// An error unless each order event's position is in RAW once, each other result has an id of its own, and nothing of
    /// RAW was committed after the watch had ended.
    pub(super) fn must_be_whole(&self, events: u64, watched_ends: u64) -> Result<()> {
        let [raw, ..] = self.counts;
        if raw != events || self.missing > 0 || self.repeated_or_foreign > 0 {
            bail!("{events} order events are in the source, and the topics hold {self:?}");
        }
        if self.raw_ends != watched_ends {
            bail!("RAW ended at {watched_ends} while it was watched, and ends at {} now", self.raw_ends);
        }
        Ok(())
    }

    /// An error unless there are as many results as the worker's accounting says.
    pub(super) fn must_be_told(&self, summary: &Value) -> Result<()> {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let alerts: u64 = summary["alerts"].as_object().into_iter().flatten().map(|(_, count)| number(count)).sum();
        let of = |name: &str| number(&summary[name]);
        let told = [of("applied") + of("late"), of("windows"), alerts, of("late"), of("dead_letter")];
        if told != self.counts {
            bail!("{STREAMS:?}: {:?} messages, and {told:?} in the worker's accounting: {summary}", self.counts);
        }
        Ok(())
    }

    /// Whether the same messages are in both, wherever they stand.
    pub(super) fn holds_what(&self, other: &Self) -> bool {
        (&self.counts, self.bytes, &self.digest) == (&other.counts, other.bytes, &other.digest)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::bench::kafka_sink) fn answer() -> Value {
        json!({"raw": 7, "agg": 2, "alerts": 3, "late": 0, "dlq": 1, "bytes": 2_600, "digest": "0a",
            "repeated_or_foreign": 0, "missing": 0, "raw_ends": 9})
    }

    fn with(name: &str, value: Value) -> Found {
        let mut answer = answer();
        answer[name] = value;
        Found::read(&answer).expect("an answer")
    }

    #[test]
    fn what_is_whole_passes_and_what_is_not_is_told() {
        let whole = Found::read(&answer()).expect("an answer");
        whole.must_be_whole(7, 9).expect("whole");
        assert_eq!((whole.messages(), whole.message_bytes()), (13, 200.0));
        for found in [with("raw", json!(6)), with("missing", json!(1)), with("repeated_or_foreign", json!(1))] {
            let error = found.must_be_whole(7, 9).expect_err("not whole").to_string();
            assert!(error.starts_with("7 order events are in the source"), "{error}");
        }
        let error = whole.must_be_whole(7, 8).expect_err("more came").to_string();
        assert_eq!(error, "RAW ended at 8 while it was watched, and ends at 9 now");
    }

    #[test]
    fn each_stream_has_what_the_accounting_says() {
        let whole = Found::read(&answer()).expect("an answer");
        let summary = |windows: u64| json!({"applied": 7, "late": 0, "windows": windows, "dead_letter": 1, "alerts": {"A": 1, "B": 2}});
        whole.must_be_told(&summary(2)).expect("as many");
        let error = whole.must_be_told(&summary(3)).expect_err("one too few").to_string();
        assert!(error.contains("[7, 2, 3, 0, 1] messages, and [7, 3, 3, 0, 1]"), "{error}");
    }

    #[test]
    fn the_same_messages_are_the_same_wherever_they_stand() {
        let one = Found::read(&answer()).expect("an answer");
        assert!(with("raw_ends", json!(12)).holds_what(&one));
        assert!(!with("digest", json!("0b")).holds_what(&one));
        assert!(!with("agg", json!(1)).holds_what(&one));
    }

    #[test]
    fn an_answer_that_lacks_something_is_none() {
        let mut answer = answer();
        answer["digest"] = Value::Null;
        assert!(Found::read(&answer).is_err());
        assert!(Found::read(&Value::Null).is_err());
    }
}
