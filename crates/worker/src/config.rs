//! The configuration: one table of knobs ([`KNOBS`]), layers that give them values ([`Values`]), and the validated type
//! that the program uses ([`Settings`]).
//!
//! ```text
//! defaults < file < environment < --set < flags      Values: every key with its value and origin, each checked alone
//!                                                 ──▶ Settings: in the domain's types, checked together
//! ```
//!
//! Both steps are pure: the environment, files and the memory limit come in as a [`Host`]. Nothing here is global.

mod build;
mod clickhouse;
mod contradictions;
mod domain;
mod error;
mod file;
mod host;
mod knobs;
mod layers;
mod memory;
mod nearest;
mod read;
mod secret;
mod security;
mod settings;
mod table;
mod value;

pub use clickhouse::ClickHouseSinkSettings;
pub use domain::{
    Format, Language, LogFormat, LogLevel, OnLostRecords, OnRecreatedTopic, ReplayClock, SaslMechanism,
    SecurityProtocol, SnapshotRowsMode, StartFrom, StateBackend, TimeMode, moment_ms,
};
pub use error::ConfigError;
pub use host::Host;
pub use knobs::{Kind, Knob};
pub use layers::{Entry, FILE_VARIABLE, Flags, Origin, Override, Values};
pub use secret::{HIDDEN, Secret};
pub use security::{Identity, Sasl, Security, Tls};
pub use settings::{
    AggSettings, ColumnSettings, DemoSettings, EpochSettings, EventTimeSettings, HighAmountSettings, KafkaSettings,
    LargeOrderSettings, LogSettings, OtlpSettings, PriceSpikeSettings, RapidOrdersSettings, RawSettings, RuleSettings,
    Settings, SinkSettings, SourceSettings, StateSettings, WebSettings,
};
pub use table::{KNOBS, find};
pub use value::Value;

#[cfg(test)]
mod tests;
