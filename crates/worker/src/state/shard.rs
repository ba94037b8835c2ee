//! A shard: the symbols of one range of key groups, with their timers. One thread works on it at a time; nothing in it
//! knows the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use compact_str::CompactString;

use super::hot::{CacheUse, HotSymbols};
use super::{StateKey, StateStore, StoreError, SymbolState, TimerKey, UNIT};
use crate::window::{Aggregate, TumblingWindows};

/// When something is due on the windows' axis, and for which symbol.
pub type Timer = (i64, CompactString);

/// The symbols of one range of key groups.
#[derive(Default)]
pub struct Shard {
    symbols: HotSymbols,
    /// When something is due for which symbol; ordered as windows fire: by time, then symbol. All of them, also those of
    /// symbols that are not in memory.
    timers: BTreeSet<Timer>,
    timer_changes: Vec<(TimerKey, bool)>,
}

/// What an epoch changed in one shard.
#[derive(Debug, Default)]
pub struct ShardDelta {
    /// Symbols with their stored form.
    pub symbols: Vec<(StateKey, Vec<u8>)>,
    /// Timers set and gone.
    pub timers: Vec<(TimerKey, bool)>,
}

impl Shard {
    /// Puts a shard that holds nothing over a store: symbols are read from there when they are asked for, and about
    /// `hot_symbols` stay in memory. Without this all of them do.
    pub fn put_over(&mut self, store: Arc<dyn StateStore>, hot_symbols: usize) {
        self.symbols.put_over(store, hot_symbols);
    }

    /// The state of a symbol, to be changed: a symbol never seen starts empty. Marks it for the epoch's delta.
    pub fn change(&mut self, symbol: &CompactString) -> Result<&mut SymbolState, StoreError> {
        self.symbols.change(symbol)
    }

    /// Sets a timer for a symbol at `due_ms` on the windows' axis.
    pub fn set_timer(&mut self, due_ms: i64, symbol: &CompactString) {
        if self.timers.insert((due_ms, symbol.clone())) {
            self.timer_changes.push((TimerKey::of(UNIT, due_ms, symbol), true));
        }
    }

    /// How many timers are set.
    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    /// When the next timer is due.
    pub fn next_timer_ms(&self) -> Option<i64> {
        self.timers.first().map(|&(due_ms, _)| due_ms)
    }

    /// The timers that are due when the axis stands at `axis_ms`, by time, then symbol.
    pub fn due(&self, axis_ms: i64) -> impl Iterator<Item = &Timer> {
        self.timers.iter().take_while(move |&&(due_ms, _)| due_ms <= axis_ms)
    }

    /// The axis has reached `axis_ms`: fires what is due, up to and including `last` if one is given, by time, then
    /// symbol, and hands each result to `emit`.
    pub fn fire_due(
        &mut self,
        windows: &TumblingWindows,
        axis_ms: i64,
        last: Option<&Timer>,
        mut emit: impl FnMut(CompactString, Aggregate),
    ) -> Result<(), StoreError> {
        let is_due = |timer: &Timer| timer.0 <= axis_ms && last.is_none_or(|last| timer <= last);
        while self.timers.first().is_some_and(is_due) {
            let Some((due_ms, symbol)) = self.timers.pop_first() else { break };
            self.timer_changes.push((TimerKey::of(UNIT, due_ms, &symbol), false));
            if let Some(aggregate) = windows.fire_next(&mut self.change(&symbol)?.windows, due_ms) {
                emit(symbol, aggregate);
            }
        }
        Ok(())
    }

    /// Takes what changed since the last time. The delta is taken when the epoch was executed, not when it is committed:
    /// the next epoch may have run by then.
    pub fn take_delta(&mut self, epoch: u64) -> Result<ShardDelta, StoreError> {
        let timers = std::mem::take(&mut self.timer_changes);
        Ok(ShardDelta { symbols: self.symbols.take_delta(epoch)?, timers })
    }

    /// The store holds everything up to this epoch: symbols that it did not hold yet may leave memory from now on.
    pub fn committed(&mut self, epoch: u64) {
        self.symbols.committed(epoch);
    }

    /// Puts stored timers back into a shard that has none. All at once: a start has millions to put back, and building the
    /// set of what is in order already takes a tenth of the comparisons that it takes one by one.
    pub fn restore_timers(&mut self, timers: Vec<Timer>) {
        self.timers = timers.into_iter().collect();
    }

    /// How often symbols were asked for, in memory and not.
    pub fn cache_use(&self) -> CacheUse {
        self.symbols.used()
    }

    /// How many symbols are in memory.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether no symbol is in memory.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
