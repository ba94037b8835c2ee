//! The broker in the process with a consumer that has other things to do.

use super::*;
use crate::source::kafka::{KafkaSettings, KafkaSource};
use crate::source::market::MARKET_TOPIC;
use crate::time::clock::SystemClock;

struct Consumed {
    count: u64,
    /// How long each message was under way, in milliseconds, sorted.
    delays_ms: Vec<i64>,
}

/// Feeds `count` messages and reads them all, with a pause after each batch.
fn feed(market: MarketSettings, rate: Option<u32>, count: u64, pause: Duration) -> Consumed {
    let broker = EmbeddedBroker::start(MARKET_TOPIC, market.partitions).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (consumed, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    // Hardly anything read ahead: what is not consumed waits in the broker.
    let settings = KafkaSettings {
        batch_records_max: 1_000,
        prefetch_bytes: 1,
        extra: EmbeddedBroker::consumer_settings(),
        ..KafkaSettings::new(&broker.bootstrap(), MARKET_TOPIC, "demo")
    };
    let mut source = KafkaSource::start(settings, Arc::clone(&clock), Arc::clone(&stop)).unwrap();
    let feed = FeedSettings { market, rate, count: Some(count) };
    let feeder =
        MarketFeeder::start(&broker.bootstrap(), MARKET_TOPIC, feed, clock, Arc::clone(&consumed), stop).unwrap();
    let mut expected = Market::new(&market);
    let mut next = vec![0; market.partitions as usize];
    let mut per_partition = vec![0; market.partitions as usize];
    let mut seen = Consumed { count: 0, delays_ms: Vec::new() };
    let deadline_ms = SystemClock.boot_ms() + 120_000;
    while seen.count < count {
        assert!(SystemClock.boot_ms() < deadline_ms, "{} of {count}, produced {}", seen.count, feeder.produced());
        let Some(batch) = source.read(Duration::from_millis(100)).unwrap() else { continue };
        for record in &batch.records {
            let next = &mut next[record.partition as usize];
            assert_eq!(record.offset, *next, "nothing is missing");
            *next += 1;
            seen.delays_ms.push(SystemClock.wall_ms() - record.timestamp_ms);
        }
        seen.count += batch.records.len() as u64;
        thread::sleep(pause);
        consumed.store(seen.count, Ordering::Relaxed);
        source.recycle(batch);
    }
    assert_eq!(feeder.finish().unwrap(), count);
    for _ in 0..count {
        per_partition[expected.generate().partition as usize] += 1;
    }
    assert_eq!(next, per_partition, "each message went to its partition");
    seen.delays_ms.sort_unstable();
    seen
}

#[test]
fn a_slow_consumer_loses_nothing_of_200_000_messages() {
    let started_ms = SystemClock.boot_ms();
    let seen = feed(MarketSettings::default(), None, 200_000, Duration::from_millis(15));
    assert_eq!(seen.count, 200_000);
    println!("200,000 messages in {} ms", SystemClock.boot_ms() - started_ms);
}

#[test]
fn nor_does_one_of_large_messages_in_one_partition() {
    let market = MarketSettings { partitions: 1, wrapped: true, ..MarketSettings::default() };
    assert_eq!(feed(market, None, 20_000, Duration::from_millis(20)).count, 20_000);
}

#[test]
fn at_a_pace_messages_arrive_as_they_are_made() {
    let started_ms = SystemClock.boot_ms();
    let seen = feed(MarketSettings::default(), Some(200), 600, Duration::ZERO);
    let took_ms = SystemClock.boot_ms() - started_ms;
    assert!((2_900..10_000).contains(&took_ms), "599 intervals of 5 ms: {took_ms} ms");
    let (median, p99) = (seen.delays_ms[300], seen.delays_ms[594]);
    println!("under way: median {median} ms, p99 {p99} ms");
    assert!(median < 100, "{:?}", seen.delays_ms);
}

#[test]
fn the_room_is_for_the_largest_message() {
    assert_eq!(room(1 << 10, 0, 0), 4_096);
    assert_eq!(room(1 << 10, 5_000, 1_000), 96);
    assert_eq!(room(1 << 10, 5_096, 1_000), 0);
    assert_eq!(room(1 << 10, 9_000, 1_000), 0);
    assert_eq!(room(1 << 30, 7, 7), 1, "a message larger than all that is kept still goes, alone");
}
