//! What ClickHouse answers, as columns and rows.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    /// Names and types.
    pub(super) columns: Vec<(String, String)>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// What a column is to a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Number,
    Text,
}

impl Answer {
    /// Reads the format `JSONCompact`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let answer: Value = serde_json::from_str(text).with_context(|| format!("no JSON: {text:.200}"))?;
        let meta = answer["meta"].as_array().context("an answer without columns")?;
        let word = |column: &Value, field: &str| column[field].as_str().unwrap_or_default().to_owned();
        let rows = answer["data"].as_array().context("an answer without rows")?;
        Ok(Self {
            columns: meta.iter().map(|column| (word(column, "name"), word(column, "type"))).collect(),
            rows: rows.iter().map(|row| row.as_array().cloned().unwrap_or_default()).collect(),
        })
    }

    /// What this column is.
    pub(super) fn kind(&self, column: usize) -> Kind {
        let of = |name: &str| name.trim_start_matches("Nullable(").trim_start_matches("LowCardinality(").to_owned();
        let kind = self.columns.get(column).map_or_else(String::new, |(_, kind)| of(kind));
        if kind.starts_with("DateTime") {
            Kind::Time
        } else if ["UInt", "Int", "Float"].iter().any(|number| kind.starts_with(number)) {
            Kind::Number
        } else {
            Kind::Text
        }
    }

    /// The columns of this kind, by their places.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = usize> {
        (0..self.columns.len()).filter(move |column| self.kind(*column) == kind)
    }
}

/// A cell as a number: large integers come as text.
pub(super) fn number(cell: &Value) -> Option<f64> {
    cell.as_f64().or_else(|| cell.as_str()?.parse().ok()).filter(|number| number.is_finite())
}

/// A cell as people read it.
pub(super) fn text(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_apart_by_their_types() {
        let answer = r#"{"meta":[{"name":"time","type":"DateTime64(3, 'UTC')"},{"name":"s","type":"LowCardinality(Nullable(String))"},
            {"name":"n","type":"Nullable(Float64)"}],"data":[["1.5",null,"7"]],"rows":1}"#;
        let answer = Answer::parse(answer).expect("an answer");
        assert_eq!([0, 1, 2].map(|column| answer.kind(column)), [Kind::Time, Kind::Text, Kind::Number]);
        assert_eq!((number(&answer.rows[0][2]), text(&answer.rows[0][1])), (Some(7.0), "-".to_owned()));
        assert!(Answer::parse("Code: 60").is_err());
    }
}
