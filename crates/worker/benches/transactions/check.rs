//! Everything that is committed: each result once, and RAW's of the source's own positions.

use std::collections::HashSet;

use rdkafka::message::Message as _;
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::topic::PARTITIONS;
use crate::{STREAMS, read, topics, watch};

/// A position of the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// No order event.
    Other,
    /// An order event that was not seen in RAW yet.
    Event,
    Seen,
}

/// Reads all of it.
pub(crate) fn run(bootstrap: &str, prefix: &str, source: &str) -> Value {
    let mut positions = positions(bootstrap, source);
    let topics = topics(prefix);
    let mut counts = [0_u64; STREAMS.len()];
    let (mut bytes, mut digest, mut wrong) = (0, 0_u64, 0_u64);
    let mut ids = HashSet::new();
    read::all(bootstrap, &topics, |message| {
        let stream = read::place(&topics, message);
        counts[stream] += 1;
        let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
        bytes += key.len() + value.len();
        // The order between partitions is nobody's.
        digest = digest.wrapping_add(xxh3_64_with_seed(value, xxh3_64_with_seed(key, stream as u64)));
        let text = std::str::from_utf8(value).expect("our own message");
        let right = match STREAMS[stream] {
            "raw" => id(text).and_then(|id| position(id, source)).is_some_and(|at| see(&mut positions, at)),
            // A dead letter has no id.
            "dlq" => true,
            _ => id(text).is_some_and(|id| ids.insert(format!("{stream} {id}"))),
        };
        wrong += u64::from(!right);
    });
    let of = |wanted| positions.iter().flatten().filter(|position| **position == wanted).count();
    let ends = watch::ends(&read::consumer(bootstrap), &topics).expect("the broker answers");
    let mut found = Map::new();
    for (stream, count) in STREAMS.iter().zip(counts) {
        found.insert((*stream).to_owned(), json!(count));
    }
    found.insert("bytes".to_owned(), json!(bytes));
    found.insert("digest".to_owned(), json!(format!("{digest:016x}")));
    found.insert("repeated_or_foreign".to_owned(), json!(wrong));
    found.insert("missing".to_owned(), json!(of(Position::Event)));
    found.insert("raw_ends".to_owned(), json!(ends.0));
    Value::Object(found)
}

/// What stands where in the source, by partition and offset.
fn positions(bootstrap: &str, source: &str) -> Vec<Vec<Position>> {
    let mut positions = vec![Vec::new(); PARTITIONS as usize];
    read::all(bootstrap, &[source.to_owned()], |message| {
        let partition: &mut Vec<Position> = &mut positions[message.partition() as usize];
        partition.resize(message.offset() as usize, Position::Other);
        // The generator's messages are of Debezium's form, without blanks; heartbeats and the like name no order.
        let value = std::str::from_utf8(message.payload().unwrap_or_default()).expect("our own message");
        let is_event = ["c", "u", "d", "r"].iter().any(|op| value.contains(&format!("\"op\":\"{op}\"")));
        partition.push(if is_event { Position::Event } else { Position::Other });
    });
    positions
}

fn id(text: &str) -> Option<&str> {
    text.split_once(r#""id":""#)?.1.split_once('"').map(|(id, _)| id)
}

/// `topic-partition-offset`, of this topic.
fn position(id: &str, source: &str) -> Option<(usize, usize)> {
    let (partition, offset) = id.strip_prefix(source)?.strip_prefix('-')?.split_once('-')?;
    Some((partition.parse().ok()?, offset.parse().ok()?))
}

/// Whether an order event stands there that was not seen before.
fn see(positions: &mut [Vec<Position>], (partition, offset): (usize, usize)) -> bool {
    let Some(position) = positions.get_mut(partition).and_then(|offsets| offsets.get_mut(offset)) else { return false };
    std::mem::replace(position, Position::Seen) == Position::Event
}
