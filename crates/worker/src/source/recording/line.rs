//! One line of a recording → topic, partition, offset, timestamp, value.
//!
//! `serde_json` does the work; only the fields needed are read, and the value's bytes go to the caller's arena. A value
//! is taken as bytes, so that invalid UTF-8 and lone surrogates in it reach the decoder, which judges them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::time::{MAX_TIME_MS, MIN_TIME_MS};

/// Times that can be printed: the years 0001 to 9999.
pub(super) const TIMES_MS: std::ops::RangeInclusive<i64> = MIN_TIME_MS..=MAX_TIME_MS;

/// How long an error's text may be, in characters.
const SHOWN_CHARS: usize = 200;

/// What a line says about its record, except for the value, which stands in the arena.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The topic's name.
    pub topic: Cow<'a, str>,
    /// The partition's number, not negative.
    pub partition: i32,
    /// The record's offset, not negative.
    pub offset: i64,
    /// Milliseconds since the Unix epoch; −1 where the line has none.
    pub timestamp_ms: i64,
    /// Whether the value is null; otherwise it is what was appended to the arena.
    pub value_is_null: bool,
}

/// What a line looked like so far.
#[derive(Default)]
struct Fields<'a> {
    topic: Option<Cow<'a, str>>,
    partition: Option<i64>,
    offset: Option<i64>,
    timestamp: Option<i64>,
    value_is_null: Option<bool>,
}

/// Reads one line (without its end) and appends the value's bytes to `arena`. On an error the arena is as it was, and
/// the text says what is wrong, with field and value.
pub(super) fn parse<'a>(line: &'a [u8], arena: &mut Vec<u8>) -> Result<Line<'a>, String> {
    let start = arena.len();
    let mut field = "line";
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let fields = (&mut deserializer)
        .deserialize_map(LineVisitor { arena, start, field: &mut field })
        .and_then(|fields| deserializer.end().map(|()| fields));
    let result = match fields {
        Ok(fields) => fields.checked(),
        Err(error) if error.is_data() => Err(format!("{field}: {}", shortened(&error.to_string()))),
        Err(error) => Err(format!("not a JSON object: {} (column {})", shortened(&error.to_string()), error.column())),
    };
    if result.is_err() {
        arena.truncate(start);
    }
    result
}

impl<'a> Fields<'a> {
    fn checked(self) -> Result<Line<'a>, String> {
        let partition = self.partition.ok_or("partition: missing")?;
        let partition = i32::try_from(partition)
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| format!("partition: {partition} is outside 0..={}", i32::MAX))?;
        let offset = self.offset.ok_or("offset: missing")?;
        if offset < 0 {
            return Err(format!("offset: {offset} is negative"));
        }
        let timestamp_ms = self.timestamp.unwrap_or(-1);
        if !TIMES_MS.contains(&timestamp_ms) {
            return Err(format!(
                "timestamp: {timestamp_ms} is outside the years 0001 to 9999 (it is in milliseconds since 1970)"
            ));
        }
        // Other tools name the value otherwise (kcat: payload); taking it for null would make tombstones of them all.
        let value_is_null = self.value_is_null.ok_or("value: missing (a tombstone has \"value\": null)")?;
        Ok(Line { topic: self.topic.ok_or("topic: missing")?, partition, offset, timestamp_ms, value_is_null })
    }
}

/// Cuts an error's text, which repeats the bad value, to a length that a log line can carry, and the
/// place, whose line is always 1.
fn shortened(text: &str) -> String {
    let text = text.split_once(" at line 1 column ").map_or(text, |(text, _)| text);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

struct LineVisitor<'s> {
    arena: &'s mut Vec<u8>,
    start: usize,
    field: &'s mut &'static str,
}

impl<'de> Visitor<'de> for LineVisitor<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with topic, partition, offset, timestamp, value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key_seed(KeySeed)? {
            *self.field = key.name();
            match key {
                Key::Topic => fields.topic = Some(map.next_value_seed(TextSeed)?),
                Key::Partition => fields.partition = Some(map.next_value()?),
                Key::Offset => fields.offset = Some(map.next_value()?),
                Key::Timestamp => fields.timestamp = map.next_value()?,
                Key::Value => {
                    self.arena.truncate(self.start);
                    fields.value_is_null = Some(map.next_value_seed(ValueSeed(self.arena))?);
                }
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

/// The fields that are read.
#[derive(Clone, Copy)]
enum Key {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Value,
    Other,
}

impl Key {
    const fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Partition => "partition",
            Self::Offset => "offset",
            Self::Timestamp => "timestamp",
            Self::Value => "value",
            Self::Other => "line",
        }
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Key, E> {
        Ok(match key {
            b"topic" => Key::Topic,
            b"partition" => Key::Partition,
            b"offset" => Key::Offset,
            b"timestamp" => Key::Timestamp,
            b"value" => Key::Value,
            _ => Key::Other,
        })
    }
}

/// A string, borrowed from the line where it has no escapes.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Appends a string's bytes to the arena; gives whether the value was null instead.
struct ValueSeed<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<bool, E> {
        self.0.extend_from_slice(bytes);
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"topic": "t", "partition": 1, "offset": 7, "timestamp": 5, "key": "k", "value": "v"}"#;

    /// Topic, partition, offset, timestamp, value.
    type Parsed = (String, i32, i64, i64, Option<Vec<u8>>);

    fn parsed(line: &[u8]) -> Result<Parsed, String> {
        let mut arena = b"before".to_vec();
        let result = parse(line, &mut arena);
        let value = arena.split_off(6);
        assert_eq!(arena, b"before");
        result
            .map(|line| {
                assert!(!line.value_is_null || value.is_empty());
                let value = (!line.value_is_null).then(|| value.clone());
                (line.topic.into_owned(), line.partition, line.offset, line.timestamp_ms, value)
            })
            .inspect_err(|_| assert_eq!(value, b"", "an error leaves nothing behind"))
    }

    fn value(json: &str) -> Option<Vec<u8>> {
        parsed(GOOD.replace(r#""v""#, json).as_bytes()).unwrap().4
    }

    #[test]
    fn a_line_gives_its_fields() {
        assert_eq!(parsed(GOOD.as_bytes()), Ok(("t".to_owned(), 1, 7, 5, Some(b"v".to_vec()))));
        let reordered =
            br#" {"value":null,"headers":[["a",null]],"offset":0,"partition":0,"topic":"\u0074\n","x":{"y":[1]}} "#;
        assert_eq!(parsed(reordered), Ok(("t\n".to_owned(), 0, 0, -1, None)));
        let none = GOOD.replace(r#""timestamp": 5"#, r#""timestamp": null"#);
        assert_eq!(parsed(none.as_bytes()).unwrap().3, -1);
        let twice = GOOD.replace(r#""key": "k""#, r#""value": "earlier and longer""#);
        assert_eq!(parsed(twice.as_bytes()).unwrap().4, Some(b"v".to_vec()), "of repeated keys the last wins");
    }

    #[test]
    fn a_value_is_bytes() {
        assert_eq!(value(r#""""#), Some(vec![]));
        assert_eq!(value(r#""null""#), Some(b"null".to_vec()));
        assert_eq!(value(r#""a\"\\\/\b\f\n\r\t\u0000""#), Some(b"a\"\\/\x08\x0c\n\r\t\0".to_vec()));
        assert_eq!(value(r#""\u65e5\ud83d\ude00""#), Some("日😀".as_bytes().to_vec()));
        assert_eq!(value(r#""\ud83d""#), Some(vec![0xED, 0xA0, 0xBD]), "a lone surrogate passes as WTF-8");
        let mut invalid = GOOD.as_bytes().to_vec();
        let at = invalid.len() - 3;
        invalid[at] = 0xFF;
        assert_eq!(parsed(&invalid).unwrap().4, Some(vec![0xFF]), "invalid UTF-8 passes as it is");
    }

    #[test]
    fn a_bad_line_names_field_and_value() {
        let cases = [
            (r#""topic": "t", "#, "", "topic: missing"),
            (r#""topic": "t""#, r#""topic": 5"#, "topic: invalid type: integer `5`, expected a string"),
            (r#""partition": 1, "#, "", "partition: missing"),
            (r#""partition": 1"#, r#""partition": "1""#, "partition: invalid type: string \"1\", expected i64"),
            (r#""partition": 1"#, r#""partition": -1"#, "partition: -1 is outside 0..=2147483647"),
            (r#""partition": 1"#, r#""partition": 2147483648"#, "partition: 2147483648 is outside 0..=2147483647"),
            (r#""offset": 7, "#, "", "offset: missing"),
            (r#""offset": 7"#, r#""offset": 1.5"#, "offset: invalid type: floating point `1.5`, expected i64"),
            (r#""offset": 7"#, r#""offset": -1001"#, "offset: -1001 is negative"),
            (r#""timestamp": 5"#, r#""timestamp": "5""#, "timestamp: invalid type: string \"5\", expected i64"),
            (
                r#""timestamp": 5"#,
                r#""timestamp": 253402300800000"#,
                "timestamp: 253402300800000 is outside the years 0001 to 9999 (it is in milliseconds since 1970)",
            ),
            (r#", "value": "v""#, "", "value: missing (a tombstone has \"value\": null)"),
            (r#""value": "v""#, r#""value": {"a":1}"#, "value: invalid type: map, expected a string or null"),
            (r#""value": "v""#, r#""value": [1]"#, "value: invalid type: sequence, expected a string or null"),
            (r#""value": "v""#, r#""value": "v"#, "not a JSON object: EOF while parsing a string (column 84)"),
            (r#""v"}"#, r#""v"} x"#, "not a JSON object: trailing characters (column 87)"),
        ];
        for (from, to, expected) in cases {
            let line = GOOD.replace(from, to);
            assert_eq!(parsed(line.as_bytes()).unwrap_err(), expected, "{line}");
        }
        assert_eq!(
            parsed(b"[1]").unwrap_err(),
            "line: invalid type: sequence, expected an object with topic, partition, offset, timestamp, value"
        );
        assert_eq!(parsed(b"topic").unwrap_err(), "not a JSON object: expected ident (column 2)");
    }

    #[test]
    fn times_that_can_be_printed_are_taken() {
        for time in [-62_135_596_800_000_i64, -1, 0, 253_402_300_799_999] {
            let line = GOOD.replace(r#""timestamp": 5"#, &format!(r#""timestamp": {time}"#));
            assert_eq!(parsed(line.as_bytes()).unwrap().3, time);
        }
        let line = GOOD.replace(r#""timestamp": 5"#, r#""timestamp": -62135596800001"#);
        assert!(parsed(line.as_bytes()).unwrap_err().starts_with("timestamp: -62135596800001 is outside"));
    }

    #[test]
    fn an_error_repeats_little_of_a_long_value() {
        let line = GOOD.replace(r#""partition": 1"#, &format!(r#""partition": "{}""#, "é".repeat(1_000_000)));
        let text = parsed(line.as_bytes()).unwrap_err();
        assert!(text.len() < 500, "{} bytes", text.len());
        assert!(text.starts_with("partition: invalid type: string \"éé"), "{text}");
    }

    #[test]
    fn depth_in_a_field_that_is_not_read_is_no_matter() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let line = GOOD.replace(r#""k""#, &deep);
        assert_eq!(parsed(line.as_bytes()).unwrap().1, 1);
    }
}
