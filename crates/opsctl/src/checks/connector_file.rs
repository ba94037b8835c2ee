//! A connector's file: its name and its settings.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::clients::connect::Settings;
use crate::failure::{Failure, Result};

/// One connector, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectorFile {
    pub(crate) name: String,
    pub(crate) settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    name: String,
    config: serde_json::Map<String, Value>,
}

impl ConnectorFile {
    /// Reads a file's text. Errors name the file, the place and what is wrong there.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Failure::could_not_run(format!("{}: {why}", path.display()))
                .hint("{\"name\": \"…\", \"config\": {\"connector.class\": \"…\", …}}: see connectors/README.md")
        };
        let file: OnDisk = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if file.name.is_empty() || !file.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            return Err(wrong(format!("name: {:?} is none: letters, digits, '.', '_' and '-'", file.name)));
        }
        let mut settings = Settings::new();
        for (key, value) in file.config {
            // Connect turns everything into text, and would then seem to differ from the file.
            let value = match value {
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                other => return Err(wrong(format!("config.{key}: {other} is neither text, number nor true or false"))),
            };
            settings.insert(key, value);
        }
        if settings.get("name").is_some_and(|name| *name != file.name) {
            return Err(wrong(format!("config.name is {:?}, name is {:?}", settings["name"], file.name)));
        }
        settings.remove("name");
        if !settings.contains_key("connector.class") {
            return Err(wrong("config.connector.class is missing".to_owned()));
        }
        Ok(Self { name: file.name, settings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConnectorFile> {
        ConnectorFile::parse(Path::new("connectors/x.json"), text)
    }

    #[test]
    fn numbers_and_truths_become_text() {
        let file = parse(r#"{"name":"o","config":{"connector.class":"a.B","tasks.max":1,"x":true}}"#).expect("well");
        assert_eq!((file.settings["tasks.max"].as_str(), file.settings["x"].as_str()), ("1", "true"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, word) in [
            ("{\"name\":\"o\",\n\"config\":{\"a\":\"b\",}}", "line 2"),
            (r#"{"name":"","config":{}}"#, "name"),
            (r#"{"name":"a/b","config":{}}"#, "a/b"),
            (r#"{"name":"o","config":{}}"#, "connector.class"),
            (r#"{"name":"o","config":{"a":[1]}}"#, "config.a"),
            (r#"{"name":"o","config":{"connector.class":"x","name":"p"}}"#, "config.name"),
            (r#"{"name":"o","configs":{}}"#, "configs"),
        ] {
            let failure = parse(text).expect_err(text);
            assert!(failure.message.contains("connectors/x.json") && failure.message.contains(word), "{failure}");
        }
    }
}
