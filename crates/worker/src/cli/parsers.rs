//! Text of the command line → values.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::config::moment_ms;
use crate::source::Place;

/// Units of a duration, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration such as `500ms`, `30s`, `2m`, `1h30m`: whole numbers with units, above zero, at most 365 days.
pub fn duration(text: &str) -> Result<Duration, String> {
    let refused = || "write a number with a unit, such as 500ms, 30s, 2m or 1h30m".to_owned();
    let mut rest = text.trim();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| !c.is_ascii_digit());
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        let part_ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*unit_ms));
        total_ms = part_ms.and_then(|part_ms| total_ms.checked_add(part_ms)).ok_or_else(refused)?;
        rest = after;
    }
    match total_ms {
        0 => Err("must be above zero; write a number with a unit, such as 30s".to_owned()),
        ms if ms > 365 * 86_400_000 => Err("is more than 365 days".to_owned()),
        ms => Ok(Duration::from_millis(ms)),
    }
}

/// `text` cut where `belongs` ends.
fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Reads a moment: milliseconds since 1970, or RFC 3339.
pub(super) fn moment(text: &str) -> Result<i64, String> {
    moment_ms(text).ok_or_else(|| {
        "write milliseconds since 1970 or a time with its zone, such as 2026-02-12T13:57:02+09:00".to_owned()
    })
}

/// Reads offsets: one for all partitions, or `PARTITION:OFFSET` with commas between.
pub(super) fn offsets(text: &str) -> Result<Place, String> {
    place_by_offsets(text).ok_or_else(|| {
        "write an offset, such as 1200, or one for each partition, such as 0:1200,2:900; both begin at 0".to_owned()
    })
}

/// Reads a moment as a place.
pub(super) fn timestamp(text: &str) -> Result<Place, String> {
    moment(text).map(Place::Timestamp)
}

/// Reads offsets or a time; a number alone is an offset.
pub(super) fn until(text: &str) -> Result<Place, String> {
    let time = text.strip_prefix("timestamp:").or_else(|| text.parse::<i64>().is_err().then_some(text));
    place_by_offsets(text).or_else(|| moment_ms(time?).map(Place::Timestamp)).ok_or_else(|| {
        "write an offset (1200), one for each partition (0:1200,2:900), or a time with its zone \
         (2026-02-12T13:57:02+09:00; timestamp:1770872222000)"
            .to_owned()
    })
}

fn place_by_offsets(text: &str) -> Option<Place> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|offset| *offset >= 0);
    if !text.contains(':') {
        return number(text).map(Place::Offset);
    }
    let mut named = BTreeMap::new();
    for item in text.split(',') {
        let (partition, offset) = item.split_once(':')?;
        let partition = partition.parse::<i32>().ok().filter(|partition| *partition >= 0)?;
        if named.insert(partition, number(offset)?).is_some() {
            return None;
        }
    }
    Some(Place::Offsets(named))
}

/// A recording to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `-`
    Stdin,
    /// A file; `./-` is a file of that name.
    File(PathBuf),
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(PathBuf::from(text)) })
    }
}

/// Where `worker generate` writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Brokers, `host:port` between commas.
    Brokers(String),
    /// A file.
    File(PathBuf),
    /// `-`
    Stdout,
}

impl FromStr for Target {
    type Err = Infallible;

    /// Brokers are what has a port at each end and no slash; `./a:1` is a file.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_broker = |item: &str| {
            let port = item.trim().rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
            matches!(port, Some((true, Ok(1..))))
        };
        Ok(if text == "-" {
            Self::Stdout
        } else if !text.contains('/') && text.split(',').all(is_broker) {
            Self::Brokers(text.to_owned())
        } else {
            Self::File(PathBuf::from(text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected_ms) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("2m", Some(120_000)),
            ("1h30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            (" 5s ", Some(5000)),
            ("1s500ms", Some(1500)),
            ("", None),
            ("0s", None),
            ("30", None),
            ("s", None),
            ("1.5s", None),
            ("-3s", None),
            ("3 s", None),
            ("3S", None),
            ("366d", None),
            ("18446744073709551615d", None),
            ("99999999999999999999s", None),
            ("1가", None),
        ] {
            let expected = expected_ms.map(Duration::from_millis);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn targets() {
        let brokers = |text: &str| Target::Brokers(text.to_owned());
        for (text, expected) in [
            ("-", Target::Stdout),
            ("127.0.0.1:9092", brokers("127.0.0.1:9092")),
            ("a:1,b:2", brokers("a:1,b:2")),
            ("[::1]:9092", brokers("[::1]:9092")),
            ("events.ndjson", Target::File("events.ndjson".into())),
            ("./a:1", Target::File("./a:1".into())),
            ("a:0", Target::File("a:0".into())),
            ("a:1,b", Target::File("a:1,b".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn places() {
        let named = |offsets: &[(i32, i64)]| Place::Offsets(offsets.iter().copied().collect());
        let time = Place::Timestamp(1_770_872_222_000);
        for (text, expected) in [
            ("0", Place::Offset(0)),
            ("1200", Place::Offset(1_200)),
            ("0:1200", named(&[(0, 1_200)])),
            ("2:900,0:1200", named(&[(0, 1_200), (2, 900)])),
        ] {
            assert_eq!(offsets(text), Ok(expected.clone()), "{text}");
            assert_eq!(until(text), Ok(expected), "{text}");
        }
        for text in ["2026-02-12T13:57:02+09:00", "timestamp:1770872222000", "timestamp:2026-02-12T04:57:02Z"] {
            assert_eq!(until(text), Ok(time.clone()), "{text}");
        }
        assert_eq!(timestamp("1770872222000"), Ok(time));
        for text in ["", "-1", "x", "1.5", "0:", ":3", "0:1,", "0:1,0:2", "-1:4", "0:-4", "0:1:2", "1,2"] {
            assert!(offsets(text).is_err(), "{text}");
            assert!(until(text).is_err(), "{text}");
        }
        for text in ["yesterday", "timestamp:", "timestamp:-1", "2026-02-12", "9223372036854775808"] {
            assert!(until(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments() {
        assert_eq!(moment("1770872222000"), Ok(1_770_872_222_000));
        assert_eq!(moment("2026-02-12T13:57:02+09:00"), Ok(1_770_872_222_000));
        assert_eq!(moment("1970-01-01T00:00:00Z"), Ok(0));
        for text in ["", "yesterday", "-1", "2026-02-12", "2026-02-12T13:57:02", "9223372036854775807"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
