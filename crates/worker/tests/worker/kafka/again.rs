//! Logged ranges read once more, and where reading goes on behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::Producer;
use worker::source::kafka::{KafkaSettings, KafkaSource, KafkaSourceError, Range};
use worker::source::{Batch, PartitionId};

use super::support::{self, Real, block_on, clock, collect, logs, start, unique};
use super::{LONG, failure};

fn range(partition: i32, from: i64, to: i64) -> Range {
    Range { partition, from, to }
}

fn positions(topic: &str, next: &[i64]) -> Vec<(PartitionId, i64)> {
    (0..).zip(next).map(|(partition, next)| (PartitionId { topic: topic.into(), partition }, *next)).collect()
}

/// Partition, offset and value of each record, sorted.
fn seen(batch: &Batch) -> Vec<(i32, i64, String)> {
    let mut seen: Vec<_> = batch
        .records
        .iter()
        .map(|record| {
            let partition = batch.partitions[record.partition as usize].partition;
            let value = String::from_utf8_lossy(batch.value(record).unwrap()).into_owned();
            (partition, record.offset, value)
        })
        .collect();
    seen.sort();
    seen
}

fn offsets(batch: &Batch) -> Vec<(i32, i64)> {
    seen(batch).into_iter().map(|(partition, offset, _)| (partition, offset)).collect()
}

#[test]
fn ranges_are_read_again_exactly_over_gaps_and_reading_goes_on_behind_them() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    let producer = real.transactional_producer();
    // In each partition: record, control record, aborted record, control record, record, control record, record. A
    // transaction begins only when the control records of the last are written.
    for (value, commit) in [("a", true), ("b", false), ("c", true), ("d", true)] {
        producer.begin_transaction().unwrap();
        for partition in 0..3 {
            support::send_with(&producer, &topic, partition, Some(&format!("{value}{partition}")), 7);
        }
        if commit {
            producer.commit_transaction(LONG).unwrap();
        } else {
            producer.flush(LONG).unwrap();
            producer.abort_transaction(LONG).unwrap();
        }
    }
    let mut source = start(real.settings(&topic));
    source.seek(&positions(&topic, &[0, 0, 1]), None).unwrap();
    assert!(source.topic_id().is_some(), "Kafka 3.6 knows ids");
    let first = source.reread(&[range(0, 0, 5), range(1, 0, 1)]).unwrap();
    let expected = [(0, 0, "a0"), (0, 4, "c0"), (1, 0, "a1")];
    assert_eq!(seen(&first), expected.map(|(partition, offset, value)| (partition, offset, value.to_owned())));
    let second = source.reread(&[range(1, 4, 7), range(2, 4, 5)]).unwrap();
    assert_eq!(offsets(&second), [(1, 4), (1, 6), (2, 4)]);
    let standings: Vec<_> = (0..3).map(|slot| source.standing(slot).unwrap()).collect();
    assert_eq!(standings.iter().map(|standing| standing.position).collect::<Vec<_>>(), [5, 7, 5]);
    assert!(standings.iter().all(|standing| standing.leader_epoch == 0), "{standings:?}");
    let mut rest: Vec<_> = collect(&mut source, 2).iter().map(|seen| (seen.partition, seen.offset)).collect();
    rest.sort_unstable();
    assert_eq!(rest, [(0, 6), (2, 6)]);
}

#[test]
fn a_partition_that_is_far_ahead_waits_for_its_epoch() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    for n in 0..20_000 {
        real.send(&topic, 0, Some(&format!("{n:0200}")), n);
    }
    for n in 0..100 {
        real.send(&topic, 1, Some("x"), n);
    }
    real.flush();
    let mut settings = real.settings(&topic);
    settings.prefetch_bytes = 1;
    let mut source = start(settings);
    source.seek(&positions(&topic, &[0, 0]), None).unwrap();
    for epoch in 0..100 {
        let batch = source.reread(&[range(0, epoch * 200, epoch * 200 + 200), range(1, epoch, epoch + 1)]).unwrap();
        let mut expected: Vec<_> = (epoch * 200..epoch * 200 + 200).map(|offset| (0, offset)).collect();
        expected.push((1, epoch));
        assert_eq!(offsets(&batch), expected);
    }
}

#[test]
fn what_is_no_longer_there_is_named_with_both_offsets() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    for n in 0..20 {
        real.send(&topic, n % 2, Some("x"), 0);
    }
    real.flush();
    real.delete_before(&topic, 1, 4);
    let again = |range| {
        let mut source = start(real.settings(&topic));
        source.seek(&positions(&topic, &[0, 0]), None).unwrap();
        source.reread(&[range]).unwrap_err().to_string()
    };
    let deleted = again(range(1, 2, 6));
    assert!(deleted.starts_with(&format!("kafka: {topic}-1: offset 2 is outside the log, which goes from 4 to 10: ")));
    let short = again(range(0, 8, 15));
    let text = format!(
        "kafka: {topic}-0: record 14, which a logged epoch has read, is missing: the log ends at 10 without it;"
    );
    assert!(short.starts_with(&text), "{short}");
}

#[test]
fn a_record_behind_the_last_wanted_one_means_that_it_is_missing() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    let producer = real.transactional_producer();
    for value in ["a", "b"] {
        producer.begin_transaction().unwrap();
        support::send_with(&producer, &topic, 0, Some(value), 7);
        producer.commit_transaction(LONG).unwrap();
    }
    let mut source = start(real.settings(&topic));
    source.seek(&positions(&topic, &[0]), None).unwrap();
    // Offset 1 is a control record: nothing that an epoch could have read.
    let error = source.reread(&[range(0, 0, 2)]).unwrap_err().to_string();
    assert!(error.contains("record 1, which a logged epoch has read, is missing: 2 comes next;"), "{error}");
}

#[test]
fn a_state_of_another_topic_is_refused() {
    let mut source = start(KafkaSettings::new("127.0.0.1:1", "orders", "g"));
    let error = source.seek(&positions("payments", &[3]), None).unwrap_err().to_string();
    assert!(error.starts_with("kafka: the state stands in payments-0, where orders-0 is to be read: "), "{error}");
}

#[test]
fn partitions_added_while_nobody_read_are_read_from_their_beginning() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    real.send(&topic, 0, Some("before"), 0);
    real.flush();
    let more = NewPartitions::new(&topic, 2);
    block_on(real.admin().create_partitions([&more], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    real.wait_for_partitions(&topic, 2);
    for partition in [0, 1] {
        real.send(&topic, partition, Some("after"), 0);
    }
    real.flush();
    let mut source = start(real.settings(&topic));
    source.seek(&positions(&topic, &[1]), None).unwrap();
    let mut offsets: Vec<_> = collect(&mut source, 2).iter().map(|seen| (seen.partition, seen.offset)).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, [(0, 1), (1, 0)]);
}

#[test]
fn a_group_s_offsets_are_told_and_its_members_refused_before_anything_is_read() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    for n in 0..4 {
        real.send(&topic, n % 2, Some("x"), 0);
    }
    real.flush();
    let settings = KafkaSettings { group: unique("ours"), ..real.settings(&topic) };
    let mut source = start(settings.clone());
    assert_eq!(source.group_offsets().unwrap(), Some(Vec::new()), "a group that nobody has used");
    collect(&mut source, 4);
    source.commit_offsets(&positions(&topic, &[0, 1])[1..]);
    drop(source);
    let committed = start(settings.clone()).group_offsets().unwrap().unwrap();
    assert_eq!(committed, positions(&topic, &[0, 1])[1..]);

    let _member = real.member(&settings.group, &topic);
    let error = start(settings.clone()).seek(&positions(&topic, &[0, 0]), None).unwrap_err();
    assert!(matches!(error, KafkaSourceError::GroupHasMembers { .. }), "{error}");
    assert!(matches!(failure(&mut start(settings)), KafkaSourceError::GroupHasMembers { .. }));
}

#[test]
fn a_broker_that_is_away_in_the_middle_is_waited_for_and_the_rest_is_exact() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let bootstrap = cluster.bootstrap_servers();
    for n in 0..4 {
        support::send(&bootstrap, "t", 0, &n.to_string());
    }
    let stop = Arc::new(AtomicBool::new(false));
    logs();
    let mut source = KafkaSource::start(KafkaSettings::new(&bootstrap, "t", "g"), clock(), Arc::clone(&stop)).unwrap();
    source.seek(&positions("t", &[0]), None).unwrap();
    assert_eq!(offsets(&source.reread(&[range(0, 0, 1)]).unwrap()), [(0, 0)]);
    cluster.broker_down(1).unwrap();
    let batch = std::thread::scope(|scope| {
        // Behind what is there: it has to wait for the broker.
        let reading = scope.spawn(|| source.reread(&[range(0, 1, 6)]));
        std::thread::sleep(Duration::from_secs(4));
        assert!(!reading.is_finished());
        assert!(logs().contains("kafka: t cannot be read again from "), "{}", logs());
        cluster.broker_up(1).unwrap();
        for n in 4..6 {
            support::send(&bootstrap, "t", 0, &n.to_string());
        }
        reading.join().unwrap().unwrap()
    });
    assert_eq!(offsets(&batch), [1, 2, 3, 4, 5].map(|offset| (0, offset)));
    assert_eq!(source.trouble(), None);

    cluster.broker_down(1).unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| source.reread(&[range(0, 6, 7)]));
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        assert!(matches!(reading.join().unwrap(), Err(KafkaSourceError::Stopped)));
    });
}
