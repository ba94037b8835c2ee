//! The layers: defaults, the file, the environment, `--set`, flags; a later one wins. Every value remembers where it
//! came from.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::file;
use super::host::Host;
use super::knobs::{ENVIRONMENT_PREFIX, Knob};
use super::nearest::nearest;
use super::secret::HIDDEN;
use super::table::{KNOBS, find};
use super::value::{Value, from_text, quoted};

/// The environment variable that names the configuration file.
pub const FILE_VARIABLE: &str = "CDC_WORKER_CONFIG";

/// Where a value came from. The order is the order of the layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave it.
    Default,
    /// A line of the configuration file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line, `--set` among them.
    Flag(String),
}

impl Origin {
    /// The layer's place: values of the same layer contradict each other, values of different layers do not.
    pub(super) fn layer(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(..) => 1,
            Self::Environment(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "file {}:{line}", one_line(&path.to_string_lossy())),
            Self::Environment(name) => write!(f, "env {}", one_line(name)),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What the command line adds to the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config FILE`
    pub file: Option<PathBuf>,
    /// Every `--set KEY=VALUE`, in their order.
    pub set: Vec<String>,
    /// Flags that stand for a key.
    pub overrides: Vec<Override>,
}

/// A flag that stands for a key: `--parallelism 4` is `parallelism = 4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The key.
    pub key: &'static str,
    /// The value as text.
    pub text: String,
    /// The flag, with its dashes.
    pub flag: &'static str,
}

/// A key's value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key and all about it.
    pub key: &'static str,
    /// Its value.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// All keys with their values, each of them checked on its own. [`super::Settings`] are what the program uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    entries: Vec<Entry>,
}

impl Values {
    /// The defaults alone.
    pub fn defaults() -> Self {
        let entry = |knob: &Knob| Entry { key: knob.key, value: knob.default_value(), origin: Origin::Default };
        Self { entries: KNOBS.iter().map(entry).collect() }
    }

    /// Lays the file, the environment, `--set` and the flags over the defaults. Refused: a file that cannot be read, an
    /// unknown key, a value that its knob does not take, also where a later layer gives a better one.
    pub fn load(flags: &Flags, host: &Host<'_>) -> Result<Self, ConfigError> {
        let mut values = Self::defaults();
        if let Some((path, given_by)) = file_name(flags, host) {
            let text = (host.read)(&path);
            let text = text.map_err(|cause| ConfigError::FileUnreadable { path: path.clone(), given_by, cause })?;
            for (knob, value, line) in file::read(&path, &text)? {
                values.put(knob, value, Origin::File(path.clone(), line));
            }
        }
        values.lay_environment(&host.environment)?;
        values.lay_set(&flags.set)?;
        for Override { key, text, flag } in &flags.overrides {
            let origin = Origin::Flag((*flag).to_owned());
            values.put_text(find(key).ok_or_else(|| unknown(key, origin.clone()))?, text, origin)?;
        }
        Ok(values)
    }

    /// Every key in the table's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn put(&mut self, knob: &Knob, value: Value, origin: Origin) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == knob.key) {
            *entry = Entry { key: knob.key, value, origin };
        }
    }

    fn put_text(&mut self, knob: &'static Knob, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let value = from_text(knob, text).map_err(|problem| wrong(knob, &quoted(text), origin.clone(), problem))?;
        self.put(knob, value, origin);
        Ok(())
    }

    fn lay_environment(&mut self, environment: &[(OsString, OsString)]) -> Result<(), ConfigError> {
        for (name, value) in environment {
            let name = name.to_string_lossy();
            if !name.starts_with(ENVIRONMENT_PREFIX) || name == FILE_VARIABLE || is_service_link(&name, value) {
                continue;
            }
            let origin = Origin::Environment(name.clone().into_owned());
            let knob = KNOBS.iter().find(|knob| knob.environment_name() == name);
            let knob = knob.ok_or_else(|| unknown_variable(&name, origin.clone()))?;
            match value.to_str() {
                Some(text) => self.put_text(knob, text, origin)?,
                None => return Err(wrong(knob, &quoted(&value.to_string_lossy()), origin, "not UTF-8")),
            }
        }
        Ok(())
    }

    fn lay_set(&mut self, set: &[String]) -> Result<(), ConfigError> {
        for text in set {
            let (key, value) =
                text.split_once('=').ok_or_else(|| ConfigError::SetWithoutValue { text: one_line(text) })?;
            let (key, origin) = (key.trim(), Origin::Flag("--set".to_owned()));
            let knob = find(key).ok_or_else(|| unknown(key, origin.clone()))?;
            if knob.is_secret() {
                let variable = knob.environment_name();
                return Err(ConfigError::SecretOnCommandLine { key: knob.key, variable });
            }
            self.put_text(knob, value, origin)?;
        }
        Ok(())
    }
}

/// The configuration file and who named it; an empty variable names none.
fn file_name(flags: &Flags, host: &Host<'_>) -> Option<(PathBuf, Origin)> {
    if let Some(path) = &flags.file {
        return Some((path.clone(), Origin::Flag("--config".to_owned())));
    }
    let (_, path) = host.environment.iter().find(|(name, _)| name == FILE_VARIABLE)?;
    (!path.is_empty()).then(|| (Path::new(path).to_path_buf(), Origin::Environment(FILE_VARIABLE.to_owned())))
}

/// Kubernetes gives every container variables for every service; for one that is called `cdc-worker` they begin as ours
/// do: `CDC_WORKER_SERVICE_HOST`, `CDC_WORKER_SERVICE_PORT…`, `CDC_WORKER_PORT=tcp://…`, `CDC_WORKER_PORT_8081_TCP…`.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let rest = name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or_default();
    let is_address = || value.to_str().is_some_and(|value| value.starts_with("tcp://") || value.starts_with("udp://"));
    let is_numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.starts_with("SERVICE_PORT_")
        || (rest == "PORT" && is_address())
        || rest.strip_prefix("PORT_").is_some_and(is_numbered)
}

/// The refusal of a key that does not exist.
pub(super) fn unknown(key: &str, origin: Origin) -> ConfigError {
    let nearest = nearest(&key.to_lowercase().replace('-', "_"), '.', KNOBS.iter().map(|knob| knob.key.to_owned()));
    ConfigError::UnknownKey { key: one_line(key), origin, nearest }
}

/// The refusal of a variable that does not exist: looks for the nearest variable, not the nearest key.
fn unknown_variable(name: &str, origin: Origin) -> ConfigError {
    let nearest = nearest(&name.to_uppercase(), '_', KNOBS.iter().map(Knob::environment_name));
    ConfigError::UnknownKey { key: one_line(name), origin, nearest }
}

/// The refusal of a value; `shown` is the value as it was written.
pub(super) fn wrong(knob: &'static Knob, shown: &str, origin: Origin, problem: &'static str) -> ConfigError {
    let value = if knob.is_secret() { quoted(HIDDEN) } else { cut(shown) };
    ConfigError::WrongValue { key: knob.key, value, origin, problem, allowed: knob.allowed() }
}

/// The most of a value that a message shows.
const SHOWN_CHARACTERS: usize = 80;

/// `text` on one line and not too long.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&text)
}

/// The beginning of a text that is too long to show.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
