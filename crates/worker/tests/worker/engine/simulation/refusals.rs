//! Starts that would not be exactly once, and so must not begin: each is tried over what a schedule has left.

use std::path::Path;
use std::sync::Arc;

use worker::epoch::{DiskEpochLog, DriverError, EpochLog, EpochRecord, Refusal, SteppedDriver};
use worker::state::StateLayout;
use worker::time::clock::ManualClock;

use super::disk::{Directory, SimulatedDirectory};
use super::fates::{Fates, Shared, open};
use super::schedule::{SEGMENT_BYTES, World};
use super::source::TopicFeed;
use super::state::StateDisk;
use crate::engine::day::MORNING_MS;

/// Whether the log is a part of what a restore replaces.
pub(super) fn a_restore_takes_the_log_along() -> bool {
    let layout = StateLayout::of(Path::new("state"));
    layout.log().starts_with(layout.database())
}

/// A log that holds these epochs and no others.
fn log_of<'a>(records: impl IntoIterator<Item = &'a EpochRecord>) -> DiskEpochLog {
    let files = SimulatedDirectory { disk: Shared::<Directory>::default(), fates: Fates::calm() };
    let mut log = DiskEpochLog::open_on(Arc::new(files), SEGMENT_BYTES).unwrap();
    for record in records {
        log.append(record).unwrap();
    }
    log
}

/// State and log that do not belong together, or one of them alone.
pub(super) fn starts_that_would_not_be_exactly_once(world: &mut World) {
    let history = world.history();
    let last = open(&world.state).epoch();
    assert_eq!(history.len() as u64, last, "everything is committed");
    if last < 3 {
        return;
    }
    let half = (last / 2) as usize;
    let lost = start(world, log_of([]), None);
    assert!(matches!(lost, Refusal::LogLost { epoch } if epoch == last), "{lost}");
    let behind = start(world, log_of(&history[..half]), None);
    assert!(matches!(behind, Refusal::StateAhead { state, log } if (state, log) == (last, half as u64)), "{behind}");
    let foreign: Vec<EpochRecord> =
        history.iter().map(|record| EpochRecord { timeline: worker::epoch::Timeline(8), ..record.clone() }).collect();
    let foreign = start(world, log_of(&foreign), None);
    assert!(matches!(foreign, Refusal::OtherTimeline { state: 7, log: 8 }), "{foreign}");
    // Without the state.
    world.state = Shared::<StateDisk>::default();
    let first = half as u64 + 1;
    let without = start(world, log_of(&history[half..]), None);
    assert!(matches!(without, Refusal::StateLost { first: found, .. } if found == first), "{without}");
    let group = start(world, log_of([]), Some(40));
    assert!(matches!(group, Refusal::GroupWasFurther { offset: 40, .. }), "{group}");
    world.outcome.refused_starts += 5;
}

/// Tries to start; what it is refused with.
fn start(world: &mut World, log: DiskEpochLog, group_offset: Option<i64>) -> Refusal {
    let (clock, fates) = (ManualClock::at(MORNING_MS), Fates::calm());
    let dice = world.fork();
    let mut feed = TopicFeed::new(&world.topic, dice);
    feed.group_offset = group_offset;
    // With files of its own: what the schedule has written is not cut off for it.
    world.outside = super::sinks::Outside::default();
    let driver = world.driver(&clock, 0, Box::new(log), &fates);
    match SteppedDriver::start(driver, &mut feed, true).map(drop) {
        Err(DriverError::Refused(refusal)) => refusal,
        other => panic!("it is not refused: {other:?}"),
    }
}
