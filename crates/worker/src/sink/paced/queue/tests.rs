//! What waits, step by step: a table of epochs in, batches and changes of the outbox out.

use super::*;

const OURS: Timeline = Timeline(9);
const EARLIER: Timeline = Timeline(3);
const LIMITS: PacedLimits =
    PacedLimits { batch_rows: 10, batch_bytes: 1_000, batch_ms: 100, memory_bytes: 40, outbox_bytes: 200 };

fn parcel(rows: u32, bytes: usize) -> Parcel {
    Parcel { rows, bytes: vec![b'x'; bytes] }
}

fn queue() -> Queue {
    Queue::new("kafka", OURS, 0, (OURS, 0), None, LIMITS)
}

/// What is to be sent: first, last and how many parcels; a word otherwise.
fn told(next: Next) -> String {
    match next {
        Next::Batch(batch) => {
            format!("{} {}..{} of {}", batch.timeline.0, batch.first, batch.last, batch.parcels.len())
        }
        Next::Read((timeline, epoch)) => format!("read behind {} {epoch}", timeline.0),
        Next::Wait(due_ms) => format!("wait {due_ms:?}"),
    }
}

fn epochs_of(changes: &[(OutboxKey, Option<Vec<u8>>)]) -> Vec<(u64, bool)> {
    changes.iter().map(|(key, stored)| (key.parts().unwrap().2, stored.is_some())).collect()
}

#[test]
fn a_batch_is_full_by_rows_by_bytes_or_by_time() {
    let mut rows = queue();
    for epoch in 1..=3 {
        rows.deliver(epoch, parcel(5, 1), 1_000).unwrap();
    }
    assert_eq!(told(rows.next(1_000, false)), "9 1..2 of 2", "ten rows");
    rows.left(OURS, 2);
    assert_eq!(told(rows.next(1_050, false)), "wait Some(1100)", "five rows, and more may come");
    assert_eq!(told(rows.next(1_100, false)), "9 3..3 of 1");
    assert_eq!(told(rows.next(1_050, true)), "9 3..3 of 1", "nothing more comes");
    let mut alone = queue();
    alone.deliver(1, parcel(99, 1), 0).unwrap();
    alone.deliver(2, parcel(1, 1), 0).unwrap();
    assert_eq!(told(alone.next(0, false)), "9 1..1 of 1", "one epoch is never divided");
    let mut bytes = Queue::new("kafka", OURS, 0, (OURS, 0), None, PacedLimits { batch_bytes: 30, ..LIMITS });
    for epoch in [1, 4, 5] {
        bytes.deliver(epoch, parcel(1, 10), 0).unwrap();
    }
    assert_eq!(told(bytes.next(0, false)), "9 1..4 of 2", "2 x 14 bytes; epochs 2 and 3 gave nothing");
}

#[test]
fn what_is_not_acknowledged_at_a_commit_goes_with_it_and_is_taken_out_by_the_next() {
    let mut queue = queue();
    queue.deliver(1, parcel(1, 1), 0).unwrap();
    queue.deliver(2, parcel(1, 1), 0).unwrap();
    assert_eq!(queue.uncommitted_bytes(), 10);
    queue.left(OURS, 1);
    assert_eq!(epochs_of(&queue.changes()), [(2, true)], "the first one has left before");
    queue.committed();
    assert_eq!((queue.uncommitted_bytes(), queue.progress()), (0, 1));
    queue.deliver(3, parcel(1, 1), 0).unwrap();
    queue.left(OURS, 2);
    assert_eq!(epochs_of(&queue.changes()), [(2, false), (3, true)]);
    queue.left(OURS, 3);
    assert_eq!(epochs_of(&queue.changes()), [(3, false)]);
    assert_eq!((queue.progress(), queue.epochs()), (3, 0));
    queue.deliver(4, Parcel::default(), 0).unwrap();
    assert_eq!((queue.progress(), queue.epochs()), (4, 0), "nothing of it is for this sink");
}

#[test]
fn what_does_not_fit_memory_waits_in_the_outbox_only_and_comes_back_in_order() {
    let mut queue = queue();
    // 14 bytes each: three fill the memory of 40, the others are behind.
    for epoch in 1..=6 {
        queue.deliver(epoch, parcel(4, 10), 0).unwrap();
    }
    let stored: Vec<_> = queue.changes().into_iter().map(|(key, stored)| (key, stored.unwrap())).collect();
    queue.committed();
    assert_eq!((queue.epochs(), queue.bytes(), queue.front.len(), queue.spilled), (6, 84, 3, (3, 42)));
    queue.deliver(7, parcel(4, 10), 0).unwrap();
    queue.left(OURS, 3);
    assert_eq!(told(queue.next(0, false)), "read behind 9 3", "what has left may still stand there");
    // The commit of the seventh is made while the page is read: it is in the page and in memory.
    let page = stored[3..].iter().map(|(key, stored)| (key.clone(), Parcel::of_stored(stored).unwrap()));
    let seventh = (OutboxKey::of("kafka", OURS, 7), parcel(4, 10));
    queue.was_read(page.chain([seventh]).collect(), 0);
    assert_eq!((queue.epochs(), queue.spilled), (4, (0, 0)), "once");
    let mut order = Vec::new();
    while let Next::Batch(batch) = queue.next(1_000, true) {
        order.push((batch.first, batch.last));
        queue.left(batch.timeline, batch.last);
    }
    assert_eq!(order, [(4, 5), (6, 7)]);
}

#[test]
fn at_the_bound_nothing_more_is_taken_until_some_has_left() {
    let mut queue = queue();
    queue.deliver(1, parcel(1, 500), 0).unwrap();
    let full = Full { waiting_bytes: 504, outbox_bytes: 200, parcel: parcel(1, 1) };
    assert_eq!(queue.deliver(2, parcel(1, 1), 0), Err(full), "one epoch alone is always taken");
    queue.left(OURS, 1);
    queue.deliver(2, parcel(1, 1), 0).unwrap();
    queue.deliver(2, parcel(1, 1), 0).unwrap();
    assert_eq!(queue.epochs(), 1, "the same one again is the same one");
}

#[test]
fn a_batch_that_may_have_been_tried_keeps_its_borders() {
    // The log says: 4 to 6 were tried. 4 is in the outbox, 5 and 6 are executed again, and 7 comes before anything is sent.
    let mut queue = Queue::new("kafka", OURS, 4, (OURS, 3), Some((OURS, 4, 6)), LIMITS);
    for epoch in [3, 4] {
        queue.found_in_outbox(OutboxKey::of("kafka", OURS, epoch), &parcel(1, 1).stored());
    }
    assert_eq!(epochs_of(&queue.changes()), [(3, false)], "it has left");
    assert_eq!(told(queue.next(0, true)), "read behind 9 3");
    queue.was_read(vec![(OutboxKey::of("kafka", OURS, 4), parcel(1, 1))], 0);
    assert_eq!(told(queue.next(9_999, true)), "wait None", "not without the others");
    queue.deliver(5, parcel(1, 1), 0).unwrap();
    assert_eq!(told(queue.next(9_999, true)), "wait None");
    queue.deliver(6, Parcel::default(), 0).unwrap();
    queue.deliver(7, parcel(1, 1), 0).unwrap();
    assert_eq!(told(queue.next(0, false)), "9 4..6 of 2");
}

#[test]
fn what_an_earlier_history_has_left_over_goes_first_and_alone() {
    let mut queue = Queue::new("kafka", OURS, 8, (EARLIER, 5), None, PacedLimits { memory_bytes: 400, ..LIMITS });
    for (timeline, epoch) in [(EARLIER, 5), (EARLIER, 6), (EARLIER, 7)] {
        queue.found_in_outbox(OutboxKey::of("kafka", timeline, epoch), &parcel(1, 1).stored());
    }
    queue.deliver(9, parcel(1, 1), 0).unwrap();
    assert_eq!((queue.epochs(), queue.progress()), (3, 0));
    let page = [6, 7].map(|epoch| (OutboxKey::of("kafka", EARLIER, epoch), parcel(1, 1)));
    assert_eq!(told(queue.next(0, false)), "read behind 3 5");
    queue.was_read(page.to_vec(), 0);
    assert_eq!(told(queue.next(0, false)), "3 6..7 of 2");
    queue.left(EARLIER, 7);
    assert_eq!(told(queue.next(0, true)), "9 9..9 of 1");
}
