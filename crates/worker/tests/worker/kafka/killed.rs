//! The worker as a process, killed again and again under load: what stands in its file is what stands in the topic, once.
//! Nothing of the engine is asked: lines are compared with lines, by rules that the contract states.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use worker::decimal::Decimal;
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::support::{Real, generate, unique};
use crate::engine::day::Dice;
use crate::program::{end_of, signal, wait_until, worker};

const KILLS: u64 = 50;
/// Enough for the kills at this pace, and then some.
const MESSAGES: u64 = 60_000;
const A_SECOND: u32 = 2_500;

struct Life<'a> {
    folder: &'a Path,
    bootstrap: &'a str,
    topic: &'a str,
    group: &'a str,
}

impl Life<'_> {
    fn begin(&self, parallelism: u64) -> Child {
        let set = |key: &str, value: &str| ["--set".to_owned(), format!("{key}={value}")];
        let arguments = [
            vec!["run".to_owned()],
            set("kafka.bootstrap", self.bootstrap).to_vec(),
            set("kafka.topic", self.topic).to_vec(),
            set("kafka.group", self.group).to_vec(),
            set("parallelism", &parallelism.to_string()).to_vec(),
            set("format", "json").to_vec(),
            set("sink.stdout.enabled", "false").to_vec(),
            set("sink.file.path", "results").to_vec(),
            set("web.enabled", "false").to_vec(),
            set("agg.window_ms", "1000").to_vec(),
            set("state.checkpoint_interval_ms", "400").to_vec(),
        ]
        .concat();
        worker(&arguments).current_dir(self.folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("results")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn stream<'a>(lines: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["stream"] == name)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field} of {line}"))
}

// Windows by the worker's own clock, which no repetition could give again without the epoch log.
#[test]
fn i1_fifty_kills_under_load_leave_every_result_once() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let group = unique("group");
    let life = Life { folder: folder.path(), bootstrap: &bootstrap, topic: &topic, group: &group };
    let written = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let settings =
                GenerateSettings { market: MarketSettings::default(), count: MESSAGES, rate: Some(A_SECOND) };
            generate(&bootstrap, &topic, &settings).unwrap()
        });
        let mut dice = Dice(11);
        for _ in 0..KILLS {
            let mut child = life.begin(1 + dice.below(4));
            // From before the state is open to well into the work.
            std::thread::sleep(Duration::from_millis(60 + dice.below(540)));
            child.kill().unwrap();
            let ended = end_of(child, Duration::from_secs(20));
            assert!(ended.code.is_none(), "it was killed, it did not end: {}", ended.err);
        }
        load.join().unwrap()
    });
    assert_eq!(written, MESSAGES);
    let mut last = life.begin(2);
    let mut seen = 0;
    wait_until("every message has come through and its window is over", || {
        let (before, lines) = (seen, life.lines());
        seen = lines.len();
        std::thread::sleep(Duration::from_millis(1_500));
        // One that ends by itself says why below.
        last.try_wait().unwrap().is_some()
            || seen > 0 && seen == before && stream(&lines, "raw").count() as u64 * 2 > MESSAGES
    });
    if last.try_wait().unwrap().is_none() {
        signal(&last, "TERM");
    }
    let ended = end_of(last, Duration::from_secs(20));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    check(&life.lines());
}

/// RAW once an offset without a hole, the two rules that need no memory where their row says so, windows that add up.
pub(super) fn check(lines: &[Value]) {
    let mut offsets: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut expected: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut orders: BTreeMap<String, (u64, Decimal)> = BTreeMap::new();
    for raw in stream(lines, "raw") {
        let (partition, offset) = (raw["partition"].as_i64().unwrap(), raw["offset"].as_i64().unwrap());
        offsets.entry(partition).or_default().push(offset);
        let amount = Decimal::parse(text(raw, "amount")).unwrap();
        if raw["quantity"].as_i64().unwrap() > 500 {
            expected.entry("LARGE_ORDER").or_default().insert(text(raw, "id").to_owned());
        }
        if amount > Decimal::parse("100000000").unwrap() {
            expected.entry("HIGH_AMOUNT").or_default().insert(text(raw, "id").to_owned());
        }
        let sums = orders.entry(text(raw, "symbol").to_owned()).or_insert((0, Decimal::ZERO));
        sums.0 += 1;
        sums.1 = &sums.1 + &amount;
    }
    assert_eq!(offsets.len(), 3, "three partitions");
    for (partition, offsets) in &offsets {
        assert!(offsets.is_sorted(), "partition {partition} is out of order");
        assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "partition {partition} has an offset twice");
    }
    for rule in ["LARGE_ORDER", "HIGH_AMOUNT"] {
        let fired: Vec<String> = stream(lines, "alert")
            .filter(|alert| alert["rule"] == rule)
            .map(|alert| text(alert, "id").trim_start_matches(rule).trim_start_matches('-').to_owned())
            .collect();
        let once: HashSet<String> = fired.iter().cloned().collect();
        assert_eq!(fired.len(), once.len(), "{rule} twice");
        assert!(!once.is_empty() && once == expected[rule], "{rule}: {} of {}", once.len(), expected[rule].len());
    }
    let mut windows: BTreeMap<String, (u64, Decimal)> = BTreeMap::new();
    let mut ids = HashSet::new();
    for agg in stream(lines, "agg") {
        assert!(ids.insert(text(agg, "id")), "a window fired twice: {agg}");
        let sums = windows.entry(text(agg, "symbol").to_owned()).or_insert((0, Decimal::ZERO));
        sums.0 += agg["orders"].as_u64().unwrap();
        sums.1 = &sums.1 + &Decimal::parse(text(agg, "total")).unwrap();
    }
    assert!(ids.len() > 100, "{} windows", ids.len());
    assert_eq!(windows, orders, "the windows of a symbol add up to its orders");
}
