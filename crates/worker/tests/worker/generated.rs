//! The market that `worker generate` invents, whole and damaged: nothing panics, everything is accounted for, and what
//! the oracle can read in reasonable time it reads the same way.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::oracle::{Setting, agree_on};
use crate::program::{replay, run};

const EVENTS: usize = 25_000;
/// How many damaged messages are made of each market.
const MUTATED: usize = 100_000;
/// How many of them the oracle reads.
const SAMPLE: usize = 10_000;

const EVENT_TIME: Setting = Setting { oracle: &["--time", "event"], worker: &["--time", "event"] };

fn generate(folder: &TempDir, name: &str, seed: &str, more: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let count = EVENTS.to_string();
    let path_text = path.to_str().expect("UTF-8");
    let arguments = ["generate", "--seed", seed, "--count", &count, "--to", path_text];
    let ended = run([&arguments[..], more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    path
}

/// A small generator of random numbers (xorshift): the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

/// What takes a scalar's place.
const ODD: [&str; 32] = [
    "null",
    "true",
    "\"\"",
    "\" \"",
    "\"x\"",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e2",
    "1E-7",
    "1e400",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "[]",
    "{}",
    "[null]",
    "{\"a\":1}",
    "\"12,5\"",
    "\"12.50\"",
    "\"1e65\"",
    "\".5\"",
    "\"0x10\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"d\"",
    "\"t\"",
    "01",
    "'x'",
    "1234567890123456789012345678901234567890",
];
/// What is put in between.
const CHARACTERS: [&str; 20] = [
    "{", "}", "[", "]", "\"", ":", ",", "\\", "0", "9", ".", "e", "-", " ", "\0", "\u{1f}", "é", "가", "🚀", "\u{2028}",
];

/// The text with one thing wrong with it, or two: still text, seldom JSON.
fn damaged(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(2) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let Some(&at) = places.get(dice.below(places.len().max(1))) else { return text };
        match dice.below(8) {
            0 => text.truncate(at),
            1 => {
                text.remove(at);
            }
            2 => text.insert_str(at, CHARACTERS[dice.below(CHARACTERS.len())]),
            3 => {
                let end = places.iter().copied().find(|&end| end >= at + 20).unwrap_or(text.len());
                let twice = text[at..end].to_owned();
                text.insert_str(at, &twice);
            }
            // Mostly a scalar's value is another one.
            _ => {
                let Some(from) = text[at..].find(':').map(|found| at + found + 1) else { continue };
                let to = text[from..].find([',', '}']).map_or(text.len(), |found| from + found);
                text.replace_range(from..to, ODD[dice.below(ODD.len())]);
            }
        }
    }
    text
}

/// Writes `count` messages made of a recording's, half of them damaged, over and over with new offsets.
fn mutated(recording: &Path, count: usize, seed: u64) -> PathBuf {
    let text = fs::read_to_string(recording).expect("a recording");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let mut dice = Dice(seed);
    let mut lines = String::new();
    for (offset, record) in records.iter().cycle().take(count).enumerate() {
        let mut record = record.clone();
        record["offset"] = offset.into();
        if let (Some(value), 0) = (record["value"].as_str(), dice.below(2)) {
            record["value"] = damaged(value, &mut dice).into();
        }
        lines.push_str(&record.to_string());
        lines.push('\n');
    }
    let path = recording.with_extension(format!("{count}.ndjson"));
    fs::write(&path, lines).expect("it can be written");
    path
}

#[test]
fn the_market_is_read_to_the_last_event() {
    let folder = tempfile::tempdir().unwrap();
    for (name, more) in [("bare", &[][..]), ("wrapped", &["--wrapped"])] {
        let market = generate(&folder, name, "7", more);
        let ended = replay(&market, &["--format", "json"]);
        let summary = ended.summary();
        assert_eq!(summary["consumed"], EVENTS);
        assert_eq!((summary["dead_letter"].as_u64(), summary["late"].as_u64()), (Some(0), Some(0)), "{summary}");
        for rule in ["LARGE_ORDER", "HIGH_AMOUNT", "PRICE_SPIKE", "RAPID_ORDERS"] {
            assert!(summary["alerts"][rule].as_u64() > Some(10), "a market shows every rule: {summary}");
        }
        // I3: the same bytes wherever epochs are cut, and whatever the parallelism.
        let cut = ["--format", "json", "--epoch-records", "777", "--parallelism", "5"];
        assert!(replay(&market, &cut).out == ended.out, "{name}");
        if name == "bare" {
            agree_on(&market, &EVENT_TIME);
        }
    }
    let again = generate(&folder, "again", "7", &[]);
    assert!(
        fs::read(again).unwrap() == fs::read(folder.path().join("bare")).unwrap(),
        "the same seed, the same market"
    );
}

#[test]
fn damaged_markets_are_accounted_for_and_read_as_the_oracle_does() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed, more) in [("bare", 11, &[][..]), ("wrapped", 12, &["--wrapped"])] {
        let market = generate(&folder, name, &seed.to_string(), more);
        for time in ["processing", "event"] {
            // I4: `replay` checks that it adds up.
            let ended = replay(&mutated(&market, MUTATED, seed), &["--format", "json", "--time", time]);
            let summary = ended.summary();
            assert_eq!(summary["consumed"], MUTATED);
            for fate in ["applied", "dead_letter", "duplicate"] {
                assert!(summary[fate].as_u64() > Some(1_000), "{name}: {summary}");
            }
        }
        agree_on(&mutated(&market, SAMPLE, seed + 100), &EVENT_TIME);
    }
}
