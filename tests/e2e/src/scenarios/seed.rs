//! The pipeline as it was first shown: orders 1, 3, 4 by snapshot, 5, 6, 7 live, their lines and alerts, the windows' sums.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::cents::cents;
use crate::lines::{Lines, settle};
use crate::output::Output;
use crate::scenario::Stage;
use crate::wait::{Look, until};

const LIMIT: Duration = Duration::from_mins(2);

const SNAPSHOT: [&str; 3] = [
    "RAW:1> OrderEvent{op=r, orderId=1, symbol=005930, BUY 100@72000, status=FILLED, latency=*ms}",
    "RAW:1> OrderEvent{op=r, orderId=3, symbol=035420, BUY 30@215000, status=FILLED, latency=*ms}",
    "RAW:2> OrderEvent{op=r, orderId=4, symbol=035720, BUY 200@450000, status=PENDING, latency=*ms}",
];

const INSERTS: &str = "
INSERT INTO orders_db.orders (symbol, side, quantity, price) VALUES ('005930', 'BUY', 50, 73000);
INSERT INTO orders_db.orders (symbol, side, quantity, price) VALUES ('005930', 'SELL', 1000, 74000);
INSERT INTO orders_db.orders (symbol, side, quantity, price) VALUES ('000660', 'BUY', 800, 180000);";

const LIVE: [&str; 6] = [
    "RAW:1> OrderEvent{op=c, orderId=5, symbol=005930, BUY 50@73000, status=PENDING, latency=*ms}",
    "RAW:1> OrderEvent{op=c, orderId=6, symbol=005930, SELL 1000@74000, status=PENDING, latency=*ms}",
    "RAW:2> OrderEvent{op=c, orderId=7, symbol=000660, BUY 800@180000, status=PENDING, latency=*ms}",
    "ALERT:1> ALERT[LARGE_ORDER] 005930 orderId=6: 대량 주문 감지: 1000주 (임계값: 500) at *",
    "ALERT:2> ALERT[LARGE_ORDER] 000660 orderId=7: 대량 주문 감지: 800주 (임계값: 500) at *",
    "ALERT:2> ALERT[HIGH_AMOUNT] 000660 orderId=7: 고액 주문 감지: 144000000원 (임계값: 100000000) at *",
];

/// Orders, buys, sells, total, lowest and highest price, as worked out by hand there.
const WINDOWS: [(&str, [i128; 6]); 4] = [
    ("000660", [1, 1, 0, 144_000_000, 180_000, 180_000]),
    ("005930", [3, 2, 1, 84_850_000, 72_000, 74_000]),
    ("035420", [1, 1, 0, 6_450_000, 215_000, 215_000]),
    ("035720", [1, 1, 0, 90_000_000, 450_000, 450_000]),
];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let lines = Lines::follow(&stack.project, "worker", &stack.logs())?;
    let first =
        lines.wait_for("the first RAW line", LIMIT, |line| Ok(line.text.starts_with("RAW").then_some(line.at_ms)))?;
    stage.note("cold opsctl up to the first line", format_args!("{:.1} s", seconds(first - stage.up_began_ms)));
    wait_for_lines(&lines, &SNAPSHOT)?;

    // A second worker on the same topic, in JSON and with short windows: times by the millisecond, sums within seconds.
    let config = stack.work().join("seed.toml");
    std::fs::write(&config, second_config(stage)?)?;
    let config = config.display().to_string();
    let arguments = ["worker", "start", "--name", "worker-seed", "--worker-port", "0", "--worker-config", &config];
    stack.opsctl(&arguments, LIMIT)?;
    let second = Lines::follow(&stack.project, "worker-seed", &stack.logs())?;
    wait_for_orders(&second, 3)?;

    stack.sql(INSERTS)?;
    let expected: Vec<&str> = SNAPSHOT.into_iter().chain(LIVE).collect();
    wait_for_lines(&lines, &expected)?;
    settle(&lines, Duration::from_secs(2), LIMIT)?;
    wait_for_lines(&lines, &expected).context("after two more seconds")?;

    wait_for_orders(&second, 6)?;
    let mut delays = Vec::new();
    for (at_ms, output) in second.outputs()? {
        if let Output::Raw(raw) = output
            && raw.op == "c"
        {
            delays.push(at_ms - raw.committed_ms()?);
        }
    }
    delays.sort_unstable();
    stage.note("commit to line, three inserts", format_args!("{delays:?} ms"));
    ensure!(delays.first().is_some_and(|fastest| (0..1000).contains(fastest)), "no line within a second of its commit");
    wait_for_windows(&second)?;
    stack.opsctl(&["worker", "stop", "--name", "worker-seed"], LIMIT)?;
    Ok(())
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn second_config(stage: &Stage<'_>) -> Result<String> {
    let path = stage.places.root.join("compose/worker.toml");
    let mut config: toml::Table = std::fs::read_to_string(&path)?.parse().context("compose/worker.toml")?;
    let own = "format = \"json\"\nkafka.group = \"e2e_seed\"\nagg.window_ms = 3000";
    crate::pipeline::merge(&mut config, own.parse()?);
    Ok(config.to_string())
}

/// Waits until stdout holds exactly these RAW and ALERT lines, `*` standing for what differs from run to run.
fn wait_for_lines(lines: &Lines, expected: &[&str]) -> Result<()> {
    let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    expected.sort();
    until("exactly the expected RAW and ALERT lines", LIMIT, || {
        let mut found: Vec<String> = lines.all().iter().map(|line| without_times(&line.text)).collect();
        // Windows of five minutes: one may end while this runs.
        found.retain(|line| !line.starts_with("AGG"));
        found.sort();
        if found == expected {
            return Ok(Look::Found(()));
        }
        if let Some(strange) = found.iter().find(|line| !expected.contains(line)) {
            bail!("not expected: {strange}");
        }
        if found.len() > expected.len() {
            bail!("a line came twice: {found:#?}");
        }
        let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
        Ok(Look::NotYet(format!("missing: {missing:#?}")))
    })
}

/// `latency=15ms}` and `at 2026-02-12 13:57:38` are other ones each time; that they look so is checked.
fn without_times(line: &str) -> String {
    let number = |text: &str| text.trim_start_matches('-').parse::<u64>().is_ok();
    if let Some((before, latency)) = line.rsplit_once("latency=")
        && latency.strip_suffix("ms}").is_some_and(number)
    {
        return format!("{before}latency=*ms}}");
    }
    if let Some((before, at)) = line.rsplit_once(" at ")
        && at.parse::<jiff::civil::DateTime>().is_ok()
    {
        return format!("{before} at *");
    }
    line.to_owned()
}

fn wait_for_orders(lines: &Lines, count: usize) -> Result<()> {
    until(&format!("{count} RAW lines in JSON"), LIMIT, || {
        let found = lines.outputs()?.iter().filter(|(_, output)| matches!(output, Output::Raw(_))).count();
        Ok(if found == count { Look::Found(()) } else { Look::NotYet(format!("{found} of {count}")) })
    })
}

/// Windows are cut by the clock, so an order may fall into one or another: what is sure are their sums.
fn wait_for_windows(lines: &Lines) -> Result<()> {
    let expected: BTreeMap<String, [i128; 6]> = WINDOWS.map(|(symbol, sums)| (symbol.to_owned(), sums)).into();
    until("the windows' sums", LIMIT, || {
        let mut found = BTreeMap::<String, [i128; 6]>::new();
        for (_, output) in lines.outputs()? {
            let Output::Agg(agg) = output else { continue };
            let price = |text: &str| cents(text).map(|cents| cents / 100);
            let (total, min, max) = (price(&agg.total)?, price(&agg.min)?, price(&agg.max)?);
            let sums = found.entry(agg.symbol).or_insert([0, 0, 0, 0, min, max]);
            for (sum, value) in sums.iter_mut().zip([agg.orders.into(), agg.buys.into(), agg.sells.into(), total]) {
                *sum += value;
            }
            (sums[4], sums[5]) = (sums[4].min(min), sums[5].max(max));
        }
        Ok(if found == expected { Look::Found(()) } else { Look::NotYet(format!("{found:?}, not {expected:?}")) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_are_taken_out() {
        for (line, expected) in [
            ("a, latency=-15ms}", "a, latency=*ms}"),
            ("ALERT at 2026-02-12 13:57:38", "ALERT at *"),
            ("ALERT at noon", "ALERT at noon"),
            ("latency=?ms}", "latency=?ms}"),
        ] {
            assert_eq!(without_times(line), expected);
        }
    }
}
