//! Recorded messages, mutated: the decoder and the second reading must agree on every one.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::value::RawValue;

use super::tests::fixture;
use super::*;
use crate::decode::second_reading::{self, Reading};

/// Without optimisation the same takes half a minute a 10,000.
const MESSAGES: u32 = if cfg!(debug_assertions) { 4_000 } else { 120_000 };

/// Stands in place of a value, of any member.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "1",
    "-1",
    "500",
    "1.5",
    "1e2",
    "1E-3",
    "0.1e1",
    "1e400",
    "-1e999",
    "1e308",
    "01",
    "+1",
    ".5",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "253402300799999",
    "253402300800000",
    "-62135596800000",
    "-62135596800001",
    "123456789012345678901234567890123456789.5",
    "\"\"",
    "\"BUY\"",
    "\"SELL\"",
    "\"12,5\"",
    "\"189.50\"",
    "\"1e400\"",
    "\"SgY=\"",
    "\"AA==\"",
    "\"////\"",
    "\"c\"",
    "\"u\"",
    "\"d\"",
    "\"r\"",
    "\"t\"",
    "\"m\"",
    "\"orders\"",
    "\"orders_db\"",
    "\"dbz_signal\"",
    "\"mysql-bin.000009\"",
    "\"000009\"",
    "\"mysql-bin\"",
    "\"x.99999999999999999999\"",
    "\"\\u0042UY\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\udc00x\"",
    "\"a\\u0000b\"",
    "\"日経225\"",
    "\"a\\\"b\\\\\"",
    "\"\\x\"",
    "{}",
    "[]",
    "[1,{\"a\":null}]",
    "{\"id\":1,\"symbol\":\"A\",\"quantity\":1}",
    "{\"db\":\"orders_db\",\"table\":\"orders\"}",
    "{\"type\":\"string\",\"field\":\"price\"}",
    "{\"ts_ms\":1}",
    "nul",
    "",
    "\"unclosed",
    "{\"a\":1",
    "[[[[[[[[]]]]]]]]",
];

/// Stands in place of a key.
const KEYS: &[&str] = &[
    "op",
    "before",
    "after",
    "source",
    "ts_ms",
    "id",
    "order_id",
    "symbol",
    "side",
    "quantity",
    "price",
    "status",
    "db",
    "table",
    "file",
    "pos",
    "row",
    "schema",
    "payload",
    "event_count",
    "ddl",
    "tableChanges",
    "x",
    "",
    "event_counts",
    "o\\u0070",
    "\\u0069d",
    "pr\\u0069ce",
    "sch\\u0065ma",
    "\\ud800",
    "type",
    "name",
    "scale",
    "fields",
    "field",
];

/// Where the members of a text are: key with its quotes, value. Naive: a colon behind a quote, wherever it stands.
fn members(text: &[u8]) -> Vec<[std::ops::Range<usize>; 2]> {
    let mut members = Vec::new();
    for colon in (1..text.len()).filter(|&at| text[at] == b':' && text[at - 1] == b'"') {
        let Some(quote) = text[..colon - 1].iter().rposition(|&byte| byte == b'"') else {
            continue;
        };
        let mut values = serde_json::Deserializer::from_slice(&text[colon + 1..]).into_iter::<&RawValue>();
        if let Some(Ok(_)) = values.next() {
            members.push([quote..colon, colon + 1..colon + 1 + values.byte_offset()]);
        }
    }
    members
}

fn mutate(text: &mut Vec<u8>, other: &[u8], random: &mut ChaCha8Rng) {
    let at = random.random_range(0..=text.len());
    let members = members(text);
    let member = members.choose(random).cloned();
    match (random.random_range(0..15), member) {
        (0, _) => text.truncate(at),
        (1, _) if at < text.len() => text[at] = random.random(),
        (2, _) if at < text.len() => text[at] ^= 1 << random.random_range(0..8),
        (3, _) => text.insert(at, *b"\"\\{}[],: \n0-e.\xff\x00".choose(random).unwrap()),
        (4, _) if at < text.len() => {
            text.remove(at);
        }
        (5, _) => text.extend_from_slice(&other[..other.len().min(at)]),
        (6, _) => {
            let space = [" ", "\n", "\t \r"].choose(random).unwrap();
            let after = text.iter().skip(at).position(|&byte| b",:{}[]".contains(&byte));
            text.splice(at + after.unwrap_or(0)..at + after.unwrap_or(0), space.bytes());
        }
        (7, Some([key, value])) => {
            // Once more, in front or at the end of its object.
            let again = [b",".as_slice(), &text[key.start..value.end]].concat();
            text.splice(value.end..value.end, again);
        }
        (8, Some([key, value])) => {
            let end = value.end + usize::from(text.get(value.end) == Some(&b','));
            text.drain(key.start..end);
        }
        (9, Some([key, _])) => {
            let name = format!("\"{}\"", KEYS.choose(random).unwrap());
            text.splice(key, name.into_bytes());
        }
        (10, Some([_, value])) => {
            let added = format!(",\"{}\":{}", KEYS.choose(random).unwrap(), VALUES.choose(random).unwrap());
            text.splice(value.end..value.end, added.into_bytes());
        }
        (11, _) => {
            let (bare, schema) = (std::mem::take(text), VALUES.choose(random).unwrap().as_bytes());
            let payload = if random.random_range(0..8) == 0 { b"null" } else { bare.as_slice() };
            let parts: [&[u8]; 5] = if random.random() {
                [b"{\"schema\":", schema, b",\"payload\":", payload, b"}"]
            } else {
                [b"{\"payload\":", payload, b",\"schema\":", schema, b"}"]
            };
            *text = parts.concat();
        }
        (12, _) => {
            if let Some([_, value]) = members.iter().find(|[key, _]| &text[key.clone()] == b"\"op\"") {
                let letter = *b"cudrtm".choose(random).unwrap();
                text.splice(value.clone(), [b'"', letter, b'"']);
            }
        }
        (_, Some([_, value])) => {
            text.splice(value, VALUES.choose(random).unwrap().bytes());
        }
        _ => {}
    }
}

fn kind(reading: &Reading) -> &'static str {
    match reading {
        Reading::Change(.., Some(_)) => "applied",
        Reading::Change(.., None) => "bad row",
        Reading::Ignored(ignored) => ignored.name(),
        Reading::DeadLetter => "dead letter",
    }
}

fn recorded() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for name in [
        "recorded_schemas_false.ndjson",
        "recorded_double_schemas_false.ndjson",
        "recorded_precise_schemas_false.ndjson",
        "recorded_dbz2.5_mariadb_schemas_false.ndjson",
        "keyed_by_symbol_key_updates.ndjson",
        "unusual.ndjson",
    ] {
        messages.extend(fixture(name));
    }
    // 4 KB each: few of them.
    for name in ["recorded_precise_schemas_true.ndjson", "recorded_schemas_true.ndjson"] {
        messages.extend(fixture(name).into_iter().take(8));
    }
    messages.extend(fixture("txn_metadata.ndjson"));
    messages.into_iter().flatten().map(String::into_bytes).collect()
}

#[test]
fn agrees_with_the_second_reading_on_mutated_recordings() {
    let (settings, recorded) = (DecodeSettings::default(), recorded());
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut used = Decoder::new(settings.clone());
    let mut counts = BTreeMap::new();
    for number in 0..MESSAGES {
        let mut text = recorded.choose(&mut random).unwrap().clone();
        let other = recorded.choose(&mut random).unwrap();
        for _ in 0..random.next_u32() % 4 {
            mutate(&mut text, other, &mut random);
        }
        let expected = second_reading::read(Some(&text), &settings);
        *counts.entry(kind(&expected)).or_insert(0) += 1;
        let decoded = used.decode(Some(&text));
        let shown = || format!("message {number}: {}", String::from_utf8_lossy(&text));
        assert_eq!(
            decoded,
            Decoder::new(settings.clone()).decode(Some(&text)),
            "what was seen before shows, {}",
            shown()
        );
        assert_eq!(second_reading::of_decoded(decoded), expected, "{}", shown());
    }
    // The mutations must not all end at the first gate.
    for (kind, least_per_mille) in [
        ("applied", 200),
        ("bad row", 20),
        ("dead letter", 200),
        ("heartbeat", 1),
        ("message", 1),
        ("other_table", 1),
        ("schema_change", 1),
        ("tombstone", 1),
        ("transaction", 1),
        ("truncate", 1),
    ] {
        let count = counts.get(kind).copied().unwrap_or(0);
        assert!(count * 1000 >= MESSAGES * least_per_mille, "{kind}: {count} of {counts:?}");
    }
}
