//! The results counted a second time, from the records alone: nothing of the engine is asked.

use std::collections::HashSet;

use serde_json::Value;

use super::source::Topic;

/// Every change of the database stands in RAW once, however often the connector has written it; a partition's lines stand
/// in its order.
pub(super) fn every_change_is_counted_once(topic: &Topic, lines: &[u8], snapshot_rows_once: bool) {
    let mut expected = Vec::new();
    for (partition, records) in topic.partitions().iter().enumerate() {
        // A value that came before is a repeat: the market never makes the same change twice.
        let mut seen = HashSet::new();
        for record in records {
            let Some(value) = record.value.as_deref() else { continue };
            let Ok(change) = serde_json::from_slice::<Value>(value) else { continue };
            let counts = match change["op"].as_str() {
                Some("c" | "u" | "d") => seen.insert(value),
                // Rows of a snapshot have no mark; where they count once, other tests say which.
                Some("r") => !snapshot_rows_once,
                _ => false,
            };
            if counts {
                expected.push((partition as u64, record.offset));
            }
        }
    }
    let mut found = Vec::new();
    for line in lines.split(|&byte| byte == b'\n').filter(|line| line.starts_with(br#"{"stream":"raw""#)) {
        let line: Value = serde_json::from_slice(line).unwrap();
        if line["op"] != "r" || !snapshot_rows_once {
            found.push((line["partition"].as_u64().unwrap(), line["offset"].as_i64().unwrap()));
        }
    }
    // Stable: within a partition the order is that of the lines.
    found.sort_by_key(|&(partition, _)| partition);
    let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    assert_eq!(differs, None, "a change is counted twice, not at all, or out of order");
    assert_eq!(found.len(), expected.len());
}
