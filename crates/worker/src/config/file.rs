//! The configuration file: TOML, every key known, every value with its line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::knobs::Knob;
use super::layers::{Origin, unknown, wrong};
use super::table::find;
use super::value::{Value, from_toml};

/// No key has more parts than this; a deeper table is an unknown key as a whole.
const DEEPEST: usize = 4;

/// The knobs that the file gives, each with its value and line.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<(&'static Knob, Value, usize)>, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| syntax(path, text, &error))?;
    let mut reader = Reader { path, text, found: Vec::new() };
    reader.walk("", 1, table.get_ref())?;
    reader.found.sort_by_key(|(_, _, line)| *line);
    Ok(reader.found)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    found: Vec<(&'static Knob, Value, usize)>,
}

impl Reader<'_> {
    /// Takes the values of a table and of the tables in it; `prefix` is the table's own key with a dot behind it.
    fn walk(&mut self, prefix: &str, depth: usize, table: &DeTable<'_>) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let (line, _) = position(self.text, name.span().start);
            let origin = Origin::File(self.path.to_path_buf(), line);
            match (find(&key), value.get_ref()) {
                (Some(knob), value_found) => {
                    let shown = self.text.get(value.span()).unwrap_or_default();
                    let read = from_toml(knob, value_found);
                    let read = read.map_err(|problem| wrong(knob, &on_one_line(shown), origin, problem))?;
                    self.found.push((knob, read, line));
                }
                (None, DeValue::Table(inner)) if depth < DEEPEST && !inner.is_empty() => {
                    self.walk(&format!("{key}."), depth + 1, inner)?;
                }
                (None, DeValue::Table(inner)) if inner.is_empty() && is_section(&key) => {}
                (None, _) => return Err(unknown(&key, origin)),
            }
        }
        Ok(())
    }
}

/// Whether keys stand below this one: an empty `[kafka]` is harmless.
fn is_section(key: &str) -> bool {
    super::table::KNOBS.iter().any(|knob| knob.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// The first line of a value's text.
fn on_one_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    if lines.next().is_some() { format!("{first} …") } else { first }
}

/// Line and column, both from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let (line, column) = position(text, error.span().map_or(0, |span| span.start));
    let cause = error.message().lines().collect::<Vec<_>>().join(", ");
    ConfigError::Syntax { path: path.to_path_buf(), line, column, cause }
}
