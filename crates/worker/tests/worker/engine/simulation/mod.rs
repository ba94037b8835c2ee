//! The engine under crashes: source, clock, the state's database and every file are simulated, everything between them is
//! the project's own code (the epoch log and the sinks too), on one thread, driven by a seed. After every crash the worker
//! starts again from what the simulated disks still hold; at the end files, state and stdout must be what the same epochs
//! give without a crash.
//!
//! `CDC_SIMULATION_SCHEDULES=10000` says how many schedules, `CDC_SIMULATION_SEED=N` replays one. `tests/planted` has bugs
//! that it must find, `cargo xtask plant` plants them.

mod accounts;
mod disk;
mod fates;
mod oracle;
mod outlets;
mod refusals;
mod schedule;
mod sinks;
mod source;
mod state;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use schedule::{Outcome, run};

/// Schedules in a run without a wish: seconds. CI has a step with ten thousand.
const SCHEDULES: u64 = 500;

/// A schedule that is wrong, and what it says.
type Wrong = (u64, Box<dyn std::any::Any + Send>);

fn wish(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn i1_i3_crashes_change_nothing_that_is_seen() {
    let seeds = match wish("CDC_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + wish("CDC_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES),
    };
    let (next, wrong_from) = (AtomicU64::new(seeds.start), AtomicU64::new(seeds.end));
    let (total, wrong) = (Mutex::new(Outcome::default()), Mutex::new(None::<Wrong>));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            // Those before a wrong one still run: it is the first of them that is told.
            if seed >= wrong_from.load(Ordering::Relaxed) {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                Ok(outcome) => total.lock().unwrap().add(&outcome),
                Err(panic) => {
                    let mut wrong = wrong.lock().unwrap();
                    if wrong_from.fetch_min(seed, Ordering::Relaxed) > seed {
                        *wrong = Some((seed, panic));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some((seed, panic)) = wrong.into_inner().unwrap() {
        let number = seed - seeds.start + 1;
        eprintln!(
            "schedule {number} of seed {seed} is wrong; alone: CDC_SIMULATION_SEED={seed} cargo test -p worker --no-default-features --test worker simulation"
        );
        resume_unwind(panic);
    }
    let total = total.into_inner().unwrap();
    eprintln!("{} schedules: {total:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= 500 {
        something_happened(&total);
    }
}

/// A simulation in which nothing happens shows nothing.
fn something_happened(total: &Outcome) {
    let happened = [
        (total.crashes_of_process, 100),
        (total.crashes_of_machine, 100),
        (total.executed_again, 500),
        (total.restores, 20),
        (total.rescales, 100),
        (total.refused_configurations, 20),
        (total.refused_sources, 20),
        (total.refused_starts, 20),
        (total.disk_faults, 100),
        (total.partitions_added, 20),
        (total.clocks_set_back, 20),
        (total.unknown_answers, 500),
        (total.repeated_batches, 50),
    ];
    assert!(happened.iter().all(|(count, least)| count > least), "{total:?}");
}
