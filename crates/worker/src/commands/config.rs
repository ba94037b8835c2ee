//! `worker config`: the effective configuration, one line a key, with the source of every value.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::cli::{ConfigArgs, Exit};
use crate::config::{ConfigError, Entry, Flags, HIDDEN, Host, KNOBS, Knob, Settings, Value, Values};

/// Why the configuration is not printed, or is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigCommandError {
    /// It is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be written.
    #[error("writing the configuration: {0}")]
    Write(#[from] io::Error),
}

impl ConfigCommandError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.into(),
            Self::Write(_) => Exit::Failed,
        }
    }
}

/// Prints the configuration that `flags` and `host` give, or every key with `--keys`. Values that do not go together are
/// printed first and refused then, so that one sees where they come from.
pub fn execute(
    arguments: &ConfigArgs,
    flags: &Flags,
    host: &Host<'_>,
    out: &mut impl Write,
) -> Result<(), ConfigCommandError> {
    match (arguments.keys, arguments.json) {
        (true, false) => write_keys(out)?,
        (true, true) => write_json(out, &KNOBS.iter().map(KeyLine::new).collect::<Vec<_>>())?,
        (false, json) => {
            let values = Values::load(flags, host)?;
            if json {
                write_json(out, &ByKey(values.entries()))?;
            } else {
                write_values(out, values.entries())?;
            }
            out.flush()?;
            Settings::read(&values, host)?;
        }
    }
    Ok(out.flush()?)
}

/// Width to which lines are filled before the comment, unless the value is longer.
const VALUE_WIDTH: usize = 56;

/// One line a key: `agg.window_ms = 300000    # default`, an empty line between sections. It is TOML: a file to begin
/// with, except that secrets are hidden (and refused when read again).
fn write_values(out: &mut impl Write, entries: &[Entry]) -> io::Result<()> {
    let mut before = "";
    for entry in entries {
        let section = section(entry.key);
        if section != before {
            writeln!(out)?;
        }
        before = section;
        let line = format!("{} = {}", entry.key, entry.value);
        writeln!(out, "{line:<VALUE_WIDTH$}  # {}", entry.origin)?;
    }
    Ok(())
}

/// Every key with its meaning, as a TOML file that holds the defaults.
fn write_keys(out: &mut impl Write) -> io::Result<()> {
    for knob in KNOBS {
        writeln!(out, "# {}", knob.help)?;
        writeln!(out, "# takes {}; or {}", knob.allowed(), knob.environment_name())?;
        writeln!(out, "{} = {}\n", knob.key, knob.default_value())?;
    }
    writeln!(out, "# Secrets that are set print as {HIDDEN}.")
}

/// The part of the key before the first dot; the top level has none.
fn section(key: &str) -> &str {
    key.split_once('.').map_or("", |(section, _)| section)
}

fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// An object `{key: {value, source}}` in the table's order.
struct ByKey<'a>(&'a [Entry]);

impl Serialize for ByKey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = |entry: &Entry| ValueLine { value: entry.value.clone(), source: entry.origin.to_string() };
        serializer.collect_map(self.0.iter().map(|entry| (entry.key, line(entry))))
    }
}

#[derive(Serialize)]
struct ValueLine {
    value: Value,
    source: String,
}

#[derive(Serialize)]
struct KeyLine {
    key: &'static str,
    environment: String,
    default: Value,
    unit: &'static str,
    takes: String,
    help: &'static str,
}

impl KeyLine {
    fn new(knob: &Knob) -> Self {
        let (environment, takes) = (knob.environment_name(), knob.allowed());
        Self { key: knob.key, environment, default: knob.default_value(), unit: knob.unit, takes, help: knob.help }
    }
}

#[cfg(test)]
mod tests;
