//! Each call of a transaction, and each answer to it, delayed or lost on its way: after each the run goes on, and whoever
//! reads what is committed sees every result once.

use std::process::Child;
use std::time::Duration;

use super::life::under_load_of;
use super::proxy::{Call, Fault, How, Proxy, Way};
use super::support::{Real, unique};
use super::transactions::{Place, come_through, committed_records, topics_equal_file};
use crate::program::{end_of, signal, wait_until};

const A_SECOND: u32 = 400;
/// Less than the worker waits for, and more than it waits for: 10 s, for the end of a transaction 20 s.
const A_WHILE: Duration = Duration::from_secs(2);
const TOO_LONG: Duration = Duration::from_secs(13);
const TOO_LONG_FOR_AN_END: Duration = Duration::from_secs(23);

/// Ends a worker, and shows what it said of its topics.
fn end(child: Child) {
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for line in ended.err.lines().filter(|line| line.contains("kafka sink")) {
        println!("{line}");
    }
}

fn every_fault_of(call: Call) {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(3), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    let proxy = Proxy::before(&bootstrap);
    let through = format!("kafka.bootstrap={}", proxy.address());
    let begin = || place.begin(&["--set", &through]);
    let too_long = if matches!(call, Call::EndTxn | Call::Produce) { TOO_LONG_FOR_AN_END } else { TOO_LONG };
    let mut last = None;
    let written = under_load_of(&bootstrap, &topic, A_SECOND, || {
        let mut child = begin();
        wait_until("results come", || place.file().len() > 1_000);
        for how in [How::Late(A_WHILE), How::Lost, How::Late(too_long)] {
            for way in [Way::Answer, Way::Request] {
                let fault = Fault { call, way, how };
                // That one is made once a life.
                if call == Call::InitProducerId {
                    end(child);
                    proxy.hurt(fault);
                    child = begin();
                } else {
                    proxy.hurt(fault);
                }
                wait_until("it strikes", || proxy.has_struck());
                let had = committed_records(&real, &place.output("raw"));
                wait_until(&format!("the run goes on after {fault:?}"), || {
                    assert!(child.try_wait().unwrap().is_none(), "{fault:?}: it ended");
                    committed_records(&real, &place.output("raw")) > had
                });
            }
        }
        last = Some(child);
    });
    let last = last.unwrap();
    come_through(&place, written);
    end(last);
    topics_equal_file(&real, &place);
}

#[test]
fn i5_produce_late_or_lost() {
    every_fault_of(Call::Produce);
}

#[test]
fn i5_init_producer_id_late_or_lost() {
    every_fault_of(Call::InitProducerId);
}

#[test]
fn i5_add_partitions_to_txn_late_or_lost() {
    every_fault_of(Call::AddPartitionsToTxn);
}

#[test]
fn i5_add_offsets_to_txn_late_or_lost() {
    every_fault_of(Call::AddOffsetsToTxn);
}

#[test]
fn i5_txn_offset_commit_late_or_lost() {
    every_fault_of(Call::TxnOffsetCommit);
}

#[test]
fn i5_end_txn_late_or_lost() {
    every_fault_of(Call::EndTxn);
}
