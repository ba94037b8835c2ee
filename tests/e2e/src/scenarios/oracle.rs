//! A random load of SQL; what the worker made of it must be what SQL itself says, symbol by symbol.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::audit::{self, Sums, joined};
use crate::cents::cents;
use crate::lines::settle;
use crate::load::Load;
use crate::output::{Agg, Alert, Output, Raw};
use crate::pipeline::{FIRST_SYMBOL, Pipeline};
use crate::scenario::Stage;
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, until};

/// Events at least.
const CHANGES: usize = 20_000;
/// Transactions at a time.
pub(crate) const PART: usize = 250;
/// From the last commit to the last line, on a slow machine.
const LIMIT: Duration = Duration::from_mins(5);
const WINDOW: &str = "agg.window_ms = 5000";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline(WINDOW)?;
    under_load(stage, &pipeline, PART, |_| Ok(()))
}

/// The load in parts of so many transactions, with something done to the pipeline after each; then the comparison.
pub(crate) fn under_load(
    stage: &mut Stage<'_>,
    pipeline: &Pipeline<'_>,
    part: usize,
    mut after_each: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    audit::start(pipeline)?;
    let mut load = Load::seeded(stage.seed);
    let watch = Stopwatch::start();
    let mut parts = 0;
    let changes = loop {
        pipeline.sql(&load.transactions(part))?;
        parts += 1;
        after_each(parts)?;
        let changes = audit::changes(pipeline)?;
        stage.step(format_args!("{changes} of {CHANGES} changes in MySQL"));
        if changes >= CHANGES {
            break changes;
        }
    };
    stage.note("changes", changes);
    stage.note("written in", human(watch.elapsed()));
    let watch = Stopwatch::start();
    wait_for_windows(pipeline, changes).with_context(|| pipeline.whereabouts())?;
    stage.note("from the last commit to the last window", human(watch.elapsed()));
    // What is too much comes late.
    settle(&pipeline.lines, Duration::from_secs(2), LIMIT)?;
    let (expected, found) = (audit::sums(pipeline)?, found(pipeline)?);
    let differences = differences(&expected, &found);
    ensure!(differences.is_empty(), "SQL and the worker differ:\n{}", differences.join("\n"));
    stage.note("symbols", expected.len());
    let alerts: i64 = expected.values().flat_map(|sums| sums.alerts.values()).sum();
    stage.note("alerts of three rules", alerts);
    Ok(())
}

/// Waits until every change has been counted in a window that fired.
fn wait_for_windows(pipeline: &Pipeline<'_>, changes: usize) -> Result<()> {
    let (mut mark, mut counted) = (0, 0);
    let mut seen = HashSet::new();
    until("every change in a window", LIMIT, || {
        let next = pipeline.lines.mark();
        let outputs = pipeline.lines.outputs_since(mark)?;
        mark = next;
        // A window whose line is repeated after a crash counts once.
        let new = |output: &&Output| matches!(output, Output::Agg(agg) if seen.insert(agg.id.clone()));
        counted += outputs.iter().map(|(_, output)| output).filter(new).map(orders).sum::<i64>();
        let enough = usize::try_from(counted)? >= changes;
        Ok(if enough { Look::Found(()) } else { Look::NotYet(format!("{counted} of {changes}")) })
    })
}

fn orders(output: &Output) -> i64 {
    match output {
        Output::Agg(agg) if agg.symbol != FIRST_SYMBOL => agg.orders,
        _ => 0,
    }
}

/// What the worker wrote, by stream and symbol.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) events: BTreeMap<String, Sums>,
    pub(crate) windows: BTreeMap<String, Sums>,
}

fn found(pipeline: &Pipeline<'_>) -> Result<Found> {
    let mut found = Found::default();
    for raw in pipeline.raws()? {
        add_event(found.events.entry(raw.symbol.clone()).or_default(), &raw)?;
    }
    let mut seen = HashSet::new();
    for (_, output) in pipeline.lines.outputs()? {
        match output {
            Output::Agg(agg) if agg.symbol != FIRST_SYMBOL && seen.insert(agg.id.clone()) => {
                add_window(found.windows.entry(agg.symbol.clone()).or_default(), &agg)?;
            }
            Output::Alert(alert) if seen.insert(alert.id.clone()) => {
                add_alert(found.events.entry(alert.symbol.clone()).or_default(), &alert);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn add_event(sums: &mut Sums, raw: &Raw) -> Result<()> {
    *sums.ops.entry(raw.op.clone()).or_default() += 1;
    sums.buys += i64::from(raw.side.as_deref() == Some("BUY"));
    sums.sells += i64::from(raw.side.as_deref() == Some("SELL"));
    sums.total += cents(&raw.amount)?;
    let price = cents(&raw.price)?;
    sums.range = Some(joined(sums.range, (price, price)));
    Ok(())
}

fn add_window(sums: &mut Sums, agg: &Agg) -> Result<()> {
    *sums.ops.entry("any".to_owned()).or_default() += agg.orders;
    sums.buys += agg.buys;
    sums.sells += agg.sells;
    sums.total += cents(&agg.total)?;
    sums.range = Some(joined(sums.range, (cents(&agg.min)?, cents(&agg.max)?)));
    Ok(())
}

fn add_alert(sums: &mut Sums, alert: &Alert) {
    // By the worker's clock: SQL knows nothing of it.
    if alert.rule != "RAPID_ORDERS" {
        *sums.alerts.entry(alert.rule.clone()).or_default() += 1;
    }
}

/// One line a symbol and stream that differs.
pub(crate) fn differences(expected: &BTreeMap<String, Sums>, found: &Found) -> Vec<String> {
    let without_zeros = |sums: &Sums| {
        let mut sums = sums.clone();
        sums.alerts.retain(|_, count| *count != 0);
        sums
    };
    let nothing = Sums::default();
    let symbols: std::collections::BTreeSet<&String> =
        expected.keys().chain(found.events.keys()).chain(found.windows.keys()).collect();
    let mut differences = Vec::new();
    for symbol in symbols {
        let of = |sums: &BTreeMap<String, Sums>| without_zeros(sums.get(symbol).unwrap_or(&nothing));
        let (sql, events, windows) = (of(expected), of(&found.events), of(&found.windows));
        if sql != events {
            differences.push(format!("{symbol:?}: SQL {sql:?}\n  RAW and ALERT {events:?}"));
        }
        let as_window = |sums: &Sums| (sums.orders(), sums.buys, sums.sells, sums.total, sums.range);
        if as_window(&sql) != as_window(&windows) {
            differences.push(format!("{symbol:?}: SQL {:?}\n  AGG {:?}", as_window(&sql), as_window(&windows)));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(orders: i64, op: &str) -> Sums {
        Sums { ops: [(op.to_owned(), orders)].into(), total: 5, ..Sums::default() }
    }

    #[test]
    fn every_stream_is_compared() {
        let expected = BTreeMap::from([("a".to_owned(), sums(2, "c"))]);
        let same = || Found { events: expected.clone(), windows: BTreeMap::from([("a".to_owned(), sums(2, "any"))]) };
        assert_eq!(differences(&expected, &same()), Vec::<String>::new());
        let mut another = same();
        another.windows.entry("a".to_owned()).or_default().total += 1;
        assert_eq!(differences(&expected, &another).len(), 1);
        let mut another = same();
        another.events.entry("a".to_owned()).or_default().alerts.insert("LARGE_ORDER".to_owned(), 1);
        assert_eq!(differences(&expected, &another).len(), 1);
        let mut another = same();
        another.events.insert("b".to_owned(), sums(1, "c"));
        assert_eq!(differences(&expected, &another).len(), 1);
        assert_eq!(differences(&expected, &Found::default()).len(), 2);
    }
}
