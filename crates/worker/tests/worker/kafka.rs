//! The Kafka source against a broker: a real one where `CDC_TEST_KAFKA` names it (`cargo xtask broker -- …` does), and
//! librdkafka's mock for what needs none.

mod again;
#[cfg(all(feature = "rocksdb", feature = "web"))]
mod asked;
mod away;
#[cfg(feature = "rocksdb")]
mod disk_trouble;
#[cfg(feature = "rocksdb")]
mod dry_run;
#[cfg(feature = "rocksdb")]
mod faults;
mod generating;
#[cfg(feature = "rocksdb")]
mod killed;
#[cfg(feature = "rocksdb")]
mod large;
#[cfg(feature = "rocksdb")]
mod life;
#[cfg(feature = "rocksdb")]
mod policies;
#[cfg(feature = "rocksdb")]
mod proxy;
#[cfg(feature = "rocksdb")]
mod stopped;
pub(crate) mod support;
#[cfg(feature = "rocksdb")]
mod transactions;
#[cfg(feature = "rocksdb")]
mod until;
#[cfg(all(feature = "rocksdb", feature = "web"))]
mod watched;
#[cfg(feature = "rocksdb")]
mod zombie;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::Consumer;
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use worker::source::generate::GenerateSettings;
use worker::source::kafka::{KafkaSettings, KafkaSource, KafkaSourceError, StartFrom};
use worker::source::market::{Market, MarketSettings};
use worker::time::clock::{Clock, SystemClock};

use self::support::{Real, Seen, block_on, clock, collect, logs, read_until, start, unique};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_topic_is_read_from_its_beginning_in_the_order_of_each_partition() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    for offset in 0..1_000_i64 {
        let value = format!("value {offset}");
        let value = (offset % 10 != 9).then_some(value.as_str());
        real.send(&topic, (offset % 3) as i32, value, 1_000 + offset);
    }
    real.flush();
    let mut source = start(real.settings(&topic));
    let mut seen = collect(&mut source, 1_000);
    seen.sort();
    let expected: Vec<_> = (0..1_000_i64)
        .map(|n| Seen {
            partition: (n % 3) as i32,
            offset: n / 3,
            timestamp_ms: 1_000 + n,
            value: (n % 10 != 9).then(|| format!("value {n}").into_bytes()),
        })
        .collect();
    let mut expected = expected;
    expected.sort();
    assert_eq!(seen, expected);
    let partitions: Vec<_> = source.partitions().iter().map(|id| (id.topic.to_string(), id.partition)).collect();
    assert_eq!(partitions, [(topic.clone(), 0), (topic.clone(), 1), (topic, 2)]);
}

#[test]
fn batches_keep_to_their_bounds_and_their_order() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    for offset in 0..500 {
        real.send(&topic, 0, Some("0123456789"), offset);
    }
    real.flush();
    let mut settings = real.settings(&topic);
    settings.batch_records_max = 7;
    let mut source = start(settings);
    let mut next = 0;
    read_until(&mut source, LONG, |batch| {
        assert!(batch.records.len() <= 7);
        for record in &batch.records {
            assert_eq!(record.offset, next);
            next += 1;
        }
        next == 500
    });
    let mut settings = real.settings(&topic);
    settings.batch_bytes_max = 25;
    let mut source = start(settings);
    let mut count = 0;
    read_until(&mut source, LONG, |batch| {
        assert!(batch.records.len() <= 3, "the third record goes past 25 bytes and is the last");
        count += batch.records.len();
        count == 500
    });
}

#[test]
fn the_first_record_after_a_silence_is_handed_over_at_once() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    real.send(&topic, 0, Some("first"), 0);
    real.flush();
    let mut source = start(real.settings(&topic));
    assert_eq!(collect(&mut source, 1).len(), 1);
    let mut waits_ms = Vec::new();
    for n in 0..40 {
        std::thread::sleep(Duration::from_millis(30));
        let sent_ms = SystemClock.boot_ms();
        real.send(&topic, n % 3, Some("next"), 0);
        assert_eq!(collect(&mut source, 1).len(), 1);
        waits_ms.push(SystemClock.boot_ms() - sent_ms);
    }
    waits_ms.sort_unstable();
    println!("produced to read: median {} ms, largest {} ms", waits_ms[20], waits_ms[39]);
    assert!(waits_ms[20] <= 50, "{waits_ms:?}");
}

#[test]
fn offsets_committed_for_monitoring_are_where_another_group_takes_over() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    for n in 0..10 {
        real.send(&topic, n % 2, Some(&n.to_string()), 0);
    }
    real.flush();
    let first = KafkaSettings { group: unique("first"), ..real.settings(&topic) };
    let mut source = start(first.clone());
    assert_eq!(collect(&mut source, 10).len(), 10);
    let committed = vec![(source.partitions()[0].clone(), 3)];
    source.commit_offsets(&committed);
    drop(source);

    let taking_over = KafkaSettings { from: StartFrom::Group(first.group.clone()), ..real.settings(&topic) };
    let mut seen = collect(&mut start(taking_over), 7);
    seen.sort();
    let offsets: Vec<_> = seen.iter().map(|seen| (seen.partition, seen.offset)).collect();
    assert_eq!(offsets, [(0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4)]);

    let nobody = KafkaSettings { from: StartFrom::Group("nobody".to_owned()), ..real.settings(&topic) };
    assert_eq!(
        failure(&mut start(nobody)).to_string(),
        format!("kafka: group nobody has committed no offset of topic {topic}; check the name, or start from earliest")
    );
}

#[test]
fn a_time_is_where_its_first_record_stands_or_the_end() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    let base = 1_700_000_000_000;
    for n in 0..10 {
        real.send(&topic, 0, Some("old"), base + n * 1_000);
        real.send(&topic, 1, Some("older"), base - 1_000_000 + n);
    }
    real.flush();
    let settings = KafkaSettings { from: StartFrom::Timestamp(base + 6_500), ..real.settings(&topic) };
    let mut source = start(settings);
    let offsets: Vec<_> = collect(&mut source, 3).iter().map(|seen| (seen.partition, seen.offset)).collect();
    assert_eq!(offsets, [(0, 7), (0, 8), (0, 9)]);
    // Partition 1 has nothing as late: it starts at its end.
    real.send(&topic, 1, Some("new"), base);
    real.flush();
    let seen = collect(&mut source, 1);
    assert_eq!((seen[0].partition, seen[0].offset), (1, 10));
}

#[test]
fn given_offsets_are_where_reading_goes_on() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    for n in 0..9 {
        real.send(&topic, n % 3, Some("x"), 0);
    }
    real.flush();
    // Partition 1 at its end; partition 2 not named.
    let from = StartFrom::Offsets(vec![(0, 2), (1, 3)]);
    let mut source = start(KafkaSettings { from, ..real.settings(&topic) });
    let mut offsets: Vec<_> = collect(&mut source, 4).iter().map(|seen| (seen.partition, seen.offset)).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [(0, 2), (2, 0), (2, 1), (2, 2)]);
    real.send(&topic, 1, Some("x"), 0);
    real.flush();
    assert_eq!(collect(&mut source, 1)[0].offset, 3);

    let from = StartFrom::Offsets(vec![(3, 0)]);
    let error = failure(&mut start(KafkaSettings { from, ..real.settings(&topic) })).to_string();
    assert!(error.contains("has 3 partitions, but the position to start from names partition 3"), "{error}");
}

#[test]
fn an_offset_outside_the_log_stops_with_partition_offset_and_range() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    for n in 0..20 {
        real.send(&topic, n % 2, Some("x"), 0);
    }
    real.flush();
    real.delete_before(&topic, 1, 4);
    let outside = |offsets: Vec<(i32, i64)>| {
        let from = StartFrom::Offsets(offsets);
        failure(&mut start(KafkaSettings { from, ..real.settings(&topic) })).to_string()
    };
    let below = outside(vec![(0, 0), (1, 3)]);
    assert!(below.starts_with(&format!("kafka: {topic}-1: offset 3 is outside the log, which goes from 4 to 10: ")));
    assert!(below.contains("deleted before they were read"), "{below}");
    let above = outside(vec![(0, 12), (1, 4)]);
    assert!(above.starts_with(&format!("kafka: {topic}-0: offset 12 is outside the log, which goes from 0 to 10: ")));
    assert!(above.contains("created anew"), "{above}");
}

#[test]
fn a_group_with_members_is_refused_by_their_names() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    let settings = real.settings(&topic);
    let other = real.member(&settings.group, &topic);
    let error = failure(&mut start(settings.clone()));
    assert!(matches!(error, KafkaSourceError::GroupHasMembers { .. }));
    let text = error.to_string();
    let wanted = format!("kafka: group {} has members: the-other-job (127.0.0.1); stop them", settings.group);
    assert!(text.starts_with(&wanted), "{text}");
    other.unsubscribe();
    drop(other);
    real.send(&topic, 0, Some("x"), 0);
    real.flush();
    assert_eq!(collect(&mut start(settings), 1).len(), 1, "once they are gone it starts");
}

#[test]
fn what_a_transaction_took_back_is_not_read() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    let producer = real.transactional_producer();
    for (value, commit) in [("a", true), ("b", false), ("c", true)] {
        producer.begin_transaction().unwrap();
        support::send_with(&producer, &topic, 0, Some(value), 0);
        if commit {
            producer.commit_transaction(LONG).unwrap();
        } else {
            producer.flush(LONG).unwrap();
            producer.abort_transaction(LONG).unwrap();
        }
    }
    let mut settings = real.settings(&topic);
    settings.track_caught_up = true;
    let mut source = start(settings);
    let seen = collect(&mut source, 2);
    let seen: Vec<_> = seen.iter().map(|seen| (seen.offset, seen.value.as_deref().unwrap())).collect();
    // Each transaction ends with a control record, which has an offset of its own.
    assert_eq!(seen, [(0, &b"a"[..]), (4, &b"c"[..])]);
    assert!(waited(&mut source, |source| source.caught_up(0)), "control records at the end are no records to wait for");
}

#[test]
fn partitions_added_to_the_topic_are_read_from_their_beginning() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    let mut settings = real.settings(&topic);
    settings.metadata_refresh_ms = 200;
    let mut source = start(settings);
    real.send(&topic, 0, Some("before"), 0);
    real.flush();
    assert_eq!(collect(&mut source, 1).len(), 1);
    let more = NewPartitions::new(&topic, 3);
    block_on(real.admin().create_partitions([&more], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    real.wait_for_partitions(&topic, 3);
    for partition in [2, 1, 0] {
        real.send(&topic, partition, Some("after"), 0);
    }
    real.flush();
    let mut offsets: Vec<_> = collect(&mut source, 3).iter().map(|seen| (seen.partition, seen.offset)).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [(0, 1), (1, 0), (2, 0)], "partition 0 goes on where it was");
    assert_eq!(source.partitions().len(), 3);
}

#[test]
fn a_topic_that_is_not_there_is_waited_for_and_not_created() {
    let Some(real) = Real::broker() else { return };
    let topic = unique("late");
    let mut source = start(real.settings(&topic));
    assert!(waited(&mut source, |_| logs().contains(&format!("kafka: topic {topic} does not exist on "))));
    let metadata = real.admin().inner().fetch_metadata(None, LONG).unwrap();
    assert!(metadata.topics().iter().all(|listed| listed.name() != topic), "asking must not create it");
    real.create(&topic, 2);
    real.send(&topic, 1, Some("at last"), 0);
    real.flush();
    assert_eq!(collect(&mut source, 1)[0].value.as_deref(), Some(&b"at last"[..]));
}

#[test]
fn a_slow_reader_loses_nothing_and_gets_larger_batches() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    let mut settings = real.settings(&topic);
    settings.batch_records_max = 500;
    settings.prefetch_bytes = 1;
    let mut source = start(settings);
    let value = "x".repeat(300);
    for n in 0..30_000_i64 {
        real.send(&topic, (n % 3) as i32, Some(&value), n);
    }
    real.flush();
    let (mut next, mut largest, mut seen) = ([0_i64; 3], 0, 0);
    read_until(&mut source, Duration::from_mins(1), |batch| {
        std::thread::sleep(Duration::from_millis(3));
        largest = largest.max(batch.records.len());
        for record in &batch.records {
            let next = &mut next[record.partition as usize];
            assert_eq!(record.offset, *next);
            *next += 1;
        }
        seen += batch.records.len();
        seen == 30_000
    });
    assert_eq!(largest, 500);
}

#[test]
fn settings_that_librdkafka_does_not_take_are_refused_at_once() {
    let mut settings = KafkaSettings::new("127.0.0.1:1", "t", "g");
    settings.extra = vec![("security.protocol".to_owned(), "carrier-pigeon".to_owned())];
    let error = KafkaSource::start(settings, clock(), Arc::default()).err().unwrap().to_string();
    assert!(error.contains("carrier-pigeon"), "{error}");
}

/// Reads until the source fails.
fn failure(source: &mut KafkaSource) -> KafkaSourceError {
    let deadline_ms = SystemClock.boot_ms() + LONG.as_millis() as i64;
    while SystemClock.boot_ms() < deadline_ms {
        if let Err(error) = source.read(Duration::from_millis(100)) {
            return error;
        }
    }
    panic!("no failure; log:\n{}", logs());
}

/// Reads until something holds, dropping what comes.
fn waited(source: &mut KafkaSource, mut holds: impl FnMut(&KafkaSource) -> bool) -> bool {
    let deadline_ms = SystemClock.boot_ms() + LONG.as_millis() as i64;
    while SystemClock.boot_ms() < deadline_ms {
        source.read(Duration::from_millis(20)).unwrap();
        if holds(source) {
            return true;
        }
    }
    false
}

/// A list of one partition at an offset.
fn at(topic: &str, partition: i32, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    list
}
