//! What the topic holds, read by Kafka's own consumer and written down as a recording for the oracle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::broker::Broker;
use crate::process::{Group, Interrupted, ask};
use crate::signals;

/// How long the consumer waits for a message that does not come, on however busy a machine.
const SILENCE_MS: &str = "120000";

/// A topic's messages, in the order of their timestamps.
#[derive(Debug)]
pub(crate) struct Recording {
    /// Where it stands.
    pub(crate) path: PathBuf,
    /// How many messages.
    pub(crate) records: u64,
    /// The least of the partitions' largest event times.
    pub(crate) least_latest_ms: i64,
}

/// One record, as the consumer prints it.
struct Printed<'a> {
    timestamp_ms: i64,
    partition: i32,
    offset: i64,
    value: Option<&'a str>,
}

/// What of a change is of interest: its time.
#[derive(Deserialize)]
struct Change {
    op: Option<String>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    ts_ms: Option<i64>,
}

/// Reads the topic to its end, and writes down in `place` what it holds: the `count` messages that were made at least. A
/// producer whose broker was killed may have sent some again, which is what marks are for.
pub(crate) fn record(broker: &Broker, topic: &str, count: u64, place: &Path) -> Result<Recording> {
    let held = held(broker, topic)?;
    if held < count {
        bail!("the generator made {count} messages, the topic holds {held}");
    }
    let mut command = broker.tool("kafka.tools.ConsoleConsumer")?;
    command.args(["--bootstrap-server", &broker.address(), "--topic", topic, "--from-beginning"]);
    command.args(["--max-messages", &held.to_string(), "--timeout-ms", SILENCE_MS]);
    for property in ["print.timestamp=true", "print.partition=true", "print.offset=true"] {
        command.args(["--property", property]);
    }
    let log = place.join("consumer.log");
    let mut group = Group::spawn(command.stdout(Stdio::piped()).stderr(File::create(&log)?))?;
    let pipe = group.take_stdout().context("the consumer has no output")?;
    let mut parts: BTreeMap<i32, Part> = BTreeMap::new();
    let mut records = 0;
    for line in BufReader::with_capacity(1 << 16, pipe).lines() {
        let line = line?;
        let printed = printed(&line).with_context(|| format!("no record of the consumer: {line:?}"))?;
        let part = match parts.entry(printed.partition) {
            std::collections::btree_map::Entry::Occupied(part) => part.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Part::begin(place, topic, printed.partition)?)
            }
        };
        part.add(topic, &printed)?;
        records += 1;
        if signals::asked_to_stop() {
            bail!(Interrupted);
        }
    }
    drop(group);
    if records != held {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        bail!("the topic holds {held} messages, Kafka's consumer reads {records}: {}", said.trim());
    }
    let least_latest_ms = parts.values().filter_map(|part| part.latest_ms).min().unwrap_or(i64::MIN);
    let path = place.join("recording.ndjson");
    merge(parts.into_values(), &path)?;
    Ok(Recording { path, records, least_latest_ms })
}

/// How many messages a topic holds that was never cut: where its partitions end.
fn held(broker: &Broker, topic: &str) -> Result<u64> {
    let mut command = broker.tool("kafka.tools.GetOffsetShell")?;
    let output = ask(command.args(["--bootstrap-server", &broker.address(), "--topic", topic]))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    sum_of_ends(&text, topic).with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// `TOPIC:PARTITION:OFFSET`, a partition a line.
fn sum_of_ends(text: &str, topic: &str) -> Option<u64> {
    let ends = text.lines().map(|line| line.strip_prefix(topic)?.rsplit(':').next()?.parse::<u64>().ok());
    ends.collect::<Option<Vec<u64>>>().filter(|ends| !ends.is_empty()).map(|ends| ends.iter().sum())
}

/// `CreateTime:1\tPartition:0\tOffset:7\tVALUE`; a tombstone's value is `null`.
fn printed(line: &str) -> Option<Printed<'_>> {
    let mut fields = line.splitn(4, '\t');
    Some(Printed {
        timestamp_ms: fields.next()?.strip_prefix("CreateTime:")?.parse().ok()?,
        partition: fields.next()?.strip_prefix("Partition:")?.parse().ok()?,
        offset: fields.next()?.strip_prefix("Offset:")?.parse().ok()?,
        value: fields.next().filter(|value| *value != "null"),
    })
}

/// One partition's records, on disk.
struct Part {
    path: PathBuf,
    file: BufWriter<File>,
    next_offset: i64,
    latest_ms: Option<i64>,
    /// The largest timestamp so far: what partitions are merged by.
    timestamp_ms: i64,
}

impl Part {
    fn begin(place: &Path, topic: &str, partition: i32) -> Result<Self> {
        let path = place.join(format!("{topic}-{partition}.part"));
        let file = BufWriter::new(File::create(&path)?);
        Ok(Self { path, file, next_offset: 0, latest_ms: None, timestamp_ms: i64::MIN })
    }

    fn add(&mut self, topic: &str, printed: &Printed<'_>) -> Result<()> {
        let Printed { timestamp_ms, partition, offset, value } = printed;
        if *offset < self.next_offset {
            bail!("partition {partition}: offset {offset} comes behind {}", self.next_offset - 1);
        }
        (self.next_offset, self.timestamp_ms) = (offset + 1, self.timestamp_ms.max(*timestamp_ms));
        let change = value.and_then(|value| serde_json::from_str::<Change>(value).ok());
        if let Some(Change { op: Some(op), source: Some(Source { ts_ms: Some(ts_ms) }) }) = change
            && matches!(op.as_str(), "c" | "u" | "d" | "r")
        {
            self.latest_ms = self.latest_ms.max(Some(ts_ms));
        }
        let value = serde_json::to_string(value)?;
        writeln!(
            self.file,
            r#"{}	{{"topic":"{topic}","partition":{partition},"offset":{offset},"timestamp":{timestamp_ms},"value":{value}}}"#,
            self.timestamp_ms
        )?;
        Ok(())
    }
}

/// All partitions as one stream, by time, then by partition.
fn merge(parts: impl Iterator<Item = Part>, path: &Path) -> Result<()> {
    let mut readers = Vec::new();
    let mut next = BinaryHeap::new();
    for (at, mut part) in parts.enumerate() {
        part.file.flush()?;
        let mut lines = BufReader::new(File::open(&part.path)?).lines();
        next.extend(timed(&mut lines)?.map(|(time_ms, line)| Reverse((time_ms, at, line))));
        readers.push((lines, part.path));
    }
    let mut file = BufWriter::new(File::create(path)?);
    while let Some(Reverse((_, at, line))) = next.pop() {
        writeln!(file, "{line}")?;
        if let Some((lines, _)) = readers.get_mut(at) {
            next.extend(timed(lines)?.map(|(time_ms, line)| Reverse((time_ms, at, line))));
        }
    }
    file.flush()?;
    for (_, part) in readers {
        std::fs::remove_file(part)?;
    }
    Ok(())
}

fn timed(lines: &mut std::io::Lines<BufReader<File>>) -> Result<Option<(i64, String)>> {
    let Some(line) = lines.next().transpose()? else { return Ok(None) };
    let (time_ms, line) = line.split_once('\t').context("a line without its time")?;
    Ok(Some((time_ms.parse()?, line.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_consumer_prints_becomes_a_recording_by_time() {
        let place = tempfile::tempdir().expect("a directory");
        let mut parts: BTreeMap<i32, Part> = BTreeMap::new();
        for line in [
            "CreateTime:5\tPartition:0\tOffset:0\t{\"op\":\"c\",\"source\":{\"ts_ms\":3}}",
            "CreateTime:9\tPartition:0\tOffset:1\tnull",
            "CreateTime:7\tPartition:1\tOffset:0\t{\"op\":\"c\",\"source\":{\"ts_ms\":6}}",
            "CreateTime:9\tPartition:1\tOffset:1\t{\"ts_ms\":99}",
        ] {
            let printed = printed(line).expect("a record");
            let part = parts
                .entry(printed.partition)
                .or_insert_with(|| Part::begin(place.path(), "t", printed.partition).expect("a file"));
            part.add("t", &printed).expect("added");
        }
        assert_eq!(parts.values().map(|part| part.latest_ms).collect::<Vec<_>>(), [Some(3), Some(6)]);
        let path = place.path().join("recording");
        merge(parts.into_values(), &path).expect("merged");
        let text = std::fs::read_to_string(&path).expect("read");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let places: Vec<_> = lines.iter().map(|line| (line["partition"].as_i64(), line["offset"].as_i64())).collect();
        assert_eq!(places, [(Some(0), Some(0)), (Some(1), Some(0)), (Some(0), Some(1)), (Some(1), Some(1))]);
        assert_eq!(lines[2]["value"], serde_json::Value::Null);
        assert_eq!(lines[1]["value"], "{\"op\":\"c\",\"source\":{\"ts_ms\":6}}");
    }

    #[test]
    fn ends_of_partitions_are_added_up() {
        assert_eq!(sum_of_ends("t-1:0:5\nt-1:1:7\n", "t-1"), Some(12));
        for text in ["", "t-1:0:\n", "Error: no broker\n"] {
            assert_eq!(sum_of_ends(text, "t-1"), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert!(printed("Processed a total of 5 messages").is_none());
        let mut part = Part::begin(tempfile::tempdir().expect("a directory").path(), "t", 0);
        let again = printed("CreateTime:5\tPartition:0\tOffset:0\tnull").expect("a record");
        let part = part.as_mut().expect("a file");
        part.add("t", &again).expect("once");
        assert!(part.add("t", &again).is_err(), "twice");
    }
}
