//! The words of the configuration as types of the program, and the parsers that turn text into them. A knob's check and
//! [`super::settings`] use the same parser, so that what passed the check cannot fail later.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decimal::Decimal;
use crate::event::{Op, OpSet};
pub use crate::sink::{Format, Language};
pub use crate::source::{OnLostRecords, OnRecreatedTopic};
pub use crate::time::TimeMode;
use crate::words::words;

words! {
    /// The clock of a recording.
    ReplayClock {
        /// The largest record timestamp read so far: a replay gives what the day gave.
        Record = "record",
        /// Now.
        Wall = "wall",
    }
}
words! {
    /// `source.snapshot_rows`: what rows count that a snapshot has told and that come once more.
    SnapshotRowsMode {
        /// As often as they come, as in the seed.
        All = "all",
        /// Once.
        Once = "once",
    }
}
words! {
    /// `state.backend`: what `worker run` keeps its state in.
    StateBackend {
        /// A database on this machine's disk.
        Rocksdb = "rocksdb",
        /// Memory: gone with the process.
        Memory = "memory",
    }
}
words! {
    /// `kafka.security_protocol`, in Kafka's words.
    SecurityProtocol {
        /// Neither encrypted nor authenticated.
        Plaintext = "plaintext",
        /// TLS.
        Ssl = "ssl",
        /// A password over an unencrypted connection.
        SaslPlaintext = "sasl_plaintext",
        /// A password over TLS.
        SaslSsl = "sasl_ssl",
    }
}
words! {
    /// How the password is proven to the broker.
    SaslMechanism {
        /// The password itself.
        Plain = "PLAIN",
        /// A salted challenge with SHA-256.
        ScramSha256 = "SCRAM-SHA-256",
        /// A salted challenge with SHA-512.
        ScramSha512 = "SCRAM-SHA-512",
    }
}
words! {
    /// The least important messages that are logged.
    LogLevel {
        /// Nothing at all.
        Off = "off",
        /// Someone must act.
        Error = "error",
        /// Something is not as it should be; nothing was lost.
        Warn = "warn",
        /// What the worker does, a few lines a minute.
        Info = "info",
        /// What it decides, for a bug report.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}
words! {
    /// How log lines look on stderr.
    LogFormat {
        /// For people on a terminal, JSON elsewhere.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Where the first start of a group reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// The oldest record that the topic still has.
    Earliest,
    /// What another consumer group has committed, a running Flink job's for example.
    Group(String),
    /// The first record at or after a time, milliseconds since the Unix epoch.
    Timestamp(i64),
}

/// Reads `earliest`, `group:NAME` or `timestamp:T`.
pub(super) fn start_from(text: &str) -> Option<StartFrom> {
    if text == "earliest" {
        return Some(StartFrom::Earliest);
    }
    if let Some(group) = text.strip_prefix("group:") {
        return (!group.trim().is_empty()).then(|| StartFrom::Group(group.to_owned()));
    }
    moment_ms(text.strip_prefix("timestamp:")?).map(StartFrom::Timestamp)
}

/// A moment since 1970 in milliseconds, given as such or in RFC 3339 (`2026-02-12T13:57:02+09:00`).
pub fn moment_ms(text: &str) -> Option<i64> {
    let moment = text.parse::<i64>().ok().or_else(|| Some(text.parse::<Timestamp>().ok()?.as_millisecond()))?;
    (0..=Timestamp::MAX.as_millisecond()).contains(&moment).then_some(moment)
}

/// A time zone of the IANA data base.
pub(super) fn zone(text: &str) -> Option<TimeZone> {
    TimeZone::get(text).ok().filter(|zone| !zone.is_unknown())
}

/// `database.table`, cut at the first dot.
pub(super) fn table(text: &str) -> Option<(&str, &str)> {
    text.split_once('.').filter(|(database, table)| is_name(database) && is_name(table))
}

/// A topic's name as Kafka allows it.
pub(super) fn is_topic(text: &str) -> bool {
    (1..=249).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A name of a column, group or user: not empty, one line.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}

/// A path, or nothing.
pub(super) fn is_path(text: &str) -> bool {
    !text.contains('\0')
}

/// A path.
pub(super) fn is_given_path(text: &str) -> bool {
    !text.is_empty() && is_path(text)
}

/// Anything of one line, or nothing.
pub(super) fn is_name_or_empty(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// `http://host[:port]/path`, or nothing.
pub(super) fn is_endpoint(text: &str) -> bool {
    let is_address = |rest: &str| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.contains(',') && is_bootstrap(host) && rest.bytes().all(|byte| byte.is_ascii_graphic())
    };
    text.is_empty() || text.strip_prefix("http://").is_some_and(is_address)
}

/// `host[:port]`, several between commas.
pub(super) fn is_bootstrap(text: &str) -> bool {
    text.split(',').all(|item| is_broker(item.trim()))
}

/// One `host[:port]`; an IPv6 address stands in brackets.
fn is_broker(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, after)) => (host, Some(after.strip_prefix(':').unwrap_or("no port"))),
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '[' | ']'));
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// `address:port`; `localhost` is `127.0.0.1`.
pub(super) fn listen(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?));
    }
    text.parse().ok()
}

/// An operation's letter.
pub(super) fn op(letter: &str) -> Option<Op> {
    [Op::Create, Op::Update, Op::Delete, Op::Read].into_iter().find(|op| letter.chars().eq([op.letter()]))
}

/// The operations of a list of letters.
pub(super) fn ops(letters: &[String]) -> Option<OpSet> {
    letters.iter().try_fold(OpSet::NONE, |set, letter| Some(set.with(op(letter)?)))
}

/// A decimal that is not negative.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    decimal(text).filter(|_| !text.starts_with('-'))
}

/// A decimal above zero.
pub(super) fn percent(text: &str) -> Option<Decimal> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    amount(text).filter(|_| mantissa.contains(|c: char| ('1'..='9').contains(&c)))
}

/// An exact decimal by the rules for prices.
fn decimal(text: &str) -> Option<Decimal> {
    Decimal::parse(text).ok()
}
