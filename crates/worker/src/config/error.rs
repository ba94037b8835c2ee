//! What can be wrong with a configuration. Every message is one line that names key, value, place and remedy; the value
//! of a secret is never in it.

use std::path::PathBuf;

use super::layers::Origin;

/// A configuration that is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file cannot be read.
    #[error("configuration file {} ({given_by}): {cause}; name a readable TOML file, or none for the defaults", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// Where its name came from.
        given_by: Origin,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The configuration file is no TOML.
    #[error("{}:{line}:{column}: not TOML: {cause}; correct that line", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The parser's reason.
        cause: String,
    },
    /// A key that does not exist.
    #[error("{key}: no such key ({origin}); {}", hint(nearest.as_deref()))]
    UnknownKey {
        /// The key as it was given: an environment variable's name where it is one.
        key: String,
        /// Where it was given.
        origin: Origin,
        /// The key that was probably meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type or out of range.
    #[error("{key} = {value} ({origin}) is {problem}: give {allowed}")]
    WrongValue {
        /// The key.
        key: &'static str,
        /// The value as TOML, cut where long, hidden where secret.
        value: String,
        /// Where it was given.
        origin: Origin,
        /// What it is instead.
        problem: &'static str,
        /// What the key takes.
        allowed: String,
    },
    /// `--set` without a value.
    #[error("--set {text}: no value; write --set KEY=VALUE, for example --set agg.window_ms=60000")]
    SetWithoutValue {
        /// What followed `--set`; it has no `=`, so it holds no value.
        text: String,
    },
    /// `--set` of a secret.
    #[error(
        "--set {key}=…: a secret on the command line is seen by everybody on the machine; \
         put it into the environment as {variable} or into a file that {key}_file names"
    )]
    SecretOnCommandLine {
        /// The key.
        key: &'static str,
        /// The variable to use instead.
        variable: String,
    },
    /// Values that do not go together.
    #[error("{key} = {value} ({origin}) {because}; {remedy}")]
    Contradiction {
        /// One of the keys.
        key: &'static str,
        /// Its value as TOML, hidden where secret.
        value: String,
        /// Where it was given.
        origin: Origin,
        /// What it does not go with.
        because: String,
        /// What to do.
        remedy: String,
    },
    /// A file that a key names cannot be read, or holds nothing.
    #[error("{key} = {value} ({origin}): {cause}; {remedy}")]
    NamedFile {
        /// The key.
        key: &'static str,
        /// The path as TOML.
        value: String,
        /// Where it was given.
        origin: Origin,
        /// The system's reason, or ours.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// The remedy for an unknown key.
fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`worker config --keys` lists every key".to_owned(),
    }
}
