//! An epoch's results as messages: JSON as on stdout, keyed by symbol. The form in which they wait (I8: part of the state):
//!
//! ```text
//! parcel   = format u8 ‖ message*
//! message  = stream u8 ‖ key length u32, or 2^32 − 1 for none ‖ value length u32 ‖ key ‖ value        (little-endian)
//! ```

use super::{KafkaSinkError, Topics};
use crate::epoch::{EpochRecord, Output, OutputKind, Outputs};
use crate::sink::{JsonRenderer, Pack, Parcel, Render};

/// Version of that form.
const FORMAT: u8 = 1;
/// A dead letter has no symbol.
const NO_KEY: u32 = u32::MAX;
/// What stands in front of key and value.
const HEAD_BYTES: usize = 9;

/// Packs results for Kafka.
pub struct KafkaPack {
    /// Renders the values.
    pub renderer: JsonRenderer,
}

/// Which topic a message goes to; the numbers are part of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stream {
    Raw = 0,
    Agg = 1,
    Alerts = 2,
    Late = 3,
    DeadLetters = 4,
}

impl Stream {
    const ALL: [Self; 5] = [Self::Raw, Self::Agg, Self::Alerts, Self::Late, Self::DeadLetters];

    fn of(kind: &OutputKind) -> Self {
        match kind {
            OutputKind::Raw => Self::Raw,
            OutputKind::Agg(_) => Self::Agg,
            OutputKind::Alert(_) => Self::Alerts,
            OutputKind::Late => Self::Late,
            OutputKind::DeadLetter => Self::DeadLetters,
        }
    }

    fn topic(self, topics: &Topics) -> &str {
        match self {
            Self::Raw => &topics.raw,
            Self::Agg => &topics.agg,
            Self::Alerts => &topics.alerts,
            Self::Late => &topics.late,
            Self::DeadLetters => &topics.dead_letters,
        }
    }
}

/// One message to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) topic: &'a str,
    /// The symbol; a dead letter has none.
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

impl Pack for KafkaPack {
    fn pack(&self, _epoch: &EpochRecord, outputs: &Outputs) -> Parcel {
        if outputs.lines.is_empty() {
            return Parcel::default();
        }
        let (mut bytes, mut aside) = (vec![FORMAT], Vec::new());
        for line in &outputs.lines {
            let key = symbol(outputs, line);
            let head = bytes.len();
            bytes.extend_from_slice(&[0; HEAD_BYTES]);
            bytes.extend_from_slice(key.unwrap_or_default().as_bytes());
            let start = bytes.len();
            self.renderer.line(outputs, line, &mut bytes, &mut aside);
            // A message needs no line feed.
            let end = bytes.strip_suffix(b"\n").map_or(bytes.len(), <[u8]>::len);
            bytes.truncate(end);
            let (key_length, value_length) = (key.map_or(NO_KEY, |key| key.len() as u32), (end - start) as u32);
            bytes[head] = Stream::of(&line.kind) as u8;
            bytes[head + 1..head + 5].copy_from_slice(&key_length.to_le_bytes());
            bytes[head + 5..head + HEAD_BYTES].copy_from_slice(&value_length.to_le_bytes());
        }
        // It may wait for long: what growing has left over does not.
        bytes.shrink_to_fit();
        Parcel { rows: outputs.lines.len() as u32, bytes }
    }
}

fn symbol<'a>(outputs: &'a Outputs, line: &'a Output) -> Option<&'a str> {
    match &line.kind {
        OutputKind::Agg(result) => Some(&result.0),
        OutputKind::DeadLetter => None,
        OutputKind::Raw | OutputKind::Alert(_) | OutputKind::Late => {
            outputs.event(line).map(|event| event.symbol.as_str())
        }
    }
}

/// A parcel's messages, in order.
///
/// # Errors
/// It is of another version, or not whole.
pub(super) fn messages<'a>(parcel: &'a [u8], topics: &'a Topics) -> Result<Vec<Message<'a>>, KafkaSinkError> {
    let Some((&FORMAT, mut rest)) = parcel.split_first() else {
        return Err(KafkaSinkError::Parcel { found: parcel.first().copied().unwrap_or_default(), known: FORMAT });
    };
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (message, behind) = message(rest, topics).ok_or(KafkaSinkError::Parcel { found: FORMAT, known: FORMAT })?;
        all.push(message);
        rest = behind;
    }
    Ok(all)
}

fn message<'a>(bytes: &'a [u8], topics: &'a Topics) -> Option<(Message<'a>, &'a [u8])> {
    let (&stream, rest) = bytes.split_first()?;
    let stream = Stream::ALL.get(usize::from(stream))?;
    let (key_length, rest) = rest.split_first_chunk()?;
    let (value_length, rest) = rest.split_first_chunk()?;
    let (key_length, value_length) = (u32::from_le_bytes(*key_length), u32::from_le_bytes(*value_length));
    let (key, rest) = rest.split_at_checked(if key_length == NO_KEY { 0 } else { key_length as usize })?;
    let (value, rest) = rest.split_at_checked(value_length as usize)?;
    let key = (key_length != NO_KEY).then_some(key);
    Some((Message { topic: stream.topic(topics), key, value }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Topics {
        let named = |name: &str| name.to_owned();
        Topics {
            raw: named("raw"),
            agg: named("agg"),
            alerts: named("alerts"),
            late: named("late"),
            dead_letters: named("dlq"),
        }
    }

    // Form 1, byte by byte: what waits in a state of an older worker must stay readable.
    #[test]
    fn what_waits_is_read_as_it_was_packed() {
        let parcel = b"\x01\x00\x01\0\0\0\x02\0\0\0A{}\x04\xff\xff\xff\xff\x03\0\0\0bad\x01\x00\0\0\0\x01\0\0\0w";
        let topics = topics();
        let found = messages(parcel, &topics).unwrap();
        let told: Vec<_> = found.iter().map(|message| (message.topic, message.key, message.value)).collect();
        assert_eq!(
            told,
            [("raw", Some(&b"A"[..]), &b"{}"[..]), ("dlq", None, &b"bad"[..]), ("agg", Some(&b""[..]), &b"w"[..])]
        );
    }

    #[test]
    fn what_is_none_of_ours_is_refused() {
        let topics = topics();
        for wrong in [&b""[..], b"\x02", b"\x01\x00", b"\x01\x05\0\0\0\0\0\0\0\0", b"\x01\x00\x01\0\0\0\x09\0\0\0A{}"] {
            let refusal = messages(wrong, &topics).unwrap_err().to_string();
            assert!(refusal.contains("wait"), "{refusal}");
        }
    }
}
