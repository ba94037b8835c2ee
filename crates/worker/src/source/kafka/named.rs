//! Places that a person names, as offsets of each partition: asked of the brokers once, at the start. What the topic gets
//! later moves none of them.

use super::connect::Connecting;
use super::{KafkaSourceError, StartFrom};
use crate::source::Place;

/// The flag that names where to begin.
pub(super) fn flag_of(from: &Place) -> &'static str {
    if matches!(from, Place::Timestamp(_)) { "--from-timestamp" } else { "--from-offset" }
}

impl Connecting<'_> {
    /// Where to begin in each partition: in those not named at their beginning.
    pub(super) fn begins(&self, from: &Place, ranges: &[(i64, i64)]) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let Some(named) = self.named(flag_of(from), from, ranges)? else { return Ok(None) };
        Ok(Some(named.into_iter().zip(ranges).map(|(named, (low, _))| named.unwrap_or(*low)).collect()))
    }

    /// Where to end in each partition: in those not named at their end, and nowhere behind it.
    pub(super) fn ends(&self, begins: &[i64], ranges: &[(i64, i64)]) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let highs = || ranges.iter().map(|(_, high)| *high);
        let Some(until) = &self.settings.until else { return Ok(Some(highs().collect())) };
        let Some(named) = self.named("--until", until, ranges)? else { return Ok(None) };
        let ends: Vec<i64> = named.into_iter().zip(highs()).map(|(named, high)| named.unwrap_or(high)).collect();
        // Where a state stands behind the end there is nothing more to do, which is no mistake.
        if !matches!(self.settings.from, StartFrom::Offsets(_))
            && let Some((partition, from, until)) = nothing_between(begins, &ends)
        {
            return Err(KafkaSourceError::NothingBetween {
                topic: self.settings.topic.clone(),
                partition,
                from,
                until,
            });
        }
        Ok(Some(ends))
    }

    fn named(
        &self,
        flag: &'static str,
        place: &Place,
        ranges: &[(i64, i64)],
    ) -> Result<Option<Vec<Option<i64>>>, KafkaSourceError> {
        match place {
            Place::Offset(offset) => Ok(Some(ranges.iter().map(|(_, high)| Some(*offset.min(high))).collect())),
            Place::Timestamp(time_ms) => {
                Ok(self.offsets_at(*time_ms, ranges)?.map(|offsets| offsets.into_iter().map(Some).collect()))
            }
            Place::Offsets(offsets) => {
                let mut named = vec![None; ranges.len()];
                for (&partition, &offset) in offsets {
                    let topic = || self.settings.topic.clone();
                    match (named.get_mut(partition as usize), ranges.get(partition as usize)) {
                        (Some(_), Some(&(_, high))) if offset > high => {
                            return Err(KafkaSourceError::NamedOffset {
                                flag,
                                topic: topic(),
                                partition,
                                offset,
                                high,
                            });
                        }
                        (Some(named), Some(_)) => *named = Some(offset),
                        _ => {
                            let (topic, partitions) = (topic(), ranges.len());
                            return Err(KafkaSourceError::NamedPartition { flag, topic, partition, partitions });
                        }
                    }
                }
                Ok(Some(named))
            }
        }
    }
}

/// A partition whose end stands before its beginning, where no partition has anything between: some with nothing in them
/// are what a time or an offset for all of them gives.
fn nothing_between(begins: &[i64], ends: &[i64]) -> Option<(i32, i64, i64)> {
    let pairs = || (0..).zip(begins.iter().zip(ends)).map(|(partition, (begin, end))| (partition, *begin, *end));
    if pairs().any(|(_, begin, end)| begin < end) {
        return None;
    }
    pairs().find(|(_, begin, end)| begin > end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_between_is_a_mistake_only_where_an_end_stands_before_its_beginning_and_nothing_is_left() {
        for (begins, ends, expected) in [
            (&[3, 0][..], &[3, 0][..], None),
            (&[9, 0], &[3, 1], None),
            (&[0, 9], &[0, 3], Some((1, 9, 3))),
            (&[], &[], None),
        ] {
            assert_eq!(nothing_between(begins, ends), expected, "{begins:?} {ends:?}");
        }
    }
}
