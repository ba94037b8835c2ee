//! Windows as they fill: which symbols are worth looking at, and what their last windows gave. What is open stands in
//! the state store, as committed; it is read when somebody looks.

use std::collections::{HashMap, VecDeque};

use compact_str::CompactString;

use crate::state::{StateKey, StateStore, SymbolState, UNIT};
use crate::window::Aggregate;

/// How many symbols are followed (I7). Beyond it the one that was quiet for longest goes.
const SYMBOLS: usize = 512;
/// How many of a symbol's results are kept for its line.
const RESULTS: usize = 40;
/// How many changed symbols of one epoch are looked at.
const PER_EPOCH: usize = 64;
/// How often symbols are looked for: an epoch may be a single event.
const LOOK_EVERY_MS: i64 = 200;

/// The symbols that are followed.
#[derive(Debug, Default)]
pub(super) struct Board {
    followed: HashMap<CompactString, Followed>,
    looked_ms: Option<i64>,
}

#[derive(Debug, Default)]
struct Followed {
    seen_ms: i64,
    results: VecDeque<Aggregate>,
}

/// A symbol's windows, as they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolWindows {
    /// The symbol.
    pub symbol: CompactString,
    /// Its open windows, as they stand, by start.
    pub open: Vec<Aggregate>,
    /// Its last results, oldest first.
    pub results: Vec<Aggregate>,
}

impl Board {
    /// An epoch changed these symbols.
    pub(super) fn changed<'a>(&mut self, keys: impl Iterator<Item = &'a StateKey>, now_ms: i64) {
        if self.looked_ms.is_some_and(|looked_ms| now_ms - looked_ms < LOOK_EVERY_MS) {
            return;
        }
        self.looked_ms = Some(now_ms);
        for symbol in keys.take(PER_EPOCH).filter_map(StateKey::symbol) {
            self.follow(symbol, now_ms);
        }
    }

    /// A window gave a result.
    pub(super) fn fired(&mut self, symbol: &str, result: &Aggregate, now_ms: i64) {
        let results = &mut self.follow(symbol, now_ms).results;
        // A correction takes the place of what it corrects.
        match results.iter_mut().find(|known| known.start_ms == result.start_ms) {
            Some(known) => *known = result.clone(),
            None => results.push_back(result.clone()),
        }
        if results.len() > RESULTS {
            results.pop_front();
        }
    }

    fn follow(&mut self, symbol: &str, now_ms: i64) -> &mut Followed {
        if self.followed.len() >= SYMBOLS && !self.followed.contains_key(symbol) {
            let quietest = self.followed.iter().min_by_key(|(_, followed)| followed.seen_ms);
            if let Some(quietest) = quietest.map(|(symbol, _)| symbol.clone()) {
                self.followed.remove(&quietest);
            }
        }
        let followed = self.followed.entry(symbol.into()).or_default();
        followed.seen_ms = now_ms;
        followed
    }

    /// The symbols that are followed, with their results.
    pub(super) fn symbols(&self) -> Vec<SymbolWindows> {
        let shown = |(symbol, followed): (&CompactString, &Followed)| SymbolWindows {
            symbol: symbol.clone(),
            open: Vec::new(),
            results: followed.results.iter().cloned().collect(),
        };
        self.followed.iter().map(shown).collect()
    }
}

/// Adds what is open, read from the store; a symbol that cannot be read is shown without. Those with the most orders in
/// their open windows come first.
pub(super) fn with_open_windows(
    mut symbols: Vec<SymbolWindows>,
    store: &dyn StateStore,
    window_ms: i64,
    most: usize,
) -> Vec<SymbolWindows> {
    for one in &mut symbols {
        let stored = store.symbol(&StateKey::of(UNIT, &one.symbol)).ok().flatten();
        let state = stored.and_then(|stored| SymbolState::decode(&stored).ok()).unwrap_or_default();
        one.open = state.windows.open_so_far(window_ms).collect();
    }
    let orders = |one: &SymbolWindows| one.open.iter().map(|window| window.orders).sum::<u64>();
    symbols.sort_by(|a, b| orders(b).cmp(&orders(a)).then_with(|| a.symbol.cmp(&b.symbol)));
    symbols.truncate(most);
    symbols
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::Timeline;
    use crate::event::{OpSet, testing::order};
    use crate::state::{Commit, MemoryStateStore};
    use crate::window::TumblingWindows;

    const WINDOWS: TumblingWindows = TumblingWindows { size_ms: 1_000, ops: OpSet::ALL, allowed_lateness_ms: 0 };

    /// A symbol's stored state after so many orders in its first window.
    fn filled(symbol: &str, orders: usize) -> (StateKey, Vec<u8>) {
        let mut state = SymbolState::default();
        for _ in 0..orders {
            WINDOWS.on_event(&mut state.windows, &order(symbol, "BUY", 2, "10.5"), 7, 7);
        }
        (StateKey::of(UNIT, symbol), state.encode().unwrap())
    }

    fn store(symbols: Vec<(StateKey, Vec<u8>)>) -> MemoryStateStore {
        let store = MemoryStateStore::default();
        let commit = Commit {
            timeline: Timeline(1),
            epoch: 1,
            config_id: 1,
            clock_ms: 7,
            watermark_ms: None,
            partitions: Vec::new(),
            symbols,
            timers: Vec::new(),
            outbox: Vec::new(),
            sinks: Vec::new(),
        };
        store.commit(&commit).unwrap();
        store
    }

    #[test]
    fn what_is_open_is_shown_as_committed_the_fullest_first() {
        let store = store(vec![filled("A", 1), filled("B", 3), filled("C", 2)]);
        let mut board = Board::default();
        board.changed(["A", "B", "C"].map(|symbol| StateKey::of(UNIT, symbol)).iter(), 0);
        let shown = with_open_windows(board.symbols(), &store, 1_000, 2);
        let seen: Vec<_> = shown.iter().map(|one| (&*one.symbol, one.open[0].orders, one.open[0].end_ms)).collect();
        assert_eq!(seen, [("B", 3, 1_000), ("C", 2, 1_000)]);
        assert_eq!(shown[0].open[0].total.to_string(), "63");
    }

    #[test]
    fn results_stay_with_their_symbol_and_a_correction_replaces() {
        let mut state = SymbolState::default();
        WINDOWS.on_event(&mut state.windows, &order("A", "BUY", 2, "10"), 7, 7);
        let first = WINDOWS.fire_next(&mut state.windows, 1_000).unwrap();
        let mut board = Board::default();
        board.fired("A", &first, 1_000);
        board.fired("A", &Aggregate { orders: 2, revision: 2, ..first.clone() }, 1_100);
        board.fired("A", &Aggregate { start_ms: 1_000, end_ms: 2_000, ..first }, 2_000);
        let [one] = &board.symbols()[..] else { panic!("one symbol") };
        let seen: Vec<_> = one.results.iter().map(|result| (result.start_ms, result.revision)).collect();
        assert_eq!(seen, [(0, 2), (1_000, 1)]);
    }

    // I7
    #[test]
    fn the_quietest_symbol_goes() {
        let mut board = Board::default();
        for number in 0..=SYMBOLS {
            let key = [StateKey::of(UNIT, &format!("S{number}"))];
            board.changed(key.iter(), number as i64 * LOOK_EVERY_MS);
        }
        assert_eq!(board.followed.len(), SYMBOLS);
        assert!(!board.followed.contains_key("S0") && board.followed.contains_key("S1"));
        let key = [StateKey::of(UNIT, "soon")];
        board.changed(key.iter(), SYMBOLS as i64 * LOOK_EVERY_MS + 1);
        assert!(!board.followed.contains_key("soon"), "a moment later nobody looks");
    }
}
