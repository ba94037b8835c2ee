//! The pace at which the latency benchmark sends.

#[path = "../../benches/latency/pace.rs"]
mod pace;

use std::time::Duration;

use pace::Pace;

const TICK: Duration = Duration::from_micros(500);

#[test]
fn an_event_is_due_at_its_own_time_and_nothing_adds_up() {
    for (per_second, event, microseconds) in
        [(1_000, 0, 0), (1_000, 7, 7_000), (10_000, 3, 300), (3, 3, 1_000_000), (7, 7_000_000, 1_000_000_000_000)]
    {
        assert_eq!(Pace::new(per_second, TICK).due(event), Duration::from_micros(microseconds), "{per_second}");
    }
}

#[test]
fn whoever_is_late_sends_all_that_are_due() {
    for per_second in [1, 3, 7, 1_000, 9_999, 10_000, 1_000_000] {
        let pace = Pace::new(per_second, TICK);
        for event in [0, 1, 2, 5, 99, 12_345] {
            let due = pace.due(event);
            assert_eq!(pace.due_by(due), event + 1, "{event} of {per_second}");
            let before = due.checked_sub(Duration::from_nanos(1));
            assert_eq!(before.map_or(0, |before| pace.due_by(before)), event, "{event} of {per_second}");
        }
    }
}

#[test]
fn nobody_wakes_before_an_event_is_due_nor_a_tick_after() {
    for per_second in [100, 1_000, 3_333, 10_000] {
        let pace = Pace::new(per_second, TICK);
        for event in 0..100 {
            let (due, wake) = (pace.due(event), pace.wake(event));
            assert!(wake >= due && wake < due + TICK, "{event} of {per_second}: {due:?} {wake:?}");
        }
    }
}

#[test]
fn ten_thousand_a_second_share_ticks_and_a_thousand_do_not() {
    let wakes = |per_second, events| {
        let mut wakes: Vec<Duration> = (0..events).map(|event| Pace::new(per_second, TICK).wake(event)).collect();
        wakes.dedup();
        wakes.len()
    };
    assert_eq!((wakes(10_000, 10_001), wakes(1_000, 1_001)), (2_001, 1_001));
}
