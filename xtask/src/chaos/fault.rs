//! Every fault: its name, what it is, what it needs. What it does stands in `inflict.rs` and `losses.rs`.

use std::collections::VecDeque;

use super::dice::Dice;

/// What a fault cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing that is not there anyway.
    Nothing,
    /// A file system of its own, which only root may mount.
    Mount,
    /// The library between the worker and the machine, which a C compiler builds.
    Shim,
}

/// What is done to the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    Kill,
    KillInARow,
    Stop,
    Freeze,
    Rescale,
    BrokerKilled,
    Repeats,
    Savepoint,
    Moved,
    StateLost,
    CheckpointDamaged,
    LogLost,
    DiskFull,
    ReadOnly,
    DiskFails,
    DiskSlow,
    DeathAtAPoint,
}

impl Fault {
    /// All of them, in the order of the help.
    pub(crate) const ALL: [Self; 17] = [
        Self::Kill,
        Self::KillInARow,
        Self::Stop,
        Self::Freeze,
        Self::Rescale,
        Self::BrokerKilled,
        Self::Repeats,
        Self::Savepoint,
        Self::Moved,
        Self::StateLost,
        Self::CheckpointDamaged,
        Self::LogLost,
        Self::DiskFull,
        Self::ReadOnly,
        Self::DiskFails,
        Self::DiskSlow,
        Self::DeathAtAPoint,
    ];

    /// For `--only` and the report.
    pub(crate) const fn name(self) -> &'static str {
        self.told().0
    }

    /// One line for people.
    pub(crate) const fn what(self) -> &'static str {
        self.told().1
    }

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Kill => ("kill", "kill -9 of the worker, and a start"),
            Self::KillInARow => ("kill-in-a-row", "kill -9 again while it recovers, a few times"),
            Self::Stop => ("stop", "SIGTERM, its end waited for, and a start"),
            Self::Freeze => ("freeze", "SIGSTOP, and SIGCONT after a while"),
            Self::Rescale => ("rescale", "SIGTERM or kill -9, and a start at another parallelism"),
            Self::BrokerKilled => ("broker-killed", "kill -9 of the broker, and its start on the same data"),
            Self::Repeats => {
                ("repeats", "kill -9, and messages of before once more, as from a connector that starts again")
            }
            Self::Savepoint => ("savepoint", "a savepoint by SIGUSR1, kill -9, a start that restores it"),
            Self::Moved => ("moved", "a stop with savepoint, state and log removed, a start from the savepoint alone"),
            Self::StateLost => ("state-lost", "kill -9, the database removed; log and checkpoints stay"),
            Self::CheckpointDamaged => {
                ("checkpoint-damaged", "the same, and a file of the newest checkpoint damaged: the one before is used")
            }
            Self::LogLost => ("log-lost", "kill -9, the log put away: the start must be refused; put back"),
            Self::DiskFull => {
                ("disk-full", "the disk of state, log and checkpoints filled to the last byte for a while")
            }
            Self::ReadOnly => ("read-only", "that disk read-only at a start, which must say so; writable again"),
            Self::DiskFails => ("disk-fails", "calls to the disk that fail for a while, by a preloaded library"),
            Self::DiskSlow => ("disk-slow", "syncs that take long for a while, by that library"),
            Self::DeathAtAPoint => ("death-at-a-point", "kill -9 inside a chosen call to the machine, by that library"),
        }
    }

    /// What it cannot do without.
    pub(crate) const fn needs(self) -> Needs {
        match self {
            Self::DiskFull | Self::ReadOnly => Needs::Mount,
            Self::DiskFails | Self::DiskSlow | Self::DeathAtAPoint => Needs::Shim,
            _ => Needs::Nothing,
        }
    }
}

/// Faults in a drawn order: each comes once before any comes again.
#[derive(Debug)]
pub(crate) struct Deck {
    all: Vec<Fault>,
    next: VecDeque<Fault>,
}

impl Deck {
    /// Of these faults.
    pub(crate) fn of(all: Vec<Fault>) -> Self {
        Self { all, next: VecDeque::new() }
    }

    /// The next one; `None` where there are none at all.
    pub(crate) fn draw(&mut self, dice: &mut Dice) -> Option<Fault> {
        if self.next.is_empty() {
            let mut all = self.all.clone();
            dice.shuffle(&mut all);
            self.next = all.into();
        }
        self.next.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_told_apart() {
        let names: HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
    }

    #[test]
    fn each_comes_once_before_any_comes_again() {
        let (mut deck, mut dice) = (Deck::of(Fault::ALL.to_vec()), Dice::seeded(3));
        for _ in 0..3 {
            let round: HashSet<_> = Fault::ALL.iter().filter_map(|_| deck.draw(&mut dice)).collect();
            assert_eq!(round.len(), Fault::ALL.len());
        }
        assert_eq!(Deck::of(Vec::new()).draw(&mut dice), None);
    }
}
