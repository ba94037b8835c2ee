//! The symbols of a shard that are in memory, decoded. With a store behind them they have a bound: which was not used for
//! some time goes, and is read again when it is asked for.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::{StateKey, StateStore, StoreError, SymbolState, UNIT};

/// What a symbol in memory takes, about: its slot, its place in the index, and what grows ahead of need.
pub const HOT_SYMBOL_BYTES: usize = 600;

/// How often a symbol was asked for, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// It was in memory.
    pub hits: u64,
    /// It was not: read from the store, or new.
    pub misses: u64,
}

impl std::iter::Sum for CacheUse {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { hits: sum.hits + one.hits, misses: sum.misses + one.misses })
    }
}

/// Symbols in memory, and where the others are.
#[derive(Default)]
pub(super) struct HotSymbols {
    /// Where in `slots` a symbol stands. Four bytes each, so that finding one touches little memory.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    slots: Vec<Slot>,
    /// Slots that are free.
    free: Vec<u32>,
    /// Slots changed since the last delta was taken.
    changed: Vec<u32>,
    cold: Option<Cold>,
    /// Since the start.
    used: CacheUse,
    /// The slot that the clock's hand points to.
    hand: usize,
    /// Bytes of the value that is encoded: memory used again.
    scratch: Vec<u8>,
}

/// Where symbols are that are not in memory.
struct Cold {
    store: Arc<dyn StateStore>,
    /// How many symbols may be in memory, unless more are changed and not committed.
    bound: usize,
    /// The last epoch of this run that is committed; 0 before the first.
    committed: u64,
}

#[derive(Default)]
struct Slot {
    symbol: CompactString,
    state: SymbolState,
    /// The last epoch that changed it.
    changed_in: u64,
    held: bool,
    /// Changed since the last delta was taken.
    changed: bool,
    /// Used since the clock's hand came by; not by the order that brought it into memory, so that those which come once
    /// do not drive out those which come often.
    used: bool,
}

impl HotSymbols {
    /// From now on what is not in memory is in the store, and about `bound` symbols stay in memory.
    pub(super) fn put_over(&mut self, store: Arc<dyn StateStore>, bound: usize) {
        self.cold = Some(Cold { store, bound, committed: 0 });
    }

    /// The state of a symbol, to be changed; a symbol that is nowhere starts empty. Marks it for the epoch's delta.
    pub(super) fn change(&mut self, symbol: &CompactString) -> Result<&mut SymbolState, StoreError> {
        let hash = self.hasher.hash_one(symbol);
        let slots = &self.slots;
        let found = self.index.find(hash, |&slot| slots[slot as usize].symbol == *symbol).copied();
        let index = if let Some(index) = found {
            self.used.hits += 1;
            index
        } else {
            self.used.misses += 1;
            self.fetch(symbol, hash)?
        };
        let slot = &mut self.slots[index as usize];
        slot.used = found.is_some();
        if !slot.changed {
            slot.changed = true;
            self.changed.push(index);
        }
        Ok(&mut slot.state)
    }

    /// Brings a symbol into memory.
    #[cold]
    fn fetch(&mut self, symbol: &CompactString, hash: u64) -> Result<u32, StoreError> {
        let state = match &self.cold {
            None => SymbolState::default(),
            Some(cold) => match cold.store.symbol(&StateKey::of(UNIT, symbol))? {
                None => SymbolState::default(),
                Some(stored) => SymbolState::decode(&stored)
                    .map_err(|source| StoreError::Symbol { symbol: symbol.to_string(), source })?,
            },
        };
        let slot = Slot { symbol: symbol.clone(), state, held: true, ..Slot::default() };
        let index = if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            index
        } else {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.index.insert_unique(hash, index, |&slot| hasher.hash_one(&slots[slot as usize].symbol));
        Ok(index)
    }

    /// Takes what an epoch changed, with its stored form.
    pub(super) fn take_delta(&mut self, epoch: u64) -> Result<Vec<(StateKey, Vec<u8>)>, StoreError> {
        let mut delta = Vec::with_capacity(self.changed.len());
        for index in self.changed.drain(..) {
            let slot = &mut self.slots[index as usize];
            slot.changed = false;
            slot.changed_in = epoch;
            slot.state.encode_to(&mut self.scratch)?;
            delta.push((StateKey::of(UNIT, &slot.symbol), self.scratch.as_slice().into()));
        }
        Ok(delta)
    }

    /// The store holds everything up to this epoch: what is over the bound may leave memory.
    pub(super) fn committed(&mut self, epoch: u64) {
        let Some(cold) = &mut self.cold else { return };
        cold.committed = epoch;
        let (committed, bound) = (cold.committed, cold.bound);
        // Second chance: the hand takes who was not used since it last came by. Two rounds see everybody unused.
        let mut steps = 2 * self.slots.len();
        while self.index.len() > bound && steps > 0 {
            steps -= 1;
            self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
            let slot = &mut self.slots[self.hand];
            if !slot.held || slot.changed || slot.changed_in > committed {
                continue;
            }
            if slot.used {
                slot.used = false;
                continue;
            }
            self.evict(self.hand as u32);
        }
    }

    fn evict(&mut self, index: u32) {
        let slot = std::mem::take(&mut self.slots[index as usize]);
        let hash = self.hasher.hash_one(&slot.symbol);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == index) {
            entry.remove();
        }
        self.free.push(index);
    }

    /// How often they were asked for.
    pub(super) fn used(&self) -> CacheUse {
        self.used
    }

    /// How many symbols are in memory.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::Rules;
    use crate::epoch::Timeline;
    use crate::event::OpSet;
    use crate::event::testing::order;
    use crate::state::{Commit, MemoryStateStore};
    use crate::window::TumblingWindows;

    const WINDOWS: TumblingWindows = TumblingWindows { size_ms: 300_000, ops: OpSet::ALL, allowed_lateness_ms: 0 };

    fn over(store: &Arc<MemoryStateStore>, bound: usize) -> HotSymbols {
        let mut hot = HotSymbols::default();
        hot.put_over(store.clone(), bound);
        hot
    }

    /// An order of each symbol, as one epoch.
    fn epoch(hot: &mut HotSymbols, id: u64, symbols: &[&str]) -> Commit {
        for symbol in symbols {
            let state = hot.change(&(*symbol).into()).unwrap();
            WINDOWS.on_event(&mut state.windows, &order(symbol, "BUY", id as i64, "2"), 7, 7);
            Rules::default().on_event(&mut state.rules, &order(symbol, "BUY", 1, "2"), 7, |_| {});
        }
        Commit {
            timeline: Timeline(1),
            epoch: id,
            config_id: 0,
            clock_ms: 7,
            watermark_ms: None,
            partitions: Vec::new(),
            symbols: hot.take_delta(id).unwrap(),
            timers: Vec::new(),
            outbox: Vec::new(),
            sinks: Vec::new(),
        }
    }

    fn held(hot: &HotSymbols) -> Vec<&str> {
        let mut held: Vec<&str> = hot.slots.iter().filter(|slot| slot.held).map(|slot| slot.symbol.as_str()).collect();
        held.sort_unstable();
        held
    }

    #[test]
    fn a_symbol_takes_about_what_the_memory_sum_says() {
        let slot = size_of::<Slot>();
        assert!(slot * 5 / 4 <= HOT_SYMBOL_BYTES && HOT_SYMBOL_BYTES <= slot * 2, "{slot} bytes");
    }

    #[test]
    fn what_left_memory_comes_back_as_it_was() {
        let store = Arc::new(MemoryStateStore::default());
        let (mut bounded, mut all) = (over(&store, 2), HotSymbols::default());
        let symbols = ["A", "B", "C", "D", "E"];
        for id in 1..=20 {
            let some = [symbols[id % 5], symbols[(id * 3) % 5], symbols[(id * id) % 5]];
            let commit = epoch(&mut bounded, id as u64, &some);
            assert_eq!(commit.symbols, epoch(&mut all, id as u64, &some).symbols, "epoch {id}");
            store.commit(&commit).unwrap();
            bounded.committed(id as u64);
            assert!(bounded.len() <= 2 && held(&bounded).len() == bounded.len());
        }
        assert_eq!(all.len(), 5, "without a store everything stays");
        assert!(bounded.slots.len() <= 5, "slots are used again");
    }

    #[test]
    fn what_was_in_memory_is_a_hit() {
        let store = Arc::new(MemoryStateStore::default());
        let mut hot = over(&store, 1);
        let mut live = |id, symbols: &[&str]| {
            store.commit(&epoch(&mut hot, id, symbols)).unwrap();
            hot.committed(id);
            (hot.used().hits, hot.used().misses)
        };
        assert_eq!(live(1, &["A", "A", "B"]), (1, 2), "A is new, then there; B is new");
        // One of the two has left memory.
        assert_eq!(live(2, &["A", "B"]), (2, 3));
    }

    #[test]
    fn what_is_not_committed_stays() {
        let store = Arc::new(MemoryStateStore::default());
        let mut hot = over(&store, 1);
        let first = epoch(&mut hot, 1, &["A", "B"]);
        let second = epoch(&mut hot, 2, &["B", "C"]);
        hot.change(&"D".into()).unwrap();
        store.commit(&first).unwrap();
        hot.committed(1);
        assert_eq!(held(&hot), ["B", "C", "D"], "B changed again, D is being changed");
        store.commit(&second).unwrap();
        hot.committed(2);
        assert_eq!(held(&hot), ["D"]);
    }

    #[test]
    fn what_was_used_since_the_hand_came_by_gets_a_second_chance() {
        let store = Arc::new(MemoryStateStore::default());
        let mut hot = over(&store, 3);
        let mut live = |id, symbols: &[&str]| {
            let commit = epoch(&mut hot, id, symbols);
            store.commit(&commit).unwrap();
            hot.committed(id);
            held(&hot).iter().map(|&symbol| symbol.to_owned()).collect::<Vec<_>>()
        };
        live(1, &["A", "B", "C"]);
        for id in 2..50 {
            let passing = format!("passing {id}");
            let held = live(id, &["A", &passing]);
            assert!(id < 4 || held.contains(&"A".to_owned()), "A is used in every epoch: {held:?}");
        }
    }

    #[test]
    fn a_stored_state_that_cannot_be_read_is_named() {
        let store = Arc::new(MemoryStateStore::default());
        let mut commit = epoch(&mut HotSymbols::default(), 1, &["A"]);
        commit.symbols = vec![(StateKey::of(UNIT, "A"), vec![9, 9])];
        store.commit(&commit).unwrap();
        let refusal = over(&store, 1).change(&"A".into()).unwrap_err().to_string();
        assert!(refusal.starts_with("state of symbol \"A\": stored state has format 9"), "{refusal}");
    }
}
