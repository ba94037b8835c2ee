//! What others may read: known secrets are gone wherever they stand, and what looks like one by its name is, too.

use serde_json::Value;

use crate::checks::drift::{is_reference, is_secret};
use crate::checks::facts::HIDDEN;

/// A shorter value would hide half of a text.
const SHORTEST: usize = 6;

/// Knows what must not be seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactor {
    /// Longest first: one may be a part of another.
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides these values wherever they stand.
    pub(crate) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .map(|secret| secret.trim().to_owned())
            .filter(|secret| secret.len() >= SHORTEST)
            .collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets }
    }

    /// The text without them, and without values behind names such as `password=`.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in &self.secrets {
            shown = shown.replace(secret.as_str(), HIDDEN);
        }
        let lines = shown.split_inclusive('\n').map(assignments);
        lines.collect()
    }

    /// The value with secrets hidden by their key, by what they are, and in lists of `NAME=value`.
    pub(crate) fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(value)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if hides(name, text) => HIDDEN.clone_into(text),
                        value => self.json(value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// `MYSQL_ROOT_PASSWORD_FILE` says where a secret is, not what.
fn hides(name: &str, value: &str) -> bool {
    let is_place = name.to_lowercase().ends_with("_file") || value.starts_with('/');
    is_secret(&name.to_lowercase()) && !is_place && !is_reference(value) && !value.is_empty()
}

/// `database.password = x`, `MYSQL_PWD=x`, `"password": "x"` in a line.
fn assignments(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at(at + 1);
        shown.push_str(before);
        let name = before[..at].trim_end_matches([' ', '"', '\'']);
        let name: String =
            name.chars().rev().take_while(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')).collect();
        let name: String = name.chars().rev().collect();
        let start = after.len() - after.trim_start_matches([' ', '"', '\'']).len();
        let value: String = after[start..]
            .chars()
            .take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | ';' | '&'))
            .collect();
        let is_password =
            ["password", "passwd", "pwd", "secret", "jaas"].iter().any(|word| name.to_lowercase().ends_with(word));
        if is_password && !value.is_empty() && !value.starts_with(['$', '/', '(', '{', '[']) {
            shown.push_str(&after[..start]);
            shown.push_str(HIDDEN);
            rest = &after[start + value.len()..];
        } else {
            rest = after;
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn i10_secrets_are_hidden_wherever_they_stand() {
        let redactor = Redactor::of(["hunter2-and-more".to_owned(), "hunter2".to_owned(), "ab".to_owned()]);
        for (text, shown) in [
            ("a hunter2-and-more b", "a (hidden) b"),
            ("database.password = geheim\n", "database.password = (hidden)\n"),
            ("MYSQL_PWD=geheim mysql", "MYSQL_PWD=(hidden) mysql"),
            ("{\"password\": \"geheim\", \"a\": 1}", "{\"password\": \"(hidden)\", \"a\": 1}"),
            ("database.password = ${file:/run/secrets/a:b}", "database.password = ${file:/run/secrets/a:b}"),
            ("time 10:00 ab", "time 10:00 ab"),
        ] {
            assert_eq!(redactor.text(text), shown, "{text}");
        }
        let mut value = json!({"Env": ["A=hunter2", "MYSQL_ROOT_PASSWORD=x"], "token": "t", "config": {"database.password": "y", "MYSQL_PASSWORD_FILE": "/run/secrets/p"}});
        redactor.json(&mut value);
        assert_eq!(
            value,
            json!({"Env": ["A=(hidden)", "MYSQL_ROOT_PASSWORD=(hidden)"], "token": HIDDEN, "config": {"database.password": HIDDEN, "MYSQL_PASSWORD_FILE": "/run/secrets/p"}})
        );
    }
}
