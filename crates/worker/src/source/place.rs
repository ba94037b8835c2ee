//! A place in a topic, as a person names it.

use std::collections::BTreeMap;
use std::fmt;

use crate::time::write_rfc3339;

/// Where reading is to begin or to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this offset, in every partition.
    Offset(i64),
    /// At an offset of each partition that is named.
    Offsets(BTreeMap<i32, i64>),
    /// At the first record at or after this time, in milliseconds since the Unix epoch.
    Timestamp(i64),
}

impl Place {
    /// Whether it stands behind `until`, as far as that can be told without asking a broker.
    pub fn is_behind(&self, until: &Self) -> bool {
        match (self, until) {
            (Self::Offset(from), Self::Offset(until)) | (Self::Timestamp(from), Self::Timestamp(until)) => from > until,
            (Self::Offsets(from), Self::Offset(until)) => from.values().any(|from| from > until),
            (Self::Offset(from), Self::Offsets(until)) => until.values().any(|until| from > until),
            (Self::Offsets(from), Self::Offsets(until)) => {
                from.iter().any(|(partition, from)| until.get(partition).is_some_and(|until| from > until))
            }
            (Self::Timestamp(_), _) | (_, Self::Timestamp(_)) => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Offsets(offsets) => {
                let named: Vec<_> = offsets.iter().map(|(partition, offset)| format!("{partition}:{offset}")).collect();
                f.write_str(&named.join(","))
            }
            Self::Timestamp(time_ms) => {
                let mut text = Vec::new();
                write_rfc3339(*time_ms, &mut text);
                f.write_str(&String::from_utf8_lossy(&text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets<const N: usize>(named: [(i32, i64); N]) -> Place {
        Place::Offsets(BTreeMap::from(named))
    }

    #[test]
    fn a_place_behind_another_is_told_where_both_are_of_a_kind() {
        for (from, until, behind) in [
            (Place::Offset(5), Place::Offset(5), false),
            (Place::Offset(6), Place::Offset(5), true),
            (Place::Timestamp(6), Place::Timestamp(5), true),
            (Place::Timestamp(5), Place::Timestamp(6), false),
            (Place::Timestamp(9), Place::Offset(5), false),
            (Place::Offset(9), Place::Timestamp(5), false),
            (offsets([(0, 3), (1, 7)]), Place::Offset(5), true),
            (Place::Offset(5), offsets([(0, 7), (1, 4)]), true),
            (offsets([(0, 3), (1, 7)]), offsets([(1, 7), (2, 0)]), false),
            (offsets([(0, 3), (1, 7)]), offsets([(1, 6)]), true),
        ] {
            assert_eq!(from.is_behind(&until), behind, "{from} {until}");
        }
    }

    #[test]
    fn places_print_as_they_are_written() {
        assert_eq!(Place::Offset(12).to_string(), "12");
        assert_eq!(offsets([(1, 4), (0, 7)]).to_string(), "0:7,1:4");
        assert_eq!(Place::Timestamp(1_770_872_222_000).to_string(), "2026-02-12T04:57:02.000Z");
    }
}
