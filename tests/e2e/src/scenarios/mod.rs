//! The scenarios, in the order in which they run: those that share a stack first, those with a stack of their own last.

mod analytics;
mod clickhouse_exactly_once;
mod doctor;
mod interrupted;
mod kafka_exactly_once;
mod kill_broker;
mod kill_connect;
mod kill_worker;
mod kraft;
mod lifecycle;
mod observability;
pub(crate) mod oracle;
mod repair;
mod replication_factor;
mod rerun;
mod rescale;
mod restart;
mod root_owned_volume;
mod savepoint_upgrade;
mod seed;
mod status_watch;
mod worker_container;
mod zombie;

use crate::cli::Cli;
use crate::scenario::{On, Scenario};

/// Those that share the stack in the order of its life. To add one: a file beside this one, a line here.
const FIRST: &[Scenario] = &[
    Scenario {
        name: "seed",
        what: "snapshot rows, three inserts, the expected lines, the time from commit to line",
        marked: true,
        on: On::Fresh,
        run: seed::run,
    },
    Scenario {
        name: "lifecycle",
        what: "update, delete, tombstone, transactions, ALTER TABLE, TRUNCATE: each as what it is",
        marked: true,
        on: On::Shared,
        run: lifecycle::run,
    },
    Scenario {
        name: "oracle",
        what: "20,000 random changes: the worker's sums and alerts are those of SQL",
        marked: true,
        on: On::Shared,
        run: oracle::run,
    },
    Scenario {
        name: "kill-worker",
        what: "ten kills of the worker under load: its results are those of SQL, once",
        marked: true,
        on: On::Shared,
        run: kill_worker::run,
    },
    Scenario {
        name: "kill-connect",
        what: "Connect killed under load: its repeats are dropped, the sums are those of SQL",
        marked: true,
        on: On::Shared,
        run: kill_connect::run,
    },
    Scenario {
        name: "kill-broker",
        what: "a broker killed under load, the groups' coordinator: the others go on, the sums are those of SQL",
        marked: false,
        on: On::Shared,
        run: kill_broker::run,
    },
    Scenario {
        name: "kafka-exactly-once",
        what: "thirty kills of a worker that writes to Kafka, one of its coordinator: read_committed readers see all, once",
        marked: false,
        on: On::Shared,
        run: kafka_exactly_once::run,
    },
    Scenario {
        name: "zombie",
        what: "a worker wakes after a second one has gone on from a copy of its state: refused, readers see all, once",
        marked: false,
        on: On::Shared,
        run: zombie::run,
    },
    Scenario {
        name: "clickhouse-exactly-once",
        what: "worker and ClickHouse killed, answers lost, nothing more may wait: its tables have all, once, and MySQL's sums",
        marked: false,
        on: On::Shared,
        run: clickhouse_exactly_once::run,
    },
    Scenario {
        name: "savepoint-upgrade",
        what: "another image under load, by a savepoint; one that does not start is rolled back: the sums are those of SQL",
        marked: false,
        on: On::Shared,
        run: savepoint_upgrade::run,
    },
    Scenario {
        name: "rescale",
        what: "parallelism 1, 2, 8, 3 under load: the sums are those of SQL",
        marked: false,
        on: On::Shared,
        run: rescale::run,
    },
    Scenario {
        name: "root-owned-volume",
        what: "the worker's volume belongs to root: told before anything is read, mended by opsctl, never run as root",
        marked: false,
        on: On::Shared,
        run: root_owned_volume::run,
    },
    Scenario {
        name: "worker-container",
        what: "what the worker's container may do and uses, its logs followed, a second one replaced and stopped",
        marked: false,
        on: On::Shared,
        run: worker_container::run,
    },
    Scenario {
        name: "status-watch",
        what: "a screen that is refreshed: a worker that is stopped and started shows, Ctrl-C ends it",
        marked: false,
        on: On::Shared,
        run: status_watch::run,
    },
    Scenario {
        name: "observability",
        what: "Prometheus beside the pipeline: every panel's query has an answer, alerts when a task fails and the worker is gone",
        marked: false,
        on: On::Shared,
        run: observability::run,
    },
    Scenario {
        name: "repair",
        what: "a changed connector, forgetful topics, a refused password: each is named, and mended by opsctl up",
        marked: false,
        on: On::Shared,
        run: repair::run,
    },
    Scenario {
        name: "rerun",
        what: "opsctl up twice: the second changes nothing and takes less than 5 s",
        marked: true,
        on: On::Shared,
        run: rerun::run,
    },
    Scenario {
        name: "restart",
        what: "opsctl down, opsctl up: the same cluster, nothing lost",
        marked: true,
        on: On::Shared,
        run: restart::run,
    },
];

/// Those with a stack of their own.
const OWN: &[Scenario] = &[
    Scenario {
        name: "replication-factor",
        what: "Connect's topics made with factor 1: repaired in place, connector and offsets kept",
        marked: true,
        on: On::Own,
        run: replication_factor::run,
    },
    Scenario {
        name: "interrupted",
        what: "opsctl up refused, interrupted at every step, run twice at once: the next run goes on",
        marked: false,
        on: On::Own,
        run: interrupted::run,
    },
    Scenario {
        name: "analytics",
        what: "ClickHouse by opsctl up --with analytics, killed under load: its sums are MySQL's, nothing is there twice",
        marked: false,
        on: On::Own,
        run: analytics::run,
    },
    Scenario { name: "kraft", what: "the same without ZooKeeper", marked: true, on: On::Own, run: kraft::run },
];

/// All of them, in the order in which they run.
fn all() -> impl Iterator<Item = &'static Scenario> {
    FIRST.iter().chain(doctor::SCENARIOS).chain(OWN)
}

/// The names, in order.
pub(crate) fn names() -> Vec<&'static str> {
    all().map(|scenario| scenario.name).collect()
}

/// What to run: those named, all, or the marked ones.
pub(crate) fn chosen(cli: &Cli) -> Vec<&'static Scenario> {
    let named = |scenario: &Scenario| cli.only.iter().any(|name| name == scenario.name);
    let wanted = |scenario: &&Scenario| {
        if cli.only.is_empty() { cli.all || scenario.marked } else { named(scenario) }
    };
    all().filter(wanted).collect()
}

/// One line each, for `--list`.
pub(crate) fn list() -> String {
    let line = |scenario: &Scenario| {
        let mark = if scenario.marked { "*" } else { " " };
        format!("{mark} {:<26} {}\n", scenario.name, scenario.what)
    };
    all().map(line).chain(["\n* run by ./scripts/test\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn chosen_names(flags: &[&str]) -> Vec<&'static str> {
        let cli = Cli::try_parse_from([&["e2e"], flags].concat()).expect("flags");
        chosen(&cli).iter().map(|scenario| scenario.name).collect()
    }

    #[test]
    fn flags_choose_scenarios_and_the_list_keeps_the_order() {
        assert_eq!(chosen_names(&["--all"]), names());
        assert_eq!(chosen_names(&["--only", "kraft", "--only", "seed"]), ["seed", "kraft"]);
        assert!(chosen_names(&[]).contains(&"seed"));
    }

    #[test]
    fn names_are_unique_and_those_with_a_stack_of_their_own_come_last() {
        let mut sorted = names();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), all().count());
        assert!(all().skip_while(|scenario| scenario.on != On::Own).all(|scenario| scenario.on == On::Own));
    }

    #[test]
    fn the_marked_ones_are_a_dozen_at_most() {
        assert!((1..=12).contains(&all().filter(|scenario| scenario.marked).count()));
    }
}
