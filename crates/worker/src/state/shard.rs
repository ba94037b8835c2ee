//! A shard: the symbols of one range of key groups, decoded in memory, with their timers. One thread works on it at a
//! time; nothing in it knows the others.

use std::collections::BTreeSet;

use compact_str::CompactString;
use hashbrown::HashMap;

use super::{StateCodecError, StateKey, SymbolState, TimerKey, UNIT};
use crate::window::{Aggregate, TumblingWindows};

/// When something is due on the windows' axis, and for which symbol.
pub type Timer = (i64, CompactString);

/// The symbols of one range of key groups.
#[derive(Debug, Default)]
pub struct Shard {
    symbols: HashMap<CompactString, Entry>,
    /// When something is due for which symbol; ordered as windows fire: by time, then symbol.
    timers: BTreeSet<Timer>,
    changed: Vec<CompactString>,
    timer_changes: Vec<(TimerKey, bool)>,
}

#[derive(Debug, Default)]
struct Entry {
    state: SymbolState,
    /// Changed since the last delta was taken.
    changed: bool,
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
    /// The state of a symbol, to be changed: a symbol never seen starts empty. Marks it for the epoch's delta.
    pub fn change(&mut self, symbol: &CompactString) -> &mut SymbolState {
        let entry = self.symbols.entry_ref(symbol).or_default();
        if !entry.changed {
            entry.changed = true;
            self.changed.push(symbol.clone());
        }
        &mut entry.state
    }

    /// Sets a timer for a symbol at `due_ms` on the windows' axis.
    pub fn set_timer(&mut self, due_ms: i64, symbol: &CompactString) {
        if self.timers.insert((due_ms, symbol.clone())) {
            self.timer_changes.push((TimerKey::of(UNIT, due_ms, symbol), true));
        }
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
    ) {
        let is_due = |timer: &Timer| timer.0 <= axis_ms && last.is_none_or(|last| timer <= last);
        while self.timers.first().is_some_and(is_due) {
            let Some((due_ms, symbol)) = self.timers.pop_first() else { break };
            self.timer_changes.push((TimerKey::of(UNIT, due_ms, &symbol), false));
            if let Some(aggregate) = windows.fire_next(&mut self.change(&symbol).windows, due_ms) {
                emit(symbol, aggregate);
            }
        }
    }

    /// Takes what changed since the last time. The delta is taken when the epoch was executed, not when it is committed:
    /// the next epoch may have run by then.
    pub fn take_delta(&mut self) -> Result<ShardDelta, StateCodecError> {
        let mut delta = ShardDelta { symbols: Vec::new(), timers: std::mem::take(&mut self.timer_changes) };
        delta.symbols.reserve_exact(self.changed.len());
        for symbol in self.changed.drain(..) {
            if let Some(entry) = self.symbols.get_mut(&symbol) {
                entry.changed = false;
                delta.symbols.push((StateKey::of(UNIT, &symbol), entry.state.encode()?));
            }
        }
        Ok(delta)
    }

    /// Puts a stored symbol back.
    pub fn restore_symbol(&mut self, symbol: &str, stored: &[u8]) -> Result<(), StateCodecError> {
        let state = SymbolState::decode(stored)?;
        self.symbols.insert(symbol.into(), Entry { state, changed: false });
        Ok(())
    }

    /// Puts a stored timer back.
    pub fn restore_timer(&mut self, due_ms: i64, symbol: &str) {
        self.timers.insert((due_ms, symbol.into()));
    }

    /// How many symbols are held.
    pub fn len(&self) -> usize {
        self.symbols.len()
    }

    /// Whether no symbol is held.
    pub fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }
}
