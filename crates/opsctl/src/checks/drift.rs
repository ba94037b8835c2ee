//! What differs between the settings wanted and those that Connect has.

use serde::Serialize;

use crate::clients::connect::Settings;

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) setting: String,
    /// In Connect; none if it has no such setting.
    pub(crate) is: Option<String>,
    /// In the file; none if it has no such setting.
    pub(crate) should_be: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (is, should_be) = (self.shown(self.is.as_ref()), self.shown(self.should_be.as_ref()));
        write!(f, "{}: {is} → {should_be}", self.setting)
    }
}

impl Difference {
    /// Somebody may have put a password there by hand: it is not repeated.
    fn shown(&self, value: Option<&String>) -> String {
        match value {
            None => "(none)".to_owned(),
            Some(value) if is_secret(&self.setting) && !is_reference(value) => "(hidden)".to_owned(),
            Some(value) => format!("{value:?}"),
        }
    }
}

/// All that differs, by name.
pub(crate) fn differences(is: &Settings, should_be: &Settings) -> Vec<Difference> {
    let mut names: Vec<&String> = is.keys().chain(should_be.keys()).collect();
    names.sort();
    names.dedup();
    let differ = names.into_iter().filter(|name| is.get(*name) != should_be.get(*name));
    let hide = |name: &str, value: Option<&String>| {
        value.map(|value| if is_secret(name) && !is_reference(value) { "(hidden)".to_owned() } else { value.clone() })
    };
    differ
        .map(|name| Difference {
            setting: name.clone(),
            is: hide(name, is.get(name)),
            should_be: hide(name, should_be.get(name)),
        })
        .collect()
}

/// Settings that hold secrets, by Debezium's and Kafka's names.
pub(crate) fn is_secret(setting: &str) -> bool {
    ["password", "secret", "token", "jaas", "credential"].iter().any(|word| setting.contains(word))
}

/// `${file:…}` names a secret and is none.
pub(crate) fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn equal_settings_do_not_differ() {
        let same = settings(&[("a", "1"), ("b", "2")]);
        assert_eq!(differences(&same, &same), []);
    }

    #[test]
    fn changed_missing_and_added_settings_are_found() {
        let found = differences(&settings(&[("a", "1"), ("b", "2")]), &settings(&[("a", "3"), ("c", "4")]));
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [r#"a: "1" → "3""#, r#"b: "2" → (none)"#, r#"c: (none) → "4""#]);
    }

    #[test]
    fn a_password_is_not_repeated_but_its_reference_is() {
        let is = settings(&[("database.password", "hunter2")]);
        let should = settings(&[("database.password", "${file:/run/secrets/x:password}")]);
        let found = differences(&is, &should);
        assert_eq!(found[0].is.as_deref(), Some("(hidden)"));
        assert!(!found[0].to_string().contains("hunter2") && found[0].to_string().contains("${file:"), "{}", found[0]);
    }
}
