//! The worker as a process, killed again and again under load: what stands in its file is what stands in the topic, once.

use std::time::Duration;

use super::life::{Life, SOON, under_load};
use super::support::Real;
use crate::engine::day::Dice;
use crate::program::end_of;
use crate::shim::shimmed;

const KILLS: u64 = 50;
const A_SECOND: u32 = 2_500;

// Windows by the worker's own clock, which no repetition could give again without the epoch log.
#[test]
fn i1_fifty_kills_under_load_leave_every_result_once() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let written = under_load(&life, A_SECOND, || {
        let mut dice = Dice(11);
        for _ in 0..KILLS {
            let mut child = life.begin(1 + dice.below(4));
            // From before the state is open to well into the work.
            std::thread::sleep(Duration::from_millis(60 + dice.below(540)));
            child.kill().unwrap();
            let ended = end_of(child, SOON);
            assert!(ended.code.is_none(), "it was killed, it did not end: {}", ended.err);
        }
    });
    life.must_be_right(written);
}

/// Where a worker dies, by the call to the machine that it is in.
const POINTS: [(&str, &str); 11] = [
    ("in the middle of an epoch's record", "write|*/log/*.epochs|kill-half"),
    ("after the record, before its sync", "write|*/log/*.epochs|kill-after"),
    ("after the log", "sync|*/log/*.epochs|kill-after"),
    ("after execute", "write|*/results|kill-before"),
    ("in the middle of delivery", "write|*/results|kill-half"),
    ("after delivery", "write|*/results|kill-after"),
    ("before the commit", "sync|*/results|kill-after"),
    ("in the middle of the commit", "write|*/db/*.log|kill-half"),
    ("after the commit", "write|*/db/*.log|kill-after"),
    ("before a checkpoint has its name", "rename|*/chk-*|kill-before"),
    ("after a checkpoint has its name", "rename|*/chk-*|kill-after"),
];
const TIMES: u64 = 10;

#[test]
fn i1_i6_a_death_at_every_point_of_an_epoch_leaves_every_result_once() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let written = under_load(&life, A_SECOND, || {
        let mut dice = Dice(12);
        for round in 0..TIMES {
            for (point, rule) in POINTS {
                let checkpoint = rule.starts_with("rename");
                // Now and then while logged epochs are executed again, mostly later.
                let number = 1 + dice.below(if checkpoint { 2 } else { 25 });
                let parallelism = (1 + dice.below(4)).to_string();
                let mut command =
                    life.command(&[("parallelism", &parallelism), ("state.checkpoint_interval_ms", "100")]);
                shimmed(&mut command, &format!("{rule}|{number}"));
                println!("{point}, the {number}th time");
                let ended = end_of(command.spawn().unwrap(), SOON);
                assert!(ended.code.is_none(), "{point}, round {round}: it did not die there: {}", ended.err);
            }
        }
    });
    life.must_be_right(written);
}
