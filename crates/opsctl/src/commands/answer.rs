//! What a command found or did: text for people, an object for programs, an exit code.

use serde_json::{Map, Value, json};

use crate::commands::Session;
use crate::failure::{Exit, Failure};

/// A command's result.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) exit: Exit,
    /// For people, on stdout; nothing is printed if it is empty.
    pub(crate) text: String,
    /// For programs: these fields stand beside those that every answer has.
    pub(crate) fields: Map<String, Value>,
}

impl Answer {
    /// Done, with this text.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self { exit: Exit::Done, text: text.into(), fields: Map::new() }
    }

    /// With this field.
    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: impl serde::Serialize) -> Self {
        // What cannot be written as JSON is a map with other keys than text: there is none.
        self.fields.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }
}

/// The object that `--json` prints, whether the command did what it should or not.
pub(crate) fn object(session: Option<&Session>, command: &str, result: &Result<Answer, Failure>) -> Value {
    let mut fields = match result {
        Ok(answer) => answer.fields.clone(),
        Err(_) => Map::new(),
    };
    fields.insert("command".to_owned(), json!(command));
    fields.insert("ok".to_owned(), json!(result.as_ref().is_ok_and(|answer| answer.exit == Exit::Done)));
    fields.insert("error".to_owned(), json!(result.as_ref().err()));
    if let Some(session) = session {
        let steps = session.steps.records();
        fields.insert("project".to_owned(), json!(session.stack.project));
        fields.insert("seconds".to_owned(), json!((session.steps.elapsed().as_secs_f64() * 1000.0).round() / 1000.0));
        if !steps.is_empty() {
            fields.insert("changed".to_owned(), json!(session.steps.changed()));
            fields.insert("steps".to_owned(), json!(steps));
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_an_object_too() {
        let object = object(None, "up", &Err(Failure::new("no").hint("do")));
        assert_eq!(object["ok"], json!(false));
        assert_eq!(object["error"], json!({"message": "no", "hint": "do", "log": []}));
    }
}
