//! Compares a worker's results with the oracle's (`tests/oracle`), which read the same topic and never crashed: line by line
//! within each stream of each symbol. Which lines of two symbols come first is left to how epochs are cut.
//!
//! By event time every line must be the same, byte for byte. By the worker's clock RAW must be, and the alerts that do not
//! go by time but for when they were told; windows, of which nobody else can know the clock, must come once and add up.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::windows::WindowSums;
use crate::cli::ChaosTime;

/// How many differences are told.
const TOLD: usize = 8;

/// What must be the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// What windows go by.
    pub(crate) time: ChaosTime,
    /// Windows that end later have not fired: the oracle fires them as the recording ends.
    pub(crate) watermark_ms: i64,
}

/// What the comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Lines of each stream that were compared: the oracle's and the worker's.
    pub(crate) lines: BTreeMap<String, (u64, u64)>,
    /// Symbols.
    pub(crate) symbols: usize,
    /// The oracle's accounting of the topic.
    pub(crate) accounting: serde_json::Value,
    /// What differs, in words.
    pub(crate) differences: Vec<String>,
}

#[derive(Deserialize)]
struct Line<'a> {
    stream: &'a str,
    #[serde(borrow, default)]
    symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(default)]
    rule: &'a str,
}

type Key = (String, String);

/// A stream of a symbol, as far as it was read.
#[derive(Default)]
struct Sequence {
    lines: u64,
    hasher: DefaultHasher,
}

/// One side.
#[derive(Default)]
struct Side {
    sequences: HashMap<Key, Sequence>,
    windows: WindowSums,
    lines: BTreeMap<String, u64>,
}

/// Compares what stands in two files.
pub(crate) fn compare(expected: &Path, actual: &Path, terms: Terms) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    let (oracle, mut worker) = (read(expected, terms)?, read(actual, terms)?);
    comparison.differences.append(&mut worker.windows.wrong);
    let streams: HashSet<&String> = oracle.lines.keys().chain(worker.lines.keys()).collect();
    for stream in streams {
        let count = |side: &Side| side.lines.get(stream).copied().unwrap_or(0);
        comparison.lines.insert(stream.clone(), (count(&oracle), count(&worker)));
    }
    comparison.symbols = oracle.sequences.keys().map(|(_, symbol)| symbol).collect::<HashSet<_>>().len();
    let mut keys: Vec<&Key> = oracle.sequences.keys().chain(worker.sequences.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let told = |side: &Side, key: &Key| side.sequences.get(key).map(|it| (it.lines, it.hasher.finish()));
    let differing: Vec<&Key> = keys.into_iter().filter(|key| told(&oracle, key) != told(&worker, key)).collect();
    for key in differing.iter().take(TOLD) {
        comparison.differences.push(difference(expected, actual, key, terms)?);
    }
    if differing.len() > TOLD {
        comparison.differences.push(format!("and {} more streams of symbols", differing.len() - TOLD));
    }
    comparison.differences.extend(oracle.windows.differences(&worker.windows, TOLD));
    if oracle.lines.get("raw").copied().unwrap_or(0) == 0 {
        bail!("the oracle has no RAW line: nothing was compared");
    }
    Ok(comparison)
}

fn read(path: &Path, terms: Terms) -> Result<Side> {
    let mut side = Side::default();
    each_line(path, |text| {
        let line = parsed(text)?;
        if line.stream == "agg" && terms.time == ChaosTime::Processing {
            side.windows.add(text)?;
        } else if let Some(text) = compared(text, &line, terms) {
            let key = (line.stream.to_owned(), line.symbol.into_owned());
            let sequence = side.sequences.entry(key).or_default();
            sequence.lines += 1;
            text.hash(&mut sequence.hasher);
        } else {
            return Ok(());
        }
        *side.lines.entry(line.stream.to_owned()).or_default() += 1;
        Ok(())
    })?;
    Ok(side)
}

fn parsed(text: &str) -> Result<Line<'_>> {
    serde_json::from_str(text).with_context(|| format!("no line of results: {text:?}"))
}

/// What of a line must be the same; `None`: nothing.
fn compared<'a>(text: &'a str, line: &Line<'_>, terms: Terms) -> Option<&'a str> {
    match (terms.time, line.stream) {
        (ChaosTime::Event, "agg") => (end_of(&line.id)? <= terms.watermark_ms).then_some(text),
        (ChaosTime::Processing, "alert") if line.rule == "RAPID_ORDERS" => None,
        // The last field is when it was told.
        (ChaosTime::Processing, "alert") => Some(text.rsplit_once(r#","at":"#).map_or(text, |(before, _)| before)),
        _ => Some(text),
    }
}

/// `SYMBOL-START-END-rREVISION` → END, in ms.
fn end_of(id: &str) -> Option<i64> {
    id.rsplit('-').nth(1)?.parse().ok()
}

fn each_line(path: &Path, mut see: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    for line in BufReader::new(file).lines() {
        see(&line?)?;
    }
    Ok(())
}

/// The first line that differs in a stream of a symbol.
fn difference(expected: &Path, actual: &Path, key: &Key, terms: Terms) -> Result<String> {
    let lines_of = |path: &Path| -> Result<Vec<String>> {
        let mut lines = Vec::new();
        each_line(path, |text| {
            let line = parsed(text)?;
            if (line.stream, line.symbol.as_ref()) == (key.0.as_str(), key.1.as_str()) {
                lines.extend(compared(text, &line, terms).map(str::to_owned));
            }
            Ok(())
        })?;
        Ok(lines)
    };
    let (expected, actual) = (lines_of(expected)?, lines_of(actual)?);
    let at = expected.iter().zip(&actual).take_while(|(expected, actual)| expected == actual).count();
    let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    Ok(format!(
        "{} of {}: {} lines expected, {} there; line {}: expected {}, there is {}",
        key.0,
        key.1,
        expected.len(),
        actual.len(),
        at + 1,
        line(&expected),
        line(&actual)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = r#"{"stream":"raw","id":"t-0-1","symbol":"A","amount":"5"}"#;
    const ALERT: &str = r#"{"stream":"alert","id":"LARGE_ORDER-t-0-1","rule":"LARGE_ORDER","symbol":"A","at":"1"}"#;
    const RAPID: &str = r#"{"stream":"alert","id":"RAPID_ORDERS-t-0-1","rule":"RAPID_ORDERS","symbol":"A","at":"1"}"#;

    fn agg(end: u32) -> String {
        format!(
            r#"{{"stream":"agg","id":"A-0-{end}-r1","symbol":"A","orders":1,"buys":1,"sells":0,"total":"5","min":"5","max":"5"}}"#
        )
    }

    fn compared_as(time: ChaosTime, expected: &[&str], actual: &[&str]) -> Comparison {
        let place = tempfile::tempdir().expect("a directory");
        let file = |name: &str, lines: &[&str]| {
            let path = place.path().join(name);
            std::fs::write(&path, lines.join("\n")).expect("written");
            path
        };
        let terms = Terms { time, watermark_ms: 1_000 };
        compare(&file("expected", expected), &file("actual", actual), terms).expect("compared")
    }

    #[test]
    fn what_is_right_passes() {
        let (first, later) = (agg(1_000), agg(2_000));
        let event = compared_as(ChaosTime::Event, &[RAW, ALERT, &first, &later], &[&first, RAW, ALERT]);
        assert!(event.differences.is_empty(), "{event:?}");
        assert_eq!((event.symbols, event.lines["agg"]), (1, (1, 1)));
        // The clock was another: other windows, another moment, another rapid order.
        let told = ALERT.replace(r#""at":"1""#, r#""at":"7""#);
        let clock = compared_as(ChaosTime::Processing, &[RAW, ALERT, RAPID, &first], &[RAW, &told, &agg(7_000)]);
        assert!(clock.differences.is_empty(), "{clock:?}");
    }

    #[test]
    fn what_is_lost_doubled_or_another_is_told() {
        let (first, other_raw) = (agg(1_000), RAW.replace("t-0-1", "t-0-2"));
        let both = [ChaosTime::Event, ChaosTime::Processing];
        for (times, expected, actual, told) in [
            (&both[..], &[RAW][..], &[RAW, RAW][..], "raw of A: 1 lines expected, 2 there"),
            (&both, &[RAW, &other_raw], &[RAW], "there is nothing"),
            (&both, &[RAW, &other_raw], &[&other_raw, RAW], "line 1: expected"),
            (&both, &[RAW, ALERT], &[RAW], "alert of A"),
            (&both, &[RAW, &first], &[RAW], "A"),
            (&both[..1], &[RAW, RAPID], &[RAW], "alert of A"),
            (&both[1..], &[RAW, &first], &[RAW, &first, &first], "window"),
            (&both[..1], &[RAW, &first], &[RAW, &first, &first], "agg of A"),
        ] {
            for time in times {
                let comparison = compared_as(*time, expected, actual);
                let differences = comparison.differences.join("; ");
                assert!(differences.contains(told), "{time:?} {actual:?}: {differences:?}");
            }
        }
    }

    #[test]
    fn nothing_is_not_the_same_as_nothing() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("empty");
        std::fs::write(&path, "").expect("written");
        let terms = Terms { time: ChaosTime::Event, watermark_ms: 0 };
        assert!(compare(&path, &path, terms).is_err());
    }
}
