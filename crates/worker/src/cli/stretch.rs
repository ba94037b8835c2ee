//! Which part of the topic is read.

use clap::Args;

use super::parsers;
use crate::source::Place;

/// Which part of the topic is read.
#[derive(Args, Clone, Debug, Default)]
pub struct StretchArgs {
    /// Where reading begins (of `run`: a dry run's or a first start's): N, or PARTITION:N,… (other partitions: at their
    /// beginning)
    #[arg(long, value_name = "OFFSET", value_parser = parsers::offsets, allow_hyphen_values = true)]
    #[arg(conflicts_with = "from_timestamp")]
    pub from_offset: Option<Place>,
    /// The same by time: from the first record at or after it
    #[arg(long, value_name = "TIME", value_parser = parsers::timestamp, allow_hyphen_values = true)]
    pub from_timestamp: Option<Place>,
    /// Ends before this offset (N, or PARTITION:N,…) or time in each partition; what only looks or fills in ends otherwise
    /// at the topic's end
    #[arg(long, value_name = "WHERE", value_parser = parsers::until, allow_hyphen_values = true)]
    pub until: Option<Place>,
}

impl StretchArgs {
    /// Where to begin, if that is said.
    pub fn from(&self) -> Option<&Place> {
        self.from_offset.as_ref().or(self.from_timestamp.as_ref())
    }

    /// Whether the end stands before the beginning; the message then.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (from, until) = (self.from()?, self.until.as_ref()?);
        let flag = if self.from_offset.is_some() { "--from-offset" } else { "--from-timestamp" };
        from.is_behind(until).then(|| format!("{flag} {from} stands behind --until {until}: there is nothing between"))
    }
}
