//! Two faults at once, drawn from the seed: the doctor names both as causes, and `--fix` mends both. And a repair that is
//! interrupted: the next run finishes it.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Fault, LIMIT, Mend, Stage, TO_FIX, begin, connect, finish, kafka, look, mysql, wait_for_verdict, worker};
use crate::stack::Stack;
use crate::wait::{Look, until_slowly};

/// From Ctrl-C to the end of the program.
const TO_STOP: Duration = Duration::from_secs(20);
/// Pairs in one run.
const PAIRS: usize = 4;
/// Each of them alone is a scenario, and is mended by `--fix`; none hides another or follows from it.
const FAULTS: [(&str, &Fault); 7] = [
    ("connector-drift", &connect::DRIFT),
    ("connector-failed-password", &mysql::PASSWORD),
    ("connector-failed-grant", &mysql::GRANT),
    ("cleanup-policy-delete", &kafka::POLICY),
    ("broker-down", &kafka::ONE_DOWN),
    ("worker-stopped", &worker::STOPPED),
    ("root-owned-checkpoints", &worker::ROOT_OWNED),
];
/// One takes the other's place: a worker is stopped or not allowed to write, a connector fails for one cause.
const EXCLUSIVE: [[&str; 2]; 2] =
    [["worker-stopped", "root-owned-checkpoints"], ["connector-failed-password", "connector-failed-grant"]];

/// Pairs by the seed.
pub(super) fn two_faults(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    for [(first, one), (second, other)] in drawn(stage.seed) {
        stage.step(format_args!("{first} and {second}"));
        (one.breaks)(stack)?;
        (other.breaks)(stack)?;
        orders.place(stack)?;
        let verdict = wait_for_verdict(stage, stack, &[one.root, other.root], &[])?;
        for fault in [one, other] {
            ensure!(matches!(fault.mend, Mend::Fix) && verdict.is_fixable(fault.root), "{} is not fixable", fault.root);
        }
        mended(stack)?;
    }
    finish(stage, stack, orders)
}

/// The same pairs for the same seed, each once.
fn drawn(seed: u64) -> Vec<[(&'static str, &'static Fault); 2]> {
    let mut pairs = Vec::new();
    for (number, one) in FAULTS.iter().enumerate() {
        let others = FAULTS.iter().skip(number + 1).filter(|other| !is_exclusive(one.0, other.0));
        pairs.extend(others.map(|other| [*one, *other]));
    }
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for place in (1..pairs.len()).rev() {
        pairs.swap(place, (dice.next_u64() % (place as u64 + 1)) as usize);
    }
    pairs.truncate(PAIRS);
    pairs
}

fn is_exclusive(one: &str, other: &str) -> bool {
    EXCLUSIVE.iter().any(|pair| pair.contains(&one) && pair.contains(&other))
}

/// Ctrl-C after the first thing that was repaired, and while it looks whether that helped: a run afterwards does the rest.
pub(super) fn interrupted(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    for (when, mark) in [("after the first repair", "\u{21bb} "), ("while it looks again", "  looking again: ")] {
        (kafka::TWO_DOWN.breaks)(stack)?;
        orders.place(stack)?;
        wait_for_verdict(stage, stack, &[kafka::TWO_DOWN.root], kafka::TWO_DOWN.follow)?;
        let mut run = stack.start_opsctl(&["doctor", "--fix", "--yes"])?;
        run.wait_for(when, LIMIT, |line| line.contains(mark))?;
        run.press_ctrl_c();
        let (code, said) = run.end(TO_STOP)?;
        ensure!(code == Some(130), "Ctrl-C {when}: exit code {code:?}\n{said}");
        ensure!(said.contains("run it again"), "it does not say that a second run goes on:\n{said}");
        stage.step(format_args!("Ctrl-C {when}; once more"));
        mended(stack)?;
    }
    finish(stage, stack, orders)
}

/// `--fix` until all is well: what followed from a fault may fail a moment after that was mended.
fn mended(stack: &Stack) -> Result<()> {
    until_slowly("--fix mends all", LIMIT, || {
        let answer = stack.opsctl_answer(&["doctor", "--fix", "--yes"], TO_FIX)?;
        ensure!(answer["error"].is_null(), "--fix: {answer}");
        Ok(match look(stack)?.differs(&[], &[]) {
            None => Look::Found(()),
            Some(why) => Look::NotYet(why),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_pairs_of_faults_that_can_be_at_once() {
        let names = |seed| drawn(seed).iter().map(|[one, other]| (one.0, other.0)).collect::<Vec<_>>();
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
        for seed in 0..50 {
            assert_eq!(names(seed).len(), PAIRS);
            assert!(names(seed).iter().all(|(one, other)| one != other && !is_exclusive(one, other)));
        }
    }
}
