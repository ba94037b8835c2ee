//! An epoch's results as messages: JSON as on stdout, keyed by symbol. Pure; kept until the brokers have acknowledged
//! them.

use std::ops::Range;

use super::Topics;
use crate::epoch::{Output, OutputKind, Outputs};
use crate::sink::{JsonRenderer, Render};

/// The results of one epoch.
#[derive(Debug, Default)]
pub(super) struct EpochMessages {
    pub(super) epoch: u64,
    bytes: Vec<u8>,
    messages: Vec<Place>,
}

/// Where a message's key and value stand.
#[derive(Debug)]
struct Place {
    stream: Stream,
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// Which topic a message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Raw,
    Agg,
    Alerts,
    Late,
    DeadLetters,
}

impl Stream {
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

impl EpochMessages {
    /// All results of an epoch, in their order.
    pub(super) fn render(epoch: u64, outputs: &Outputs, renderer: &JsonRenderer) -> Self {
        let mut made = Self { epoch, ..Self::default() };
        let mut aside = Vec::new();
        for line in &outputs.lines {
            let key = symbol(outputs, line).map(|symbol| made.put(symbol.as_bytes()));
            let start = made.bytes.len();
            renderer.line(outputs, line, &mut made.bytes, &mut aside);
            // A message needs no line feed.
            let end = made.bytes.strip_suffix(b"\n").map_or(made.bytes.len(), <[u8]>::len);
            made.messages.push(Place { stream: Stream::of(&line.kind), key, value: start..end });
        }
        made
    }

    fn put(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        start..self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.messages.len() * size_of::<Place>()
    }

    /// The messages, in order.
    pub(super) fn iter<'a>(&'a self, topics: &'a Topics) -> impl Iterator<Item = Message<'a>> {
        self.messages.iter().map(move |place| Message {
            topic: place.stream.topic(topics),
            key: place.key.clone().map(|key| &self.bytes[key]),
            value: &self.bytes[place.value.clone()],
        })
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
