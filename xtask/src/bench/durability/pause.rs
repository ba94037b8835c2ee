//! How long a checkpoint stops the pipeline: the longest time without a new result while one is made, beside the longest in
//! as long a time right before it, in which none was.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::chaos::life::{Life, SOON, Stage};
use crate::chaos::{rest, wait};
use crate::stopwatch::Stopwatch;

const MADE: &str = "checkpoint made: ";

/// One checkpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    /// How long making it took.
    pub(super) seconds: f64,
    /// How many bytes it has.
    pub(super) bytes: f64,
    /// The longest time without a new result meanwhile.
    pub(super) longest_ms: f64,
    /// The same in the time before.
    pub(super) before_ms: f64,
}

/// Watches a worker under load until so many checkpoints were made.
pub(super) fn watch(stage: &Stage, life: &mut Life, count: usize) -> Result<Vec<Pause>> {
    let watch = Stopwatch::start();
    let (mut arrivals, mut made_at) = (Vec::new(), Vec::new());
    let (mut length, mut log, mut told) = (stage.length(), 0, life.times(MADE));
    let first = told;
    let limit = SOON * (count as u32 + 1);
    wait::until(&format!("{count} checkpoints are made"), limit, || {
        let (now, length_now) = (watch.elapsed(), stage.length());
        if length_now != length {
            length = length_now;
            arrivals.push(now);
        }
        let log_now = stage.log_length();
        if log_now != log {
            log = log_now;
            life.must_live()?;
            let times = life.times(MADE);
            made_at.extend(std::iter::repeat_n(now, times - told));
            told = times;
        }
        Ok(made_at.len() > count)
    })?;
    let answer = rest::get(stage.port, "/api/v1/checkpoints")?;
    let made = made(&answer)?;
    // Those that were made while we looked, in their order; the first may have begun before.
    let ours = made.into_iter().skip(first).zip(&made_at).skip(1);
    Ok(ours.filter_map(|((took, bytes), end)| pause(&arrivals, *end, took, bytes)).collect())
}

/// Duration and bytes of each checkpoint of this run, the oldest first.
fn made(answer: &Value) -> Result<Vec<(Duration, f64)>> {
    let list = answer["checkpoints"].as_array().context("no list of checkpoints")?;
    let mut made = Vec::new();
    for one in list.iter().rev() {
        if one["savepoint"] == true || one["bytes"].is_null() {
            bail!("a savepoint or a failure among the checkpoints: {one}");
        }
        let took_ms = one["duration_ms"].as_u64().with_context(|| format!("no duration: {one}"))?;
        made.push((Duration::from_millis(took_ms), one["bytes"].as_f64().unwrap_or_default()));
    }
    Ok(made)
}

/// `None` where it took less than can be seen.
fn pause(arrivals: &[Duration], end: Duration, took: Duration, bytes: f64) -> Option<Pause> {
    let begin = end.checked_sub(took)?;
    let before = begin.checked_sub(took)?;
    let ms = |gap: Duration| gap.as_secs_f64() * 1e3;
    Some(Pause {
        seconds: took.as_secs_f64(),
        bytes,
        // One that began before the checkpoint and goes on in it is the checkpoint's.
        longest_ms: ms(longest(arrivals, |one, next| next > begin && one < end)?),
        before_ms: ms(longest(arrivals, |_, next| next > before && next <= begin)?),
    })
}

/// The longest time between two arrivals of those that count.
fn longest(arrivals: &[Duration], counts: impl Fn(Duration, Duration) -> bool) -> Option<Duration> {
    let pairs = arrivals.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    pairs.filter(|(one, next)| counts(*one, *next)).map(|(one, next)| next.saturating_sub(one)).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ms(ms: &[u64]) -> Vec<Duration> {
        ms.iter().map(|ms| Duration::from_millis(*ms)).collect()
    }

    #[test]
    fn a_gap_is_the_checkpoints_also_where_it_began_before() {
        let arrivals = ms(&[100, 101, 102, 105, 106, 107, 120, 121, 122]);
        let seen = |end, took| {
            let pause = pause(&arrivals, Duration::from_millis(end), Duration::from_millis(took), 1e6);
            pause.map(|pause| (pause.longest_ms, pause.before_ms))
        };
        assert_eq!(seen(121, 10), Some((13.0, 3.0)));
        assert_eq!(seen(122, 1), Some((1.0, 1.0)), "right behind it");
        assert_eq!(seen(122, 2), Some((1.0, 13.0)), "it was over before");
        assert_eq!(seen(9, 10), None);
    }

    #[test]
    fn a_failure_among_checkpoints_is_an_error() {
        let one = json!({"savepoint": false, "bytes": 5, "duration_ms": 40});
        let answer = json!({"checkpoints": [one, {"savepoint": false, "bytes": 7, "duration_ms": 10}]});
        assert_eq!(made(&answer).expect("two"), [(Duration::from_millis(10), 7.0), (Duration::from_millis(40), 5.0)]);
        assert!(made(&json!({"checkpoints": [{"savepoint": false, "bytes": null}]})).is_err());
    }
}
