//! `opsctl up` on a stack that is up: nothing changes, and it takes seconds.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::scenario::Stage;
use crate::stack::Stack;
use crate::stopwatch::Stopwatch;

const MOST: Duration = Duration::from_secs(5);
/// On a machine that does something else, too, one of these should show what it takes.
const TRIES: usize = 6;
const TOPICS: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    // A scenario before may have left something to mend; what is meant here is the one after.
    stack.up(&[])?;
    let before = seen(stack)?;
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let watch = Stopwatch::start();
        let answer = stack.up(&[])?;
        times.push(watch.elapsed());
        ensure!(answer["changed"] == false, "opsctl says that it changed something: {answer}");
        if times.last().is_some_and(|time| *time < MOST) {
            break;
        }
    }
    stage.note("opsctl up again", format_args!("{times:.2?}"));
    let after = seen(stack)?;
    ensure!(before == after, "something changed:\n{before:#?}\nis now\n{after:#?}");
    ensure!(times.iter().any(|time| *time < MOST), "no second opsctl up took less than {MOST:?}: {times:?}");
    Ok(())
}

/// What an `up` could have changed, as others see it.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Service, container and when it was started.
    containers: Vec<(String, String, String)>,
    connector: Value,
    topics: Vec<String>,
}

fn seen(stack: &Stack) -> Result<Seen> {
    let containers = stack.containers()?.into_iter();
    let topic = |name: &&str| Ok(format!("{:?}", stack.topic(name)?));
    Ok(Seen {
        containers: containers.map(|container| (container.service, container.id, container.started_at)).collect(),
        connector: stack.connector_config("orders")?,
        topics: TOPICS.iter().map(topic).collect::<Result<_>>()?,
    })
}
