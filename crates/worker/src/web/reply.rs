//! A question to the API and its answer, without anything of HTTP's machinery: answers are plain functions.

use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;

use super::site::Site;

/// What is asked, once it is known by which path.
pub(super) struct Ask<'a> {
    pub(super) site: &'a Site,
    /// What stood where the path has `{…}`, in its order.
    pub(super) names: Vec<&'a str>,
    /// The pairs behind `?`, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The body; null where there is none.
    pub(super) body: Value,
}

/// The answer: a status and JSON, or a status and why not.
pub(super) type Reply = Result<(StatusCode, Value), Problem>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

/// An answer that is there.
#[expect(clippy::unnecessary_wraps, reason = "what every answer ends with, beside those that have none")]
pub(super) fn ok(value: Value) -> Reply {
    Ok((StatusCode::OK, value))
}

impl Ask<'_> {
    /// A parameter behind `?`; the first of its name.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How many are wanted: `limit`, at most `most`, `usual` where it is not given.
    pub(super) fn limit(&self, name: &str, usual: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.parameter(name) else { return Ok(usual) };
        match text.parse::<usize>() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(limit),
            _ => Err(Problem::bad(format!("{name} is a whole number from 1 to {most}"))),
        }
    }

    /// A field of the body that is text; `None` where it is not there or null.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Problem> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::bad(format!("{field} is a text"))),
        }
    }

    /// A field of the body that is a path; `None` where it is not there or null.
    pub(super) fn path(&self, field: &str) -> Result<Option<PathBuf>, Problem> {
        match self.text(field)? {
            Some("") => Err(Problem::bad(format!("{field} is empty: leave it out, or name a directory"))),
            text => Ok(text.map(PathBuf::from)),
        }
    }

    /// A field of the body that is true or false; `false` where it is not there.
    pub(super) fn switch(&self, field: &str) -> Result<bool, Problem> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(Problem::bad(format!("{field} is true or false"))),
        }
    }
}

/// The pairs behind `?`: `+` is a space, `%41` is `A`; what is not so written stands for itself.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(split).collect()
}

fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 3;
            }
            (b'+', _) => {
                out.push(b' ');
                at += 1;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("get=a,b&symbol=%EC%82%BC+%2B&x&&y=1=2&%zz=%e"),
            [pair("get", "a,b"), pair("symbol", "삼 +"), pair("x", ""), pair("y", "1=2"), pair("%zz", "%e")]
        );
    }
}
