//! Watermarks: W says that no more events with a time before W are expected. Per source partition the largest event
//! time minus the out-of-orderness; overall the minimum over the partitions that are not idle; never backwards
//! (`spec.md` 1.2; Flink's `BoundedOutOfOrdernessWatermarks` with its idleness).

use serde::{Deserialize, Serialize};

use super::NO_WATERMARK;

/// How watermarks are made. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatermarkSettings {
    /// How far behind the largest time of its partition an event may come without being late.
    pub out_of_orderness_ms: i64,
    /// A partition with nothing to read for this long (caught up, not merely silent) does not hold the others back.
    pub idle_after_ms: i64,
    /// An event time further ahead of the clock than this is counted, but moves no watermark: one row from the year
    /// 2100 must not close every window until then.
    pub max_ahead_ms: i64,
}

/// One partition's part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionTime {
    /// Largest event time seen that was not too far ahead; [`NO_WATERMARK`] before the first.
    max_event_ms: i64,
    /// Clock at which the partition was last busy: it had a record, or was not known to be caught up.
    busy_ms: i64,
    /// Whether the partition is counted in the minimum at all.
    takes_part: bool,
}

impl PartitionTime {
    const fn unread(clock_ms: i64) -> Self {
        Self { max_event_ms: NO_WATERMARK, busy_ms: clock_ms, takes_part: false }
    }
}

/// The watermarks of all partitions, and the overall one. State: it is committed with the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    partitions: Vec<PartitionTime>,
    /// `None` before the first.
    current_ms: Option<i64>,
}

impl Watermarks {
    /// The watermarks as they were committed.
    pub fn restored(partitions: Vec<PartitionTime>, current_ms: Option<i64>) -> Self {
        Self { partitions, current_ms }
    }

    /// One partition's part, as it is committed.
    pub fn partition(&self, partition: usize) -> PartitionTime {
        self.partitions.get(partition).copied().unwrap_or(PartitionTime::unread(0))
    }

    /// The overall watermark, if there is one yet.
    pub fn current(&self) -> Option<i64> {
        self.current_ms
    }

    /// The overall watermark, [`NO_WATERMARK`] before the first.
    pub fn current_ms(&self) -> i64 {
        self.current_ms.unwrap_or(NO_WATERMARK)
    }

    /// A partition is counted from now on (live: when it is assigned; in a recording: at its first order event).
    pub fn take_part(&mut self, partition: usize, clock_ms: i64) {
        let entry = self.entry(partition, clock_ms);
        entry.takes_part = true;
    }

    /// The partition had a record at `clock_ms`, or is not known to be caught up.
    pub fn busy(&mut self, partition: usize, clock_ms: i64) {
        self.entry(partition, clock_ms).busy_ms = clock_ms;
    }

    /// The clock moved to `clock_ms`: partitions may have become idle.
    pub fn on_clock(&mut self, clock_ms: i64, settings: &WatermarkSettings) {
        let mut minimum: Option<i64> = None;
        for partition in &self.partitions {
            if partition.takes_part && clock_ms - partition.busy_ms < settings.idle_after_ms {
                let own_ms = match partition.max_event_ms {
                    NO_WATERMARK => NO_WATERMARK,
                    time_ms => time_ms.saturating_sub(settings.out_of_orderness_ms),
                };
                minimum = Some(minimum.map_or(own_ms, |least: i64| least.min(own_ms)));
            }
        }
        // All idle: nothing is known, the watermark stays.
        if let Some(minimum_ms) = minimum.filter(|&ms| ms != NO_WATERMARK) {
            self.current_ms = Some(self.current_ms().max(minimum_ms));
        }
    }

    /// An order event with `time_ms` was read from the partition at `clock_ms`.
    pub fn on_event(&mut self, partition: usize, time_ms: i64, clock_ms: i64, settings: &WatermarkSettings) {
        let entry = self.entry(partition, clock_ms);
        entry.busy_ms = clock_ms;
        if time_ms <= clock_ms.saturating_add(settings.max_ahead_ms) {
            entry.takes_part = true;
            entry.max_event_ms = entry.max_event_ms.max(time_ms);
        }
        self.on_clock(clock_ms, settings);
    }

    /// When the next partition would become idle if nothing came: `None` when none would.
    pub fn next_idle_ms(&self, clock_ms: i64, settings: &WatermarkSettings) -> Option<i64> {
        self.partitions
            .iter()
            .filter(|partition| partition.takes_part)
            .map(|partition| partition.busy_ms + settings.idle_after_ms)
            .filter(|&due_ms| due_ms > clock_ms)
            .min()
    }

    fn entry(&mut self, partition: usize, clock_ms: i64) -> &mut PartitionTime {
        if partition >= self.partitions.len() {
            self.partitions.resize(partition + 1, PartitionTime::unread(clock_ms));
        }
        &mut self.partitions[partition]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: WatermarkSettings =
        WatermarkSettings { out_of_orderness_ms: 5_000, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 };

    #[test]
    fn the_minimum_over_partitions_holds() {
        let mut marks = Watermarks::default();
        marks.on_event(0, 100_000, 100_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000);
        marks.on_event(1, 40_000, 100_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000, "never backwards");
        marks.on_event(0, 200_000, 101_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000, "partition 1 stands at 35,000");
        marks.on_event(1, 150_000, 102_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 145_000);
    }

    #[test]
    fn an_idle_partition_does_not_hold_the_others_back() {
        let mut marks = Watermarks::default();
        marks.on_event(0, 100_000, 100_000, &SETTINGS);
        marks.on_event(1, 100_000, 100_000, &SETTINGS);
        marks.on_event(0, 129_999, 129_999, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000, "29,999 ms: not idle yet");
        assert_eq!(marks.next_idle_ms(129_999, &SETTINGS), Some(130_000));
        marks.on_clock(130_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 124_999);
    }

    #[test]
    fn a_partition_that_was_never_read_holds_until_it_is_idle() {
        let mut marks = Watermarks::default();
        marks.take_part(1, 0);
        marks.on_event(0, 10_000, 10_000, &SETTINGS);
        assert_eq!(marks.current_ms(), NO_WATERMARK);
        marks.busy(1, 10_000); // not known to be caught up
        marks.busy(0, 39_999);
        marks.on_clock(39_999, &SETTINGS);
        assert_eq!(marks.current_ms(), NO_WATERMARK);
        marks.on_clock(40_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 5_000);
    }

    #[test]
    fn when_all_are_idle_the_watermark_stays() {
        let mut marks = Watermarks::default();
        marks.on_event(0, 100_000, 100_000, &SETTINGS);
        marks.on_clock(1_000_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000);
    }

    #[test]
    fn a_time_far_ahead_of_the_clock_moves_nothing() {
        let mut marks = Watermarks::default();
        marks.on_event(0, 100_000, 100_000, &SETTINGS);
        marks.on_event(0, 100_001 + 3_600_000, 100_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000);
        marks.on_event(0, 100_000 + 3_600_000, 100_000, &SETTINGS);
        assert_eq!(marks.current_ms(), 95_000 + 3_600_000, "an hour exactly does");
    }
}
