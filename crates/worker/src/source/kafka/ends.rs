//! Where reading is to end in each partition, and which have got there. Pure.
//!
//! What stands before an end may be no records: marks of transactions, what they took back, what was compacted. An end is
//! reached by a record at or behind it, by the record just before it, or where the log itself has nothing more to read: no
//! end stands behind where the log ended at the start.

/// The ends, by the partitions' numbers.
#[derive(Debug)]
pub(super) struct Ends {
    ends: Vec<i64>,
    reached: Vec<bool>,
}

impl Ends {
    /// Of partitions that begin at `begins`.
    pub(super) fn new(begins: &[i64], ends: Vec<i64>) -> Self {
        let reached = begins.iter().zip(&ends).map(|(begin, end)| begin >= end).collect();
        Self { ends, reached }
    }

    /// Whether the record is one of those before the end.
    pub(super) fn takes(&mut self, partition: usize, offset: i64) -> bool {
        let (Some(end), Some(reached)) = (self.ends.get(partition), self.reached.get_mut(partition)) else {
            return false;
        };
        *reached |= offset + 1 >= *end;
        offset < *end
    }

    /// The log of a partition has nothing more.
    pub(super) fn end_of_log(&mut self, partition: usize) {
        if let Some(reached) = self.reached.get_mut(partition) {
            *reached = true;
        }
    }

    /// Whether all are reached.
    pub(super) fn all_reached(&self) -> bool {
        self.reached.iter().all(|reached| *reached)
    }

    /// Those that are reached.
    pub(super) fn reached(&self) -> impl Iterator<Item = i32> + '_ {
        (0..).zip(&self.reached).filter(|(_, reached)| **reached).map(|(partition, _)| partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_reached_by_position_not_by_a_record_of_that_offset() {
        let mut ends = Ends::new(&[0, 5, 0, 7], vec![3, 5, 9, 4]);
        assert_eq!(ends.reached().collect::<Vec<_>>(), [1, 3], "nothing is to be read of those");
        assert!(ends.takes(0, 0));
        // Offset 1 and 2 are marks of transactions: 4 comes next, and stands behind the end.
        assert!(!ends.takes(0, 4));
        assert!(ends.takes(2, 7));
        assert!(!ends.all_reached());
        // Offset 8 is a mark too, and the log ends behind it.
        ends.end_of_log(2);
        assert!(ends.all_reached());
        assert!(!ends.takes(0, 5), "nothing behind an end");
    }

    #[test]
    fn the_record_just_before_an_end_reaches_it() {
        let mut ends = Ends::new(&[0], vec![3]);
        assert!(ends.takes(0, 1) && !ends.all_reached());
        assert!(ends.takes(0, 2) && ends.all_reached());
    }
}
