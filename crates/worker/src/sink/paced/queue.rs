//! What waits for a sink, and where: what is sent next is in memory, with what is not committed yet; what does not fit there
//! is in the outbox only. Plain data: no clock, no thread, no disk.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{PacedLimits, key};
use crate::epoch::Timeline;
use crate::sink::Parcel;
use crate::state::OutboxKey;

/// Timeline and epoch: the order in which things wait.
pub(super) type Place = (Timeline, u64);

/// What one epoch gave, in memory.
struct Waiting {
    place: Place,
    parcel: Arc<Parcel>,
    /// It is in the outbox, or in a commit that puts it there.
    kept: bool,
    /// When it came, on the clock since boot.
    since_ms: i64,
}

/// Some epochs to be sent.
pub(super) struct Batch {
    pub(super) timeline: Timeline,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) parcels: Vec<Arc<Parcel>>,
}

/// What comes next.
pub(super) enum Next {
    /// This is to be sent.
    Batch(Batch),
    /// What is to be sent is in the outbox, behind this place.
    Read(Place),
    /// Nothing before this time, or before something comes.
    Wait(Option<i64>),
}

/// Nothing more may wait: the outbox is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// What waits.
    pub(super) waiting_bytes: u64,
    /// What may.
    pub(super) outbox_bytes: u64,
    /// What was refused.
    pub(super) parcel: Parcel,
}

pub(super) struct Queue {
    name: &'static str,
    timeline: Timeline,
    limits: PacedLimits,
    /// In memory, to be sent next.
    front: VecDeque<Waiting>,
    front_bytes: usize,
    /// In the outbox only, behind `front`: how many epochs, and their bytes.
    spilled: (u64, u64),
    /// Behind those in the outbox: in memory until it is committed.
    tail: VecDeque<Waiting>,
    tail_bytes: usize,
    /// Left, and to be taken out of the outbox with the next commit.
    gone: Vec<OutboxKey>,
    /// The last epoch delivered.
    delivered: u64,
    /// Everything up to here has left.
    acknowledged: Place,
    /// Timeline, first and last epoch of a batch that may have been tried.
    batch: Option<(Timeline, u64, u64)>,
}

impl Queue {
    pub(super) fn new(
        name: &'static str,
        timeline: Timeline,
        delivered: u64,
        acknowledged: Place,
        batch: Option<(Timeline, u64, u64)>,
        limits: PacedLimits,
    ) -> Self {
        Self {
            name,
            timeline,
            limits,
            front: VecDeque::new(),
            front_bytes: 0,
            spilled: (0, 0),
            tail: VecDeque::new(),
            tail_bytes: 0,
            gone: Vec::new(),
            delivered,
            acknowledged,
            batch,
        }
    }

    /// At a start: one epoch's outputs in the outbox, in their order.
    pub(super) fn found_in_outbox(&mut self, key: OutboxKey, stored: &[u8]) {
        let Some((_, timeline, epoch)) = key.parts() else { return };
        if (timeline, epoch) <= self.acknowledged {
            self.gone.push(key);
        } else {
            self.spilled.0 += 1;
            self.spilled.1 += stored.len() as u64;
        }
    }

    /// The history that goes on.
    pub(super) fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// The last epoch that was delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Bytes that wait, wherever.
    pub(super) fn bytes(&self) -> u64 {
        (self.front_bytes + self.tail_bytes) as u64 + self.spilled.1
    }

    /// Bytes that the next commit would put into the outbox.
    pub(super) fn uncommitted_bytes(&self) -> usize {
        let unkept = self.tail.iter().rev().chain(self.front.iter().rev()).take_while(|waiting| !waiting.kept);
        unkept.map(|waiting| waiting.parcel.stored_bytes()).sum()
    }

    /// Epochs that wait.
    pub(super) fn epochs(&self) -> u64 {
        (self.front.len() + self.tail.len()) as u64 + self.spilled.0
    }

    /// Whether so much more fits memory; anything fits where nothing is.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let used = self.front_bytes + self.tail_bytes;
        used == 0 || used + bytes <= self.limits.memory_bytes
    }

    /// Takes what an epoch gave; the same epoch again after it was refused.
    pub(super) fn deliver(&mut self, epoch: u64, parcel: Parcel, now_ms: i64) -> Result<(), Full> {
        if epoch <= self.delivered {
            return Ok(());
        }
        if parcel.rows > 0 {
            let bytes = parcel.stored_bytes();
            let waiting_bytes = self.bytes();
            if waiting_bytes > 0 && waiting_bytes + bytes as u64 > self.limits.outbox_bytes {
                return Err(Full { waiting_bytes, outbox_bytes: self.limits.outbox_bytes, parcel });
            }
            if waiting_bytes == 0 {
                self.acknowledged = (self.timeline, self.delivered);
            }
            let place = (self.timeline, epoch);
            self.tail.push_back(Waiting { place, parcel: Arc::new(parcel), kept: false, since_ms: now_ms });
            self.tail_bytes += bytes;
            self.move_up();
        }
        self.delivered = epoch;
        Ok(())
    }

    /// What fits memory and has nothing before it in the outbox is sent from where it is.
    fn move_up(&mut self) {
        while self.spilled.0 == 0
            && self.front_bytes < self.limits.memory_bytes
            && let Some(waiting) = self.tail.pop_front()
        {
            let bytes = waiting.parcel.stored_bytes();
            self.tail_bytes -= bytes;
            self.front_bytes += bytes;
            self.front.push_back(waiting);
        }
    }

    /// What the commit of everything delivered so far changes in the outbox.
    pub(super) fn changes(&mut self) -> Vec<(OutboxKey, Option<Vec<u8>>)> {
        let mut all: Vec<_> = self.gone.drain(..).map(|key| (key, None)).collect();
        let gone = all.len();
        // Those that are not are the last ones.
        let newest_first = self.tail.iter_mut().rev().chain(self.front.iter_mut().rev());
        for waiting in newest_first.take_while(|waiting| !waiting.kept) {
            waiting.kept = true;
            all.push((key(self.name, waiting.place), Some(waiting.parcel.stored())));
        }
        all[gone..].reverse();
        all
    }

    /// It is committed: what does not fit memory need not be there any more.
    pub(super) fn committed(&mut self) {
        self.move_up();
        while let Some(waiting) = self.tail.pop_front_if(|waiting| waiting.kept) {
            let bytes = waiting.parcel.stored_bytes();
            self.tail_bytes -= bytes;
            self.spilled.0 += 1;
            self.spilled.1 += bytes as u64;
        }
    }

    /// What is to be sent, or where it is to be found.
    pub(super) fn next(&self, now_ms: i64, closing: bool) -> Next {
        if let Some((timeline, first, last)) = self.batch {
            // Its epochs come from the outbox, and from those that are executed again.
            let in_front = self.front.back().is_some_and(|waiting| waiting.place >= (timeline, last));
            let nothing_behind = self.spilled.0 == 0 && self.tail.is_empty();
            if in_front || (nothing_behind && (timeline != self.timeline || self.delivered >= last)) {
                return self.batch_through(timeline, first, last);
            }
            return if self.spilled.0 > 0 { Next::Read(self.behind()) } else { Next::Wait(None) };
        }
        let Some(oldest) = self.front.front() else {
            return if self.spilled.0 > 0 { Next::Read(self.behind()) } else { Next::Wait(None) };
        };
        let (mut rows, mut bytes, mut last) = (0, 0, oldest.place);
        let mut full = false;
        for waiting in &self.front {
            rows += u64::from(waiting.parcel.rows);
            bytes += waiting.parcel.stored_bytes();
            full =
                rows > self.limits.batch_rows || bytes > self.limits.batch_bytes || waiting.place.0 != oldest.place.0;
            if full && waiting.place != oldest.place {
                break;
            }
            last = waiting.place;
        }
        if !full && self.spilled.0 > 0 && self.front_bytes < self.limits.batch_bytes {
            return Next::Read(self.behind());
        }
        let due_ms = oldest.since_ms + self.limits.batch_ms;
        if !full && !closing && self.spilled.0 == 0 && self.tail.is_empty() && now_ms < due_ms {
            return Next::Wait(Some(due_ms));
        }
        self.batch_through(oldest.place.0, oldest.place.1, last.1)
    }

    /// Everything in memory up to an epoch.
    fn batch_through(&self, timeline: Timeline, first: u64, last: u64) -> Next {
        let waiting = self.front.iter().take_while(|waiting| waiting.place <= (timeline, last));
        Next::Batch(Batch {
            timeline,
            first,
            last,
            parcels: waiting.map(|waiting| Arc::clone(&waiting.parcel)).collect(),
        })
    }

    /// The place behind which reading the outbox goes on: what has left may still stand there.
    fn behind(&self) -> Place {
        self.front.back().map_or(self.acknowledged, |waiting| waiting.place)
    }

    /// What was read from the outbox.
    pub(super) fn was_read(&mut self, page: Vec<(OutboxKey, Parcel)>, now_ms: i64) {
        // Behind them there may be some that are in `tail` still.
        let spilled = self.spilled.0 as usize;
        for (key, parcel) in page.into_iter().take(spilled) {
            let Some((_, timeline, epoch)) = key.parts() else { continue };
            let (place, bytes) = ((timeline, epoch), parcel.stored_bytes());
            self.spilled = (self.spilled.0.saturating_sub(1), self.spilled.1.saturating_sub(bytes as u64));
            self.front_bytes += bytes;
            self.front.push_back(Waiting { place, parcel: Arc::new(parcel), kept: true, since_ms: now_ms });
        }
        self.move_up();
    }

    /// A batch is sent: its borders stand.
    pub(super) fn begins(&mut self, timeline: Timeline, first: u64, last: u64) {
        self.batch = Some((timeline, first, last));
    }

    /// A batch has its definite answer.
    pub(super) fn left(&mut self, timeline: Timeline, last: u64) {
        while let Some(waiting) = self.front.pop_front_if(|waiting| waiting.place <= (timeline, last)) {
            self.front_bytes -= waiting.parcel.stored_bytes();
            if waiting.kept {
                self.gone.push(key(self.name, waiting.place));
            }
        }
        self.acknowledged = self.acknowledged.max((timeline, last));
        self.batch = None;
        self.move_up();
    }

    /// The last epoch of which everything has left.
    pub(super) fn progress(&self) -> u64 {
        match self.acknowledged {
            _ if self.epochs() == 0 => self.delivered,
            (timeline, epoch) if timeline == self.timeline => epoch,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
