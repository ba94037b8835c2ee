//! A worker that stands still with a transaction open. Alone it goes on where it stood, whatever the brokers have done with the
//! transaction. Where another has gone on meanwhile from a copy of its state, where the lock does not see it, it is refused.
//! Whoever reads what is committed sees every result once.

use std::process::{Child, Command};
use std::time::Duration;

use super::life::under_load_of;
use super::support::{Real, unique};
use super::transactions::{Place, TIMEOUT, come_through, committed_records, records, topics_equal_file};
use crate::program::{end_of, signal, wait_until};

const A_SECOND: u32 = 1_000;
/// Brokers look every ten seconds for transactions that are open for too long, here for ten seconds.
const PAST_ITS_TIME: Duration = Duration::from_secs(25);

/// Stops a worker in its tracks with a transaction open: some of what it wrote is not committed.
fn stand_still(real: &Real, place: &Place<'_>, child: &Child) {
    let raw = place.output("raw");
    wait_until("it stands still with a transaction open", || {
        signal(child, "STOP");
        // What it had sent has arrived by then.
        std::thread::sleep(Duration::from_millis(300));
        let open = committed_records(real, &raw) < records(real, &raw);
        if !open {
            signal(child, "CONT");
            std::thread::sleep(Duration::from_millis(20));
        }
        open
    });
}

fn zombie(stands_still: Duration) {
    let Some(real) = Real::broker() else { return };
    let (topic, name) = (real.topic(3), unique("out"));
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] =
        [0, 1].map(|index: usize| Place { folder: folders[index].path(), topic: &topic, name: &name });
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    let mut last = None;
    let written = under_load_of(&bootstrap, &topic, A_SECOND, || {
        let sleeper = first.begin(&TIMEOUT);
        wait_until("results come", || first.file().len() > 1_000);
        stand_still(&real, &first, &sleeper);
        let copied = Command::new("cp").arg("-a").arg(first.folder.join(".")).arg(second.folder).status().unwrap();
        assert!(copied.success());
        std::thread::sleep(stands_still);
        let (lines, had) = (second.file().len(), committed_records(&real, &first.output("raw")));
        let other = second.begin(&TIMEOUT);
        wait_until("the second one has gone on", || {
            second.file().len() > lines + 500 && committed_records(&real, &second.output("raw")) > had + 500
        });
        signal(&sleeper, "CONT");
        let ended = end_of(sleeper, Duration::from_mins(1));
        assert_eq!(ended.code, Some(3), "{}", ended.err);
        assert!(ended.err.contains("another worker has begun to write"), "{}", ended.err);
        // Shown where the second one was hurt by it.
        println!("the first one said: {}", ended.err);
        let goes_on = |more| {
            let had = committed_records(&real, &second.output("raw"));
            wait_until("the second one goes on", || committed_records(&real, &second.output("raw")) > had + more);
        };
        // Further than what the first one has logged.
        goes_on(3_000);
        // As a container's restart policy does it, again and again: refused before it has taken anybody's place.
        let ended = end_of(first.begin(&TIMEOUT), Duration::from_mins(1));
        assert_eq!(ended.code, Some(3), "{}", ended.err);
        assert!(ended.err.contains("but the epoch log ends at"), "{}", ended.err);
        goes_on(500);
        last = Some(other);
    });
    let last = last.unwrap();
    come_through(&second, written);
    signal(&last, "TERM");
    let ended = end_of(last, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    topics_equal_file(&real, &second);
}

#[test]
fn i5_a_worker_that_wakes_after_its_copy_has_gone_on_is_refused() {
    zombie(Duration::ZERO);
}

#[test]
fn i5_the_same_after_the_brokers_have_ended_its_transaction() {
    zombie(PAST_ITS_TIME);
}

#[test]
fn i5_a_transaction_that_the_brokers_have_ended_is_written_again() {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(3), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    let raw = place.output("raw");
    let mut sleeper = None;
    let written = under_load_of(&std::env::var("CDC_TEST_KAFKA").unwrap(), &topic, A_SECOND, || {
        let child = place.begin(&TIMEOUT);
        wait_until("results come", || place.file().len() > 1_000);
        stand_still(&real, &place, &child);
        std::thread::sleep(PAST_ITS_TIME);
        let had = committed_records(&real, &raw);
        assert_eq!(had, records(&real, &raw), "nothing is open any more: the brokers have ended it");
        signal(&child, "CONT");
        wait_until("it goes on", || committed_records(&real, &raw) > had + 500);
        sleeper = Some(child);
    });
    come_through(&place, written);
    let sleeper = sleeper.unwrap();
    signal(&sleeper, "TERM");
    let ended = end_of(sleeper, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    topics_equal_file(&real, &place);
}
