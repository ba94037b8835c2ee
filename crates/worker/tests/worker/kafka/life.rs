//! A worker as a process that reads a topic under load, from a start to its end; and what must stand in its file at last.
//! Nothing of the engine is asked: lines are compared with lines, by rules that the contract states.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use worker::decimal::Decimal;
use worker::source::generate::GenerateSettings;
use worker::source::kafka::KafkaSettings;
use worker::source::market::MarketSettings;

use super::support::{collect, generate_until, start, unique};
use crate::program::{Ended, end_of, signal, wait_until, worker};

/// No process takes longer to end.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// What all lives of a worker have in common.
pub(super) struct Life<'a> {
    pub(super) folder: &'a Path,
    pub(super) bootstrap: String,
    pub(super) topic: String,
    group: String,
}

impl<'a> Life<'a> {
    pub(super) fn of(topic: String, folder: &'a Path) -> Self {
        let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
        Self { folder, bootstrap, topic, group: unique("group") }
    }

    /// The worker's command, with settings beside those that all have.
    pub(super) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let ours = [
            ("kafka.bootstrap", self.bootstrap.as_str()),
            ("kafka.topic", &self.topic),
            ("kafka.group", &self.group),
            ("format", "json"),
            ("sink.stdout.enabled", "false"),
            ("sink.file.path", "results"),
            ("web.enabled", "false"),
            ("agg.window_ms", "1000"),
            ("state.checkpoint_interval_ms", "400"),
        ];
        let mut command = worker(["run"]);
        for (key, value) in ours.iter().chain(settings) {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command.current_dir(self.folder).stdout(Stdio::null());
        command
    }

    pub(super) fn begin(&self, parallelism: u64) -> Child {
        self.command(&[("parallelism", &parallelism.to_string())]).spawn().unwrap()
    }

    pub(super) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("results")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(super) fn length(&self) -> u64 {
        fs::metadata(self.folder.join("results")).map_or(0, |metadata| metadata.len())
    }

    /// Lets a worker read all that was written, and stops it: what it said.
    pub(super) fn to_its_end(&self, mut last: Child, written: u64) -> Ended {
        let mut seen = 0;
        wait_until("every message has come through and its window is over", || {
            let (before, lines) = (seen, self.lines());
            seen = lines.len();
            std::thread::sleep(Duration::from_millis(1_500));
            // One that ends by itself says why.
            last.try_wait().unwrap().is_some()
                || seen > 0 && seen == before && stream(&lines, "raw").count() as u64 * 2 > written
        });
        if last.try_wait().unwrap().is_none() {
            signal(&last, "TERM");
        }
        end_of(last, SOON)
    }

    /// The same for a worker that is started for it, and must end well; then the file is looked at.
    pub(super) fn must_be_right(&self, written: u64) {
        let ended = self.to_its_end(self.begin(2), written);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        self.check(written);
    }

    /// RAW once an offset without a hole, the two rules that need no memory where their row says so, windows that add up.
    pub(super) fn check(&self, written: u64) {
        let lines = self.lines();
        every_order_is_there(&lines, &self.orders(written));
        check(&lines);
    }

    /// Where the topic has order events, by partition: what its values say themselves.
    fn orders(&self, written: u64) -> BTreeMap<i64, Vec<i64>> {
        let settings = KafkaSettings::new(&self.bootstrap, &self.topic, &unique("group"));
        let mut orders: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for seen in collect(&mut start(settings), written as usize) {
            let value = seen.value.and_then(|value| serde_json::from_slice::<Value>(&value).ok());
            let order = |value: Value| matches!(value["op"].as_str(), Some("c" | "u" | "d" | "r"));
            if value.is_some_and(order) {
                orders.entry(seen.partition.into()).or_default().push(seen.offset);
            }
        }
        orders
    }
}

/// Messages at this pace until it is told to stop; gives how many.
fn load(bootstrap: &str, topic: &str, a_second: u32, stop: &AtomicBool) -> u64 {
    let settings = GenerateSettings { market: MarketSettings::default(), count: u64::MAX, rate: Some(a_second) };
    generate_until(bootstrap, topic, &settings, stop)
}

/// Ends the load, also where what is done under it panics.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does something under load; gives how many messages were written meanwhile.
pub(super) fn under_load(life: &Life<'_>, a_second: u32, work: impl FnOnce()) -> u64 {
    under_load_of(&life.bootstrap, &life.topic, a_second, work)
}

/// The same for any topic.
pub(super) fn under_load_of(bootstrap: &str, topic: &str, a_second: u32, work: impl FnOnce()) -> u64 {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| load(bootstrap, topic, a_second, &stop));
        let stop = Stop(&stop);
        work();
        drop(stop);
        load.join().unwrap()
    })
}

fn stream<'a>(lines: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["stream"] == name)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_else(|| panic!("{field} of {line}"))
}

/// Each order of the topic is in RAW, in the order of its partition.
fn every_order_is_there(lines: &[Value], topic: &BTreeMap<i64, Vec<i64>>) {
    let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for raw in stream(lines, "raw") {
        found.entry(raw["partition"].as_i64().unwrap()).or_default().push(raw["offset"].as_i64().unwrap());
    }
    for (partition, orders) in topic {
        let found = found.get(partition).map_or(&[][..], Vec::as_slice);
        let differs = found.iter().zip(orders).find(|(found, order)| found != order);
        assert_eq!(differs, None, "partition {partition}: what stands in the file, and in the topic");
        assert_eq!(found.len(), orders.len(), "partition {partition}");
    }
}

/// No RAW line twice, the two rules that need no memory where their row says so, windows that add up.
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
        assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]), "partition {partition}: out of order, or twice");
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
    assert!(ids.len() > 20, "{} windows", ids.len());
    assert_eq!(windows, orders, "the windows of a symbol add up to its orders");
}
