//! What a topic must come to, as `expected.py` works it out, and whether a run's results are that.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::lines::{AlertKey, Sums, Tally, hundredths};

/// How many differences are told.
const TOLD: usize = 5;

/// Which windows have closed by the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Windows {
    /// By the clock: all of them, if one waits.
    All,
    /// By event time: those that the watermark at the topic's end has passed; RAPID_ORDERS is exact, too.
    Fired,
}

/// What a topic holds, and what must come of it.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Records, also those that are no order events.
    pub(crate) records: u64,
    /// Order events.
    pub(crate) events: u64,
    /// Bytes of all values.
    pub(crate) bytes: u64,
    /// Of each partition the last alert that comes whatever the clock says.
    pub(crate) last: Vec<AlertKey>,
    all: HashMap<String, Sums>,
    fired: HashMap<String, Sums>,
    alerts: HashMap<AlertKey, u64>,
}

impl Expected {
    /// Reads what the script wrote.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not what expected.py writes", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut expected = Self::default();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields.as_slice() {
                ["records", count] => expected.records = count.parse()?,
                ["events", count] => expected.events = count.parse()?,
                ["bytes", count] => expected.bytes = count.parse()?,
                ["last", _, symbol, order] => expected.last.push(key("LARGE_ORDER", symbol, order)),
                ["sum", scope, symbol, rest @ ..] => {
                    let sums = sums(rest).with_context(|| line.to_owned())?;
                    let all = if *scope == "all" { &mut expected.all } else { &mut expected.fired };
                    all.insert((*symbol).to_owned(), sums);
                }
                ["alert", rule, symbol, order, times] => {
                    expected.alerts.insert(key(rule, symbol, order), times.parse()?);
                }
                _ => bail!("{line:?}"),
            }
        }
        if expected.last.is_empty() {
            bail!("no order is told whatever the clock says: more records are needed");
        }
        Ok(expected)
    }

    /// How often an alert comes in all.
    pub(crate) fn times(&self, alert: &AlertKey) -> u64 {
        self.alerts.get(alert).copied().unwrap_or(0)
    }

    /// Orders in the windows that close.
    pub(crate) fn window_orders(&self, windows: Windows) -> u64 {
        self.windows(windows).values().map(|sums| sums.orders).sum()
    }

    /// Price times quantity of all order events, in hundredths.
    pub(crate) fn amount(&self) -> i128 {
        self.all.values().map(|sums| sums.total).sum()
    }

    fn windows(&self, windows: Windows) -> &HashMap<String, Sums> {
        match windows {
            Windows::All => &self.all,
            Windows::Fired => &self.fired,
        }
    }

    /// An error that tells the first differences, unless a run's lines are what they must be. `raw`: RAW was written.
    pub(crate) fn compare(&self, tally: &Tally, windows: Windows, raw: bool) -> Result<()> {
        let mut wrong = String::new();
        if let Some(line) = &tally.foreign {
            let _infallible = write!(wrong, "\n  no line of the three streams: {line:?}");
        }
        differences("windows of", self.windows(windows), &tally.windows, &mut wrong);
        if raw {
            differences("RAW of", &self.all, &tally.raw, &mut wrong);
        }
        let exact = |alerts: &HashMap<AlertKey, u64>| -> HashMap<AlertKey, u64> {
            let is_exact = |rule: &str| windows == Windows::Fired || rule != "RAPID_ORDERS";
            alerts.iter().filter(|((rule, ..), _)| is_exact(rule)).map(|(key, times)| (key.clone(), *times)).collect()
        };
        differences("alerts", &exact(&self.alerts), &exact(&tally.alerts), &mut wrong);
        if wrong.is_empty() { Ok(()) } else { bail!("the results are wrong:{wrong}") }
    }
}

fn key(rule: &str, symbol: &str, order: &str) -> AlertKey {
    (rule.to_owned(), symbol.to_owned(), order.to_owned())
}

fn sums(fields: &[&str]) -> Result<Sums> {
    let [orders, buys, sells, total, min, max] = fields else { bail!("another number of fields") };
    let money = |text: &str| hundredths(text).with_context(|| format!("{text:?} is no price"));
    Ok(Sums {
        orders: orders.parse()?,
        buys: buys.parse()?,
        sells: sells.parse()?,
        total: money(total)?,
        min: money(min)?,
        max: money(max)?,
    })
}

fn differences<K, V>(what: &str, expected: &HashMap<K, V>, found: &HashMap<K, V>, wrong: &mut String)
where
    K: std::hash::Hash + Ord + std::fmt::Debug,
    V: PartialEq + std::fmt::Debug,
{
    let mut keys: Vec<&K> =
        expected.keys().chain(found.keys()).filter(|key| expected.get(key) != found.get(key)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys.iter().take(TOLD) {
        let (expected, found) = (expected.get(key), found.get(key));
        let _infallible = write!(wrong, "\n  {what} {key:?}: expected {expected:?}, found {found:?}");
    }
    if keys.len() > TOLD {
        let _infallible = write!(wrong, "\n  and {} more", keys.len() - TOLD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "records\t4\nevents\t3\nlast\t0\t005930\t6\n\
        sum\tall\t005930\t3\t2\t1\t84850000.00\t72000.00\t74000.00\n\
        sum\tfired\t005930\t2\t1\t1\t10.00\t72000.00\t74000.00\n\
        alert\tLARGE_ORDER\t005930\t6\t1\nalert\tRAPID_ORDERS\t005930\t7\t1\n";

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.add(line);
        }
        tally
    }

    const AGG: &str =
        "AGG:1> Agg{symbol=005930, window=[a~b], orders=3(B:2/S:1), total=84850000, avg=73000, range=[72000~74000]}";
    const LARGE: &str = "ALERT:1> ALERT[LARGE_ORDER] 005930 orderId=6: x";

    #[test]
    fn right_results_pass() {
        let expected = Expected::parse(TEXT).expect("parsed");
        assert_eq!((expected.records, expected.events, expected.window_orders(Windows::All)), (4, 3, 3));
        assert_eq!((expected.times(&expected.last[0]), expected.amount()), (1, 8_485_000_000));
        expected.compare(&tally(&[AGG, LARGE]), Windows::All, false).expect("right");
        let by_clock = "ALERT:1> ALERT[RAPID_ORDERS] 005930 orderId=99: x";
        expected.compare(&tally(&[AGG, LARGE, by_clock]), Windows::All, false).expect("depends on the clock");
    }

    // A fast wrong answer fails: each kind of result that is wrong, missing or too much.
    #[test]
    fn wrong_results_are_told() {
        let expected = Expected::parse(TEXT).expect("parsed");
        let wrong = AGG.replace("84850000", "84850001");
        let other = LARGE.replace("=6:", "=5:");
        for (lines, windows, raw, text) in [
            (
                &[wrong.as_str(), LARGE][..],
                Windows::All,
                false,
                "windows of \"005930\": expected Some(Sums { orders: 3",
            ),
            (&[LARGE][..], Windows::All, false, "found None"),
            (
                &[AGG][..],
                Windows::All,
                false,
                "alerts (\"LARGE_ORDER\", \"005930\", \"6\"): expected Some(1), found None",
            ),
            (&[AGG, LARGE, LARGE][..], Windows::All, false, "expected Some(1), found Some(2)"),
            (&[AGG, LARGE, other.as_str()][..], Windows::All, false, "\"5\"): expected None, found Some(1)"),
            (&[AGG, LARGE][..], Windows::All, true, "RAW of \"005930\""),
            (&[AGG, LARGE][..], Windows::Fired, false, "RAPID_ORDERS"),
            (&[AGG, LARGE, "panicked"][..], Windows::All, false, "no line of the three streams: \"panicked\""),
        ] {
            let error = expected.compare(&tally(lines), windows, raw).expect_err("wrong").to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_script_that_failed_is_seen() {
        for text in ["", "records\t1\n", "Traceback (most recent call last):\n"] {
            assert!(Expected::parse(text).is_err(), "{text:?}");
        }
    }

    // Two windows of which the first has closed: the largest time is 300,000 + 6,000 ms, the watermark 301,000.
    #[test]
    fn the_script_adds_up_what_hands_did() {
        let value = |id: u32, op: &str, price: &str, quantity: u32, at_ms: u32| {
            let row = format!(
                r#"{{\"id\":{id},\"symbol\":\"A\",\"side\":\"BUY\",\"quantity\":{quantity},\"price\":\"{price}\"}}"#
            );
            let rows = if op == "d" { format!(r#"\"before\":{row}"#) } else { format!(r#"\"after\":{row}"#) };
            format!(r#""{{{rows},\"op\":\"{op}\",\"source\":{{\"ts_ms\":{at_ms}}}}}""#)
        };
        let values = [
            value(1, "c", "100.00", 1, 1_000),
            value(2, "c", "105.00", 501, 2_000),
            value(2, "d", "105.00", 501, 3_000),
            "null".to_owned(),
            value(3, "c", "105.00", 1, 4_000),
            value(4, "c", "105.00", 1_000_000, 306_000),
        ];
        let lines = values.map(|value| format!("{{\"partition\":0,\"value\":{value}}}")).join("\n");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("recording");
        std::fs::write(&path, lines).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/expected.py");
        let mut command = std::process::Command::new("python3");
        command.arg(script).stdin(std::fs::File::open(&path).expect("the recording"));
        let output = command.output().expect("python3");
        let text = String::from_utf8_lossy(&output.stdout);
        let expected = Expected::parse(&text).expect("what it writes");
        assert_eq!((expected.records, expected.events), (6, 5));
        assert_eq!(expected.last, [key("LARGE_ORDER", "A", "4")]);
        // 100 + 2 × 501 × 105 + 105 = 105,415 won.
        let fired = Sums { orders: 4, buys: 4, sells: 0, total: 10_541_500, min: 10_000, max: 10_500 };
        assert_eq!(expected.fired, HashMap::from([("A".to_owned(), fired)]));
        let all = Sums { orders: 5, buys: 5, total: 10_541_500 + 10_500_000_000, ..fired };
        assert_eq!(expected.all, HashMap::from([("A".to_owned(), all)]));
        // Exactly 5 %; order 2 twice; five orders, but not within ten seconds.
        let alerts =
            [("LARGE_ORDER", "2", 2), ("LARGE_ORDER", "4", 1), ("HIGH_AMOUNT", "4", 1), ("PRICE_SPIKE", "2", 1)];
        assert_eq!(expected.alerts, alerts.iter().map(|(rule, id, times)| (key(rule, "A", id), *times)).collect());
    }
}
