//! The doctor's scenarios: the real stack is broken, the doctor's JSON must name the one cause and what follows from it,
//! `--fix` or the printed remedy mends it, and every order that was placed before, meanwhile and after has come out once.

mod connect;
mod kafka;
mod machine;
mod mixed;
mod mysql;
mod order;
mod remote;
mod verdict;
mod watch;
mod worker;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::order::Orders;
use self::verdict::Verdict;
use crate::scenario::{On, Scenario, Stage};
use crate::stack::Stack;
use crate::wait::{Look, pause_for, until_slowly};

const LIMIT: Duration = Duration::from_mins(5);
/// A look takes seconds on a busy machine.
const TO_LOOK: Duration = Duration::from_mins(1);
/// What a repair may take.
const TO_FIX: Duration = Duration::from_mins(8);

/// In the order in which they run: those that leave most as it is first.
pub(super) const SCENARIOS: &[Scenario] = &[
    shared("doctor-healthy", "a healthy stack: all checks well, twice, each in less than 5 s", true, healthy),
    shared("connector-drift", "a setting changed by REST: found, put back by --fix", true, |stage| {
        case(stage, &connect::DRIFT)
    }),
    shared(
        "decimal-mode-precise",
        "prices as base64 without a scale: named, and the drift that it is",
        false,
        |stage| case(stage, &connect::DECIMAL),
    ),
    shared("secret-in-config", "a password in Connect's configuration: named without being shown", false, |stage| {
        case(stage, &connect::SECRET)
    }),
    shared("connector-failed-password", "MySQL refuses the connector's password", false, |stage| {
        case(stage, &mysql::PASSWORD)
    }),
    shared("connector-failed-grant", "a right that was revoked", false, |stage| case(stage, &mysql::GRANT)),
    shared("binlog-format-statement", "changes written as SQL", false, |stage| case(stage, &mysql::FORMAT)),
    shared(
        "binlog-purged",
        "the connector's place in the binlog is gone; a new snapshot by the printed remedy",
        false,
        mysql::purged,
    ),
    shared("port-taken", "somebody else has MySQL's port", false, mysql::port_taken),
    shared("dns", "a name that lasts unknown, and one that was for a moment", false, connect::dns),
    shared("connect-env-prefix", "variables that Connect's image ignores", false, |stage| {
        case(stage, &connect::ENV_PREFIX)
    }),
    shared("heap-over-limit", "a heap larger than its container", false, |stage| case(stage, &machine::HEAP)),
    shared("oom-killed", "MySQL with less memory than it needs", false, |stage| case(stage, &machine::OOM)),
    shared("no-healthchecks", "no health checks in compose.yaml: put there by --fix", false, machine::no_health_checks),
    shared("cleanup-policy-delete", "an internal topic that forgets", false, |stage| case(stage, &kafka::POLICY)),
    shared(
        "replication-factor-1",
        "each of Connect's topics and all of them with one copy, under a live Connect",
        false,
        kafka::factor_one,
    ),
    shared("broker-down", "one broker killed", true, |stage| case(stage, &kafka::ONE_DOWN)),
    shared("two-brokers-down", "two brokers killed: Connect, connector and worker follow", false, |stage| {
        case(stage, &kafka::TWO_DOWN)
    }),
    shared(
        "two-faults",
        "pairs of faults drawn by the seed: both are named, both are mended",
        false,
        mixed::two_faults,
    ),
    shared("fix-interrupted", "Ctrl-C in the middle of --fix: the next run does the rest", false, mixed::interrupted),
    shared("remote-engine", "the Engine of another machine: what cannot be seen from here is said", false, remote::run),
    shared(
        "cluster-id",
        "ZooKeeper tells another cluster's id and has the topics: settled by --fix",
        false,
        kafka::cluster_id,
    ),
    shared("watch", "a failed task is restarted, and not again at once", false, watch::watch),
    shared(
        "watch-on",
        "watch goes on: it tells what breaks, restarts, tells that it is well again",
        false,
        watch::goes_on,
    ),
    shared("bundle", "an archive with what helps, and no secret", false, watch::bundle),
    shared("worker-stopped", "the worker's container stopped", false, |stage| case(stage, &worker::STOPPED)),
    shared("root-owned-checkpoints", "the worker's volume belongs to root", false, |stage| {
        case(stage, &worker::ROOT_OWNED)
    }),
    shared("worker-lagging", "a worker that reads too slowly", false, worker::lagging),
    shared("dead-letters", "records that cannot be read", false, worker::dead_letters),
    shared("disk-nearly-full", "a volume with little room left", false, worker::disk_nearly_full),
    shared(
        "zookeeper-volume-lost",
        "ZooKeeper's volumes lost, the brokers' kept; restored as the doctor says",
        false,
        kafka::zookeeper_lost,
    ),
];

const fn shared(
    name: &'static str,
    what: &'static str,
    marked: bool,
    run: fn(&mut Stage<'_>) -> Result<()>,
) -> Scenario {
    Scenario { name, what, marked, on: On::Shared, run }
}

/// How a fault is mended.
enum Mend {
    /// `opsctl doctor --fix --yes`.
    Fix,
    /// What the doctor prints, as a person does it.
    Remedy(fn(&Stack) -> Result<()>),
}

/// One fault.
struct Fault {
    breaks: fn(&Stack) -> Result<()>,
    /// The one finding without a cause.
    root: &'static str,
    /// Found, and naming what they follow from.
    follow: &'static [&'static str],
    mend: Mend,
    /// Whether orders can be placed, and come out, while it lasts.
    takes_orders: bool,
}

fn case(stage: &mut Stage<'_>, fault: &Fault) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    stage.step("breaking it");
    (fault.breaks)(stack)?;
    if fault.takes_orders {
        orders.place(stack)?;
    }
    let verdict = wait_for_verdict(stage, stack, &[fault.root], fault.follow)?;
    mend(stage, stack, fault, &verdict)?;
    finish(stage, stack, orders)
}

/// The stack as it should be, and a first order through it.
fn begin<'a>(stage: &mut Stage<'_>, stack: &'a Stack) -> Result<Orders<'a>> {
    wait_until_well(stage, stack)?;
    let mut orders = Orders::follow(stack)?;
    orders.place(stack)?;
    orders.wait()?;
    Ok(orders)
}

/// Green, and every order has come out once.
fn finish(stage: &mut Stage<'_>, stack: &Stack, mut orders: Orders<'_>) -> Result<()> {
    wait_until_well(stage, stack)?;
    orders.place(stack)?;
    orders.wait()?;
    orders.each_once()
}

fn mend(stage: &mut Stage<'_>, stack: &Stack, fault: &Fault, verdict: &Verdict) -> Result<()> {
    match fault.mend {
        Mend::Fix => {
            ensure!(verdict.is_fixable(fault.root), "{} is not fixable: {verdict}", fault.root);
            stage.step("opsctl doctor --fix --yes");
            let answer = stack.opsctl_answer(&["doctor", "--fix", "--yes"], TO_FIX)?;
            ensure!(answer["error"].is_null(), "--fix: {answer}");
            ensure!(
                answer["applied"].as_array().is_some_and(|applied| !applied.is_empty()),
                "--fix did nothing: {answer}"
            );
            let left = Verdict::of(&answer)?;
            ensure!(
                !left.roots().contains(&fault.root.to_owned()),
                "{} is still there after --fix: {left}",
                fault.root
            );
        }
        Mend::Remedy(remedy) => {
            stage.step(format_args!("the printed remedy: {}", verdict.remedy(fault.root)));
            remedy(stack)?;
        }
    }
    Ok(())
}

/// Asks the doctor until these are what it finds without a cause, and the others follow.
fn wait_for_verdict(stage: &mut Stage<'_>, stack: &Stack, roots: &[&str], follow: &[&str]) -> Result<Verdict> {
    let what = format!("the doctor names {}", roots.join(" and "));
    let verdict = until_slowly(&what, LIMIT, || {
        let verdict = look(stack)?;
        Ok(match verdict.differs(roots, follow) {
            None => Look::Found(verdict),
            Some(why) => Look::NotYet(why),
        })
    })?;
    stage.note("found", format_args!("{verdict}, in {:.1} s", verdict.seconds));
    let file = stack.logs().join(format!("facts-{}.json", stage.name));
    let file = file.display().to_string();
    // What was seen, for the checks' own tests.
    let _ = stack.opsctl_answer(&["doctor", "--record", &file], TO_LOOK)?;
    Ok(verdict)
}

fn look(stack: &Stack) -> Result<Verdict> {
    Verdict::of(&stack.opsctl_answer(&["doctor"], TO_LOOK)?)
}

fn wait_until_well(stage: &mut Stage<'_>, stack: &Stack) -> Result<()> {
    let verdict = until_slowly("the doctor finds all well", LIMIT, || {
        let verdict = look(stack)?;
        Ok(match verdict.differs(&[], &[]) {
            None => Look::Found(verdict),
            Some(why) => Look::NotYet(why),
        })
    })?;
    stage.step(format_args!("all well, in {:.1} s", verdict.seconds));
    Ok(())
}

/// Twice, so that the second does not meet what the first left; quick, on a machine that has time for it.
fn healthy(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    wait_until_well(stage, stack)?;
    let mut seconds = Vec::new();
    for _ in 0..2 {
        let answer: Value = stack.opsctl_answer(&["doctor"], TO_LOOK)?;
        let verdict = Verdict::of(&answer)?;
        ensure!(verdict.differs(&[], &[]).is_none() && answer["ok"] == true, "not all well: {verdict}");
        ensure!(answer["summary"]["ok"].as_u64().context("no summary")? > 45, "few checks: {}", answer["summary"]);
        seconds.push(verdict.seconds);
        pause_for(Duration::from_secs(1))?;
    }
    stage.note("seconds", format_args!("{seconds:?}"));
    ensure!(seconds.iter().any(|seconds| *seconds < 5.0), "no look took less than 5 s: {seconds:?}");
    Ok(())
}
