//! What every state store must hold, written so that the next one joins by a line.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use worker::decode::{DedupMark, SnapshotRows};
use worker::epoch::Timeline;
use worker::state::{
    Commit, MemoryStateStore, OutboxKey, PartitionProgress, SinkProgress, StateKey, StateStore, StoreError, TimerKey,
};
use worker::time::Watermarks;

/// A commit with these symbols and timers.
pub(super) fn commit(epoch: u64, symbols: &[(&str, &[u8])], timers: &[(i64, &str, bool)]) -> Commit {
    let progress = |partition: i32| PartitionProgress {
        topic: "cdc.orders_db.orders".into(),
        topic_id: (partition == 1).then_some([7; 16]),
        partition,
        next_offset: epoch as i64 * 10 + i64::from(partition),
        leader_epoch: 4,
        mark: DedupMark::default(),
        snapshot: SnapshotRows::default(),
        time: Watermarks::default().partition(0),
    };
    let sink = SinkProgress { sink: "file".into(), timeline: Timeline(9), epoch, file_length_bytes: Some(epoch * 100) };
    Commit {
        timeline: Timeline(9),
        epoch,
        config_id: u64::MAX - epoch,
        clock_ms: 1_000 + epoch as i64,
        watermark_ms: (epoch > 1).then_some(epoch as i64),
        partitions: vec![progress(0), progress(1)],
        symbols: symbols.iter().map(|(symbol, stored)| (StateKey::of(0, symbol), stored.to_vec())).collect(),
        timers: timers.iter().map(|&(due_ms, symbol, set)| (TimerKey::of(0, due_ms, symbol), set)).collect(),
        outbox: Vec::new(),
        sinks: vec![sink],
    }
}

/// All symbols of a store.
pub(super) fn symbols(store: &dyn StateStore) -> Vec<(StateKey, Vec<u8>)> {
    let mut all = Vec::new();
    store
        .for_each_symbol(&mut |key, stored| {
            all.push((key, stored.to_vec()));
            Ok(())
        })
        .unwrap();
    all
}

/// All timers of a store.
pub(super) fn timers(store: &dyn StateStore) -> Vec<TimerKey> {
    let mut all = Vec::new();
    store
        .for_each_timer(&mut |key| {
            all.push(key);
            Ok(())
        })
        .unwrap();
    all
}

/// A sink's outbox.
pub(super) fn outbox(store: &dyn StateStore, sink: &str) -> Vec<(OutboxKey, Vec<u8>)> {
    let mut all = Vec::new();
    store
        .for_each_in_outbox(sink, &mut |key, outputs| {
            all.push((key, outputs.to_vec()));
            Ok(())
        })
        .unwrap();
    all
}

/// Everything that a store holds, to be compared.
pub(super) type Content = (Option<Commit>, Vec<(StateKey, Vec<u8>)>, Vec<TimerKey>, Vec<(OutboxKey, Vec<u8>)>);

pub(super) fn content(store: &dyn StateStore, sinks: &[&str]) -> Content {
    let outboxes = sinks.iter().flat_map(|sink| outbox(store, sink)).collect();
    (store.last_commit().unwrap(), symbols(store), timers(store), outboxes)
}

/// Runs over a store that is empty.
fn a_store_keeps_its_contract(store: &dyn StateStore) {
    assert_eq!(content(store, &["file"]), (None, vec![], vec![], vec![]));
    assert_eq!(store.symbol(&StateKey::of(0, "A")).unwrap(), None);

    let first =
        commit(1, &[("B", b"b1"), ("A", b"a1"), ("", b"empty")], &[(300, "A", true), (-5, "B", true), (300, "", true)]);
    store.commit(&first).unwrap();
    assert_eq!(store.last_commit().unwrap(), Some(first.bare()));
    assert_eq!(store.symbol(&StateKey::of(0, "A")).unwrap().as_deref(), Some(&b"a1"[..]));
    assert_eq!(store.symbol(&StateKey::of(0, "")).unwrap().as_deref(), Some(&b"empty"[..]));
    assert_eq!(store.symbol(&StateKey::of(1, "A")).unwrap(), None, "another unit");

    // Overwritten, added, kept; set and gone in one commit, gone and set again, gone without ever having been set.
    let changes =
        [(7, "A", true), (7, "A", false), (300, "A", false), (300, "A", true), (-5, "B", false), (8, "C", false)];
    let second = commit(2, &[("A", b""), ("삼성", b"s")], &changes);
    store.commit(&second).unwrap();
    let mut expected: Vec<_> = [("A", &b""[..]), ("B", b"b1"), ("", b"empty"), ("삼성", b"s")]
        .map(|(symbol, stored)| (StateKey::of(0, symbol), stored.to_vec()))
        .into();
    expected.sort();
    let due = vec![TimerKey::of(0, 300, ""), TimerKey::of(0, 300, "A")];
    let after = (Some(second.bare()), expected, due, vec![]);
    assert_eq!(content(store, &["file"]), after, "in the order of their keys");

    // The same commit once more, as after an unknown answer, changes nothing.
    store.commit(&second).unwrap();
    assert_eq!(content(store, &["file"]), after);

    // An epoch that changed nothing moves the commit and nothing else.
    store.commit(&commit(3, &[], &[])).unwrap();
    assert_eq!(store.last_commit().unwrap().unwrap().epoch, 3);
    assert_eq!((symbols(store).len(), timers(store).len()), (4, 2));

    an_outbox_is_a_sinks_own(store);
    a_walk_ends_where_its_visitor_fails(store);
    a_store_goes_on_after_a_resume(store);
}

/// Goes on after epoch 3.
fn an_outbox_is_a_sinks_own(store: &dyn StateStore) {
    let key = |sink: &str, epoch| OutboxKey::of(sink, Timeline(9), epoch);
    let put = |sink: &str, epoch, outputs: &[u8]| (key(sink, epoch), Some(outputs.to_vec()));
    let outbox_of = |epoch, changes| Commit { outbox: changes, ..commit(epoch, &[], &[]) };
    store.commit(&outbox_of(4, vec![put("kafka", 4, b"k4"), put("file", 4, b""), put("kaf", 4, b"other")])).unwrap();
    store
        .commit(&outbox_of(300, vec![put("kafka", 300, b"k300"), (key("kafka", 4), None), put("kafka", 4, b"k4")]))
        .unwrap();
    assert_eq!(store.last_commit().unwrap(), Some(commit(300, &[], &[])));
    assert_eq!(outbox(store, "kafka"), [(key("kafka", 4), b"k4".to_vec()), (key("kafka", 300), b"k300".to_vec())]);
    assert_eq!(outbox(store, "file"), [(key("file", 4), vec![])]);
    let page = |behind: Option<OutboxKey>, bytes_max| {
        let page = store.outbox_page("kafka", behind.as_ref(), bytes_max).unwrap();
        page.into_iter().map(|(key, _)| key.parts().unwrap().2).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 0), [4], "one at least");
    assert_eq!(page(None, 5), [4], "two and four bytes do not fit five");
    assert_eq!(page(None, 6), [4, 300]);
    assert_eq!(page(Some(key("kafka", 4)), 100), [300]);
    assert_eq!(page(Some(key("kafka", 5)), 100), [300], "behind one that is not there");
    assert_eq!(page(Some(key("kafka", 300)), 100), [0; 0]);
    // Acknowledged: gone. What is not there may be taken out too.
    let acknowledged = [key("kafka", 4), key("kafka", 300), key("kafka", 5), key("kaf", 4)];
    store.commit(&outbox_of(301, acknowledged.map(|key| (key, None)).into())).unwrap();
    assert_eq!(outbox(store, "kafka"), []);
    assert_eq!(outbox(store, "file").len(), 1);
}

fn a_walk_ends_where_its_visitor_fails(store: &dyn StateStore) {
    let mut seen = 0;
    let ended = store.for_each_symbol(&mut |key, _| {
        seen += 1;
        // A visitor may read the store that it walks over.
        assert!(store.symbol(&key)?.is_some());
        if seen == 2 { Err(StoreError::Key(vec![1])) } else { Ok(()) }
    });
    assert!(matches!(ended, Err(StoreError::Key(_))), "{ended:?}");
    assert_eq!(seen, 2);
}

fn a_store_goes_on_after_a_resume(store: &dyn StateStore) {
    let before = content(store, &["file"]);
    store.resume().unwrap();
    assert_eq!(content(store, &["file"]), before);
    store.commit(&commit(400, &[("A", b"a400")], &[])).unwrap();
    assert_eq!(store.symbol(&StateKey::of(0, "A")).unwrap().as_deref(), Some(&b"a400"[..]));
}

/// I1: a commit is seen whole or not at all, also while it is made.
fn i1_commits_are_seen_whole(store: &dyn StateStore) {
    const COMMITS: u64 = 2_000;
    let keys = ["A", "B"].map(|symbol| StateKey::of(0, symbol));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for epoch in 1_000..1_000 + COMMITS {
                let stored = epoch.to_be_bytes();
                store.commit(&commit(epoch, &[("A", &stored), ("B", &stored)], &[(epoch as i64, "A", true)])).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let mut compared = 0;
        while !done.load(Ordering::Acquire) || compared == 0 {
            let epoch = || store.last_commit().unwrap().map_or(0, |commit| commit.epoch);
            let before = epoch();
            let seen = keys.clone().map(|key| {
                store
                    .symbol(&key)
                    .unwrap()
                    .map_or(0, |stored| u64::from_be_bytes(stored.try_into().unwrap_or_default()))
            });
            let after = epoch();
            if before >= 1_000 {
                assert!(seen.iter().all(|seen| (before..=after).contains(seen)), "{before} {seen:?} {after}");
                compared += 1;
            }
        }
    });
}

/// Runs over a store that is empty.
pub(super) fn i1_a_store_is_sound(store: &dyn StateStore) {
    a_store_keeps_its_contract(store);
    i1_commits_are_seen_whole(store);
}

#[test]
fn i1_the_memory_store_keeps_the_contract() {
    i1_a_store_is_sound(&MemoryStateStore::default());
}
