//! Whether the machine has the memory that the stack will use.

use crate::failure::{Failure, Result};

const MIB: u64 = 1024 * 1024;

/// What each service was seen to use under load (compose/README.md), with some room; not its limit, which is a bound.
const NEEDED_MIB: &[(&str, u64)] = &[
    ("zookeeper", 128),
    ("kafka-1", 430),
    ("kafka-2", 430),
    ("kafka-3", 430),
    ("kafka-connect", 560),
    ("mysql", 400),
    ("kafka-ui", 320),
    ("prometheus", 128),
    ("grafana", 256),
    ("clickhouse", 650),
    ("worker", 64),
];

/// Refuses if what is to be started would not fit into the memory that is free.
pub(crate) fn enough(available_bytes: u64, to_start: &[&str]) -> Result<()> {
    let needed_mib: u64 = NEEDED_MIB.iter().filter(|(name, _)| to_start.contains(name)).map(|(_, mib)| mib).sum();
    let available_mib = available_bytes / MIB;
    if available_mib >= needed_mib {
        return Ok(());
    }
    Err(Failure::could_not_run(format!(
        "{available_mib} MiB of memory are free, {} will use about {needed_mib} MiB under load",
        to_start.join(", ")
    ))
    .hint("stop something else, or go on all the same: opsctl up --skip-check memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_stack_needs_more_than_two_gigabytes() {
        let all = ["zookeeper", "kafka-1", "kafka-2", "kafka-3", "kafka-connect", "mysql", "worker"];
        let refused = enough(2048 * MIB, &all).expect_err("too little");
        assert!(refused.message.contains("2048 MiB") && refused.message.contains("2442 MiB"), "{refused}");
        enough(2442 * MIB, &all).expect("just enough");
    }

    #[test]
    fn what_runs_already_needs_nothing_more() {
        enough(0, &[]).expect("nothing to start");
        enough(64 * MIB, &["worker"]).expect("the worker alone");
    }
}
