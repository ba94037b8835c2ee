//! Keys → settings: how single values are taken out of the layers, and secrets and files that they name.

use std::path::{Path, PathBuf};

use super::domain::ops;
use super::error::ConfigError;
use super::host::Host;
use super::layers::{Entry, Origin, Values};
use super::secret::Secret;
use super::table::find;
use super::value::Value;
use crate::event::OpSet;

/// Taking values by key. A key that the table does not have, or has as another kind, is a mistake in this program; it is
/// answered like a user's (an error, not a panic) and a test over all defaults finds it.
impl Values {
    fn entry(&self, key: &str) -> Result<&Entry, ConfigError> {
        self.get(key).ok_or_else(|| super::layers::unknown(key, Origin::Default))
    }

    /// The refusal of a value that passed its knob's check but not the parser.
    fn refused(entry: &Entry) -> ConfigError {
        let allowed = find(entry.key).map(super::knobs::Knob::allowed).unwrap_or_default();
        let (value, origin) = (entry.value.to_string(), entry.origin.clone());
        ConfigError::WrongValue { key: entry.key, value, origin, problem: "not valid", allowed }
    }

    pub(super) fn switch(&self, key: &str) -> Result<bool, ConfigError> {
        let entry = self.entry(key)?;
        if let Value::Bool(value) = &entry.value { Ok(*value) } else { Err(Self::refused(entry)) }
    }

    pub(super) fn integer<T: TryFrom<i64>>(&self, key: &str) -> Result<T, ConfigError> {
        let entry = self.entry(key)?;
        let number = if let Value::Integer(number) = &entry.value { T::try_from(*number).ok() } else { None };
        number.ok_or_else(|| Self::refused(entry))
    }

    pub(super) fn text(&self, key: &str) -> Result<&str, ConfigError> {
        let entry = self.entry(key)?;
        if let Value::Text(text) = &entry.value { Ok(text) } else { Err(Self::refused(entry)) }
    }

    pub(super) fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ConfigError> {
        parse(self.text(key)?).map_or_else(|| Err(Self::refused(self.entry(key)?)), Ok)
    }

    pub(super) fn ops(&self, key: &str) -> Result<OpSet, ConfigError> {
        let entry = self.entry(key)?;
        let set = if let Value::List(letters) = &entry.value { ops(letters) } else { None };
        set.ok_or_else(|| Self::refused(entry))
    }

    /// A path; `None` where it is empty.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let text = self.text(key)?;
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }

    /// A path to a file that must be there and be text.
    pub(super) fn readable(&self, key: &str, host: &Host<'_>) -> Result<Option<PathBuf>, ConfigError> {
        let path = self.path(key)?;
        if let Some(path) = &path {
            self.read_named(key, path, host)?;
        }
        Ok(path)
    }

    /// A secret, given as such or as a file. The higher layer wins; both in one layer are refused, because one of them
    /// would silently be ignored.
    pub(super) fn secret(&self, key: &str, file_key: &str, host: &Host<'_>) -> Result<Option<Secret>, ConfigError> {
        let (direct, file) = (self.entry(key)?, self.entry(file_key)?);
        let (given, file_given) = (self.is_given(key), self.is_given(file_key));
        if given && file_given && direct.origin.layer() == file.origin.layer() {
            let because = format!("is given beside {}", self.described(file_key));
            return Err(self.contradiction(key, because, format!("keep one of {key} and {file_key}")));
        }
        if given && (!file_given || direct.origin.layer() > file.origin.layer()) {
            return if let Value::Secret(secret) = &direct.value {
                Ok(secret.clone())
            } else {
                Err(Self::refused(direct))
            };
        }
        let Some(path) = self.path(file_key)? else { return Ok(None) };
        let text = self.read_named(file_key, &path, host)?;
        let secret = text.strip_suffix('\n').unwrap_or(&text);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        let problem = if secret.is_empty() {
            "the file is empty"
        } else if secret.contains(char::is_control) {
            "the file has more than one line of text"
        } else {
            return Ok(Secret::new(secret));
        };
        Err(self.named_file(file_key, problem.to_owned(), "put the secret into it, one line"))
    }

    fn read_named(&self, key: &str, path: &Path, host: &Host<'_>) -> Result<String, ConfigError> {
        let remedy = "name a file that this user may read";
        (host.read)(path).map_err(|cause| self.named_file(key, cause.to_string(), remedy))
    }

    fn named_file(&self, key: &str, cause: String, remedy: &'static str) -> ConfigError {
        match self.entry(key) {
            Ok(Entry { key, origin, .. }) => {
                let value = self.get(key).map(|entry| entry.value.to_string()).unwrap_or_default();
                ConfigError::NamedFile { key, value, origin: origin.clone(), cause, remedy }
            }
            Err(error) => error,
        }
    }

    /// Whether somebody gave the key something that is not empty.
    pub fn is_given(&self, key: &str) -> bool {
        let entry = self.get(key).filter(|entry| entry.origin != Origin::Default);
        entry.is_some_and(|entry| !entry.value.is_empty())
    }

    /// `key = value (origin)`, secrets hidden.
    pub(super) fn described(&self, key: &str) -> String {
        match self.get(key) {
            Some(entry) => format!("{key} = {} ({})", entry.value, entry.origin),
            None => key.to_owned(),
        }
    }

    /// The refusal of values that do not go together, told from the side of `key`.
    pub(super) fn contradiction(&self, key: &str, because: String, remedy: String) -> ConfigError {
        match self.entry(key) {
            Ok(entry) => {
                let (value, origin) = (entry.value.to_string(), entry.origin.clone());
                ConfigError::Contradiction { key: entry.key, value, origin, because, remedy }
            }
            Err(error) => error,
        }
    }
}
