//! What folded stacks say: which thread and which function the processor time goes to. Pure.
//!
//! A line is a stack that was seen, outermost first, and the nanoseconds that it stands for: `thread;main;decode;memcmp 17`.

use std::collections::HashMap;

/// Somebody's part of all samples.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    /// A thread, or a function.
    pub(crate) name: String,
    /// Of all processor time, from 0 to 1: that in which it was at work itself.
    pub(crate) own: f64,
    /// That in which it, or what it called, was at work.
    pub(crate) total: f64,
}

/// Shares, the largest first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shares {
    /// All processor time.
    pub(crate) nanoseconds: u64,
    /// By thread.
    pub(crate) threads: Vec<Share>,
    /// By function, over all threads.
    pub(crate) functions: Vec<Share>,
}

impl Shares {
    /// Of folded stacks; lines that are none are passed over.
    pub(crate) fn of(folded: &str) -> Self {
        let (mut nanoseconds, mut threads, mut functions) = (0, Counts::default(), Counts::default());
        for line in folded.lines() {
            let Some((stack, count)) = line.rsplit_once(' ') else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            let mut frames: Vec<&str> = stack.split(';').collect();
            nanoseconds += count;
            let thread = frames.remove(0);
            threads.add(thread, count, true);
            let Some(innermost) = frames.last().copied() else { continue };
            // A function that calls itself is in the stack several times and counts once.
            frames.sort_unstable();
            frames.dedup();
            for frame in frames {
                functions.add(frame, count, frame == innermost);
            }
        }
        Self { nanoseconds, threads: threads.shares(nanoseconds), functions: functions.shares(nanoseconds) }
    }
}

/// How long somebody was at work itself, and how long with what it called.
#[derive(Default)]
struct Counts<'a>(HashMap<&'a str, (u64, u64)>);

impl<'a> Counts<'a> {
    fn add(&mut self, name: &'a str, count: u64, own: bool) {
        let counts = self.0.entry(name).or_default();
        counts.0 += if own { count } else { 0 };
        counts.1 += count;
    }

    fn shares(self, all: u64) -> Vec<Share> {
        let part = |count: u64| count as f64 / all.max(1) as f64;
        let share = |(name, (own, total)): (&str, (u64, u64))| Share {
            name: name.to_owned(),
            own: part(own),
            total: part(total),
        };
        let mut shares: Vec<Share> = self.0.into_iter().map(share).collect();
        shares.sort_by(|a, b| b.own.total_cmp(&a.own).then_with(|| a.name.cmp(&b.name)));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(shares: &[Share]) -> Vec<(&str, f64, f64)> {
        shares.iter().map(|share| (share.name.as_str(), share.own, share.total)).collect()
    }

    #[test]
    fn time_is_told_by_thread_and_by_function() {
        let shares =
            Shares::of("poll;run;memmove 4\nshard-0;run;decode 3\nshard-0;run;decode;memcmp 2\nshard-0;run 1\n");
        assert_eq!(shares.nanoseconds, 10);
        assert_eq!(named(&shares.threads), [("shard-0", 0.6, 0.6), ("poll", 0.4, 0.4)]);
        let expected = [("memmove", 0.4, 0.4), ("decode", 0.3, 0.5), ("memcmp", 0.2, 0.2), ("run", 0.1, 1.0)];
        assert_eq!(named(&shares.functions), expected);
    }

    #[test]
    fn who_calls_itself_counts_once() {
        let shares = Shares::of("main;walk;walk;walk 2\nmain;walk;leaf 2\n");
        assert_eq!(named(&shares.functions), [("leaf", 0.5, 0.5), ("walk", 0.5, 1.0)]);
    }

    #[test]
    fn a_function_s_name_may_have_spaces_and_what_is_no_stack_is_nothing() {
        let shares = Shares::of("rdk;<A as B>::run 1\nno stack\n\n");
        assert_eq!((shares.nanoseconds, named(&shares.functions)), (1, vec![("<A as B>::run", 1.0, 1.0)]));
        assert_eq!(Shares::of(""), Shares::default());
    }
}
