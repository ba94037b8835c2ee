//! The engine under crashes: source, clock, log, state and sinks are simulated, everything between them is the project's own
//! code, on one thread, driven by a seed. After every crash the worker starts again from what the simulated disks still hold;
//! at the end files, state and stdout must be what the same epochs give without a crash.
//!
//! `CDC_SIMULATION_SCHEDULES=10000` says how many schedules, `CDC_SIMULATION_SEED=N` replays one.

mod disk;
mod oracle;
mod schedule;
mod source;

use std::panic::{AssertUnwindSafe, catch_unwind};

use schedule::{Outcome, run};

/// Schedules in a run without a wish: seconds.
const SCHEDULES: u64 = 1_500;

fn wish(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn i1_i3_crashes_change_nothing_that_is_seen() {
    let seeds = match wish("CDC_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + wish("CDC_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES),
    };
    let mut total = Outcome::default();
    for seed in seeds.clone() {
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(outcome) => total.add(&outcome),
            Err(panic) => {
                let tried = seed - seeds.start + 1;
                eprintln!(
                    "schedule {tried} of seed {seed} is wrong; alone: CDC_SIMULATION_SEED={seed} cargo test -p worker --no-default-features --test worker simulation"
                );
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{} schedules: {total:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= 500 {
        // A simulation in which nothing happens shows nothing.
        assert!(total.crashes_of_process > 100 && total.crashes_of_machine > 100, "{total:?}");
        assert!(total.executed_again > 500 && total.restores > 20 && total.rescales > 100, "{total:?}");
        assert!(
            total.refused_configurations > 5 && total.disk_faults > 100 && total.partitions_added > 20,
            "{total:?}"
        );
    }
}
