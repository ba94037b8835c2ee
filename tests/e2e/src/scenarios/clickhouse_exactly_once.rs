//! The ClickHouse sink while its worker is killed ten times, the server three times, every few inserts' answer is lost, and
//! the server is away until nothing more may wait for it: the tables have every result once, and SQL's sums.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::clickhouse::Beside;
use crate::lossy_proxy::LossyProxy;
use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::sink_tables::{self, SinkTables};
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, pause_for, until, until_slowly};

/// Transactions between two looks.
const PART: usize = 40;
/// The worker is killed after every second part.
const KILLS: usize = 10;
/// The server is killed after these parts, and started again after those. The last time it stays away until nothing more
/// may wait.
const KILLED_AFTER: [usize; 3] = [2, 8, 14];
const STARTED_AFTER: [usize; 3] = [4, 10, 16];
const AWAY_AFTER: usize = 2 * KILLS + 1;
/// Of so many inserts that were done one answer is lost.
const LOSE_EVERY: usize = 3;
const LOST_AT_LEAST: usize = 20;
/// What may wait: the least that can be set, about four thousand changes.
const OUTBOX_BYTES: u64 = 1 << 20;
const LIMIT: Duration = Duration::from_mins(3);
/// Nothing is read for so long while it is full.
const QUIET: Duration = Duration::from_secs(5);
const SINK: &str = "clickhouse";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let server = Beside::new(stack);
    let machine = stack.container("mysql")?.gateway().context("the stack's network has no address of this machine")?;
    let proxy = LossyProxy::start(machine, stack.clickhouse(), LOSE_EVERY)?;
    // The worker comes first: beside a server, opsctl would tell it its own address.
    let pipeline = stage.pipeline(&settings(stage, &proxy)?)?;
    server.make()?;
    let tables = SinkTables::of(&pipeline);
    until_slowly("tables", LIMIT, || {
        let kept = tables.keep_doubles();
        Ok(kept.map_or_else(|error| Look::NotYet(format!("{error:#}")), Look::Found))
    })?;

    let mut course = Course { pipeline: &pipeline, server: &server, kills: 0, outage: Outage::ToCome };
    oracle::under_load(stage, &pipeline, PART, |part| course.after(part))?;
    let Outage::Over { waiting_bytes, unread, paused } = course.outage else {
        bail!("the load was over before the server was back: {:?}", course.outage);
    };
    stage.note("kills of the worker", course.kills);
    stage.note("kills of ClickHouse", KILLED_AFTER.len() + 1);
    stage.note("sources paused for", human(paused));
    stage.note(
        "what waited meanwhile",
        format_args!("{waiting_bytes} of {OUTBOX_BYTES} bytes, {unread} records unread"),
    );

    until_slowly("everything has left for ClickHouse", LIMIT, || {
        let waiting = waiting_bytes_of(&status(&pipeline)?)?;
        Ok(if waiting == 0 { Look::Found(()) } else { Look::NotYet(format!("{waiting} bytes wait")) })
    })?;
    stage.note("answers lost of inserts that were done", format_args!("{} of {}", proxy.lost(), proxy.done()));
    ensure!(proxy.lost() >= LOST_AT_LEAST, "{} answers lost, not {LOST_AT_LEAST}", proxy.lost());
    stage.note("results in the tables, each once", tables.hold_every_line_once()?);
    stage.note("changes with MySQL's sums", tables.have_sqls_sums()?);
    let (compared, of) = tables.have_orders_as_they_stand()?;
    ensure!(compared * 10 > of * 9, "{compared} of {of} orders could be compared");
    stage.note("orders that stand as in MySQL", format_args!("{compared}, {of} all in all"));
    Ok(())
}

fn settings(stage: &Stage<'_>, proxy: &LossyProxy) -> Result<String> {
    let database = format!("e2e_{}", stage.name.replace('-', "_"));
    let sink = sink_tables::settings(stage.stack()?, &proxy.url(), &database)?;
    Ok(format!(
        "{sink}sink.clickhouse.batch_ms = 100\nsink.clickhouse.timeout_ms = 5000\nsink.outbox_bytes = {OUTBOX_BYTES}\n\
         agg.window_ms = 5000\nstate.checkpoint_interval_ms = 2000"
    ))
}

/// What is done, part by part.
struct Course<'a> {
    pipeline: &'a Pipeline<'a>,
    server: &'a Beside<'a>,
    kills: usize,
    outage: Outage,
}

/// The time that the server is away for long.
#[derive(Debug, Clone, Copy)]
enum Outage {
    ToCome,
    /// Away; more still fits.
    Filling,
    /// Nothing more may wait.
    Full(Stopwatch),
    Over {
        waiting_bytes: u64,
        unread: i64,
        paused: Duration,
    },
}

impl Course<'_> {
    fn after(&mut self, part: usize) -> Result<()> {
        if part % 2 == 1 && self.kills < KILLS {
            self.pipeline.kill_and_start_worker(LIMIT)?;
            self.kills += 1;
        }
        if KILLED_AFTER.contains(&part) {
            self.server.kill()?;
        }
        if STARTED_AFTER.contains(&part) {
            self.server.start()?;
        }
        match self.outage {
            Outage::ToCome if part == AWAY_AFTER => {
                self.server.kill()?;
                self.outage = Outage::Filling;
            }
            Outage::Filling if full(&status(self.pipeline)?).is_some() => {
                self.outage = Outage::Full(Stopwatch::start());
            }
            // A part later: there is something that could be read.
            Outage::Full(since) => self.outage = self.held_up(since)?,
            Outage::ToCome | Outage::Filling | Outage::Over { .. } => {}
        }
        Ok(())
    }

    /// Nothing is read, a worker that is killed finds as much waiting, and all goes on once the server is back.
    fn held_up(&mut self, since: Stopwatch) -> Result<Outage> {
        let pipeline = self.pipeline;
        let seen = || -> Result<(u64, i64, usize)> {
            let status = status(pipeline)?;
            let why = full(&status).with_context(|| format!("the worker does not say that it waits: {status}"))?;
            ensure!(why.contains(&OUTBOX_BYTES.to_string()), "{why}");
            Ok((waiting_bytes_of(&status)?, records_read(&status)?, pipeline.lines.mark()))
        };
        let before = seen()?;
        pause_for(QUIET)?;
        let after = seen()?;
        ensure!(after == before, "it goes on (waiting bytes, records, lines): {before:?}, then {after:?}");
        let (waiting_bytes, read, _) = before;
        ensure!(waiting_bytes <= OUTBOX_BYTES && waiting_bytes > OUTBOX_BYTES / 4 * 3, "{waiting_bytes} bytes wait");

        pipeline.kill_and_start_worker(LIMIT)?;
        self.kills += 1;
        until("it is full again", LIMIT, || {
            // There is no page before it has begun.
            let status = status(pipeline).unwrap_or_default();
            Ok(full(&status).map_or_else(|| Look::NotYet(status.to_string()), |_| Look::Found(())))
        })?;
        let unread = pipeline.stack.records(&pipeline.topic())? - read;
        ensure!(unread > 0, "there is nothing to read: it could not be seen that nothing is read");
        self.server.start()?;
        let paused = since.elapsed();
        until("it goes on", LIMIT, || {
            let status = status(pipeline)?;
            let goes_on = full(&status).is_none() && waiting_bytes_of(&status)? < OUTBOX_BYTES / 2;
            Ok(if goes_on { Look::Found(()) } else { Look::NotYet(status.to_string()) })
        })?;
        Ok(Outage::Over { waiting_bytes, unread, paused })
    }
}

fn status(pipeline: &Pipeline<'_>) -> Result<Value> {
    pipeline.page("/api/v1/status")?.json()
}

/// Why nothing is read, where that is because nothing more may wait.
fn full(status: &Value) -> Option<&str> {
    let reasons = status["problems"].as_array()?.iter().filter_map(|problem| problem["reason"].as_str());
    reasons.into_iter().find(|reason| reason.contains("sink.outbox_bytes"))
}

fn waiting_bytes_of(status: &Value) -> Result<u64> {
    let sinks = status["sinks"].as_array().into_iter().flatten();
    let sink = sinks.into_iter().find(|sink| sink["name"] == SINK);
    sink.and_then(|sink| sink["waiting_bytes"].as_u64()).with_context(|| format!("no sink {SINK}: {status}"))
}

/// Records of the topic that have been read, of all partitions: their offsets begin with 0.
fn records_read(status: &Value) -> Result<i64> {
    let partitions = status["partitions"].as_array().filter(|partitions| !partitions.is_empty());
    let next = partitions.into_iter().flatten().map(|partition| partition["next_offset"].as_i64());
    next.sum::<Option<i64>>().filter(|read| *read > 0).with_context(|| format!("no offsets: {status}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_says_what_waits_and_why_nothing_is_read() {
        let reason =
            "clickhouse: 900 bytes of results wait for it, and 1000 may (sink.outbox_bytes): the sources pause";
        let mut status = json!({
            "partitions": [{"next_offset": 4}, {"next_offset": 3}],
            "problems": [{"kind": "accounting"}, {"kind": "trouble", "reason": reason}],
            "sinks": [{"name": "stdout", "waiting_bytes": 0}, {"name": "clickhouse", "waiting_bytes": 900}],
        });
        assert_eq!(full(&status), Some(reason));
        assert_eq!((waiting_bytes_of(&status).ok(), records_read(&status).ok()), (Some(900), Some(7)));
        status["problems"][1]["reason"] = json!("epoch log: no space left");
        status["partitions"][0]["next_offset"] = Value::Null;
        assert_eq!(full(&status), None);
        assert!(records_read(&status).is_err() && records_read(&Value::Null).is_err());
        assert!(waiting_bytes_of(&Value::Null).is_err());
    }
}
