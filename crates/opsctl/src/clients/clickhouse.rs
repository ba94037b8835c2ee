//! ClickHouse by HTTP, on its port on this machine.

use std::time::Duration;

use reqwest::Client;

use crate::failure::{Failure, Result};

/// Its own tables answer at once.
const TO_ANSWER: Duration = Duration::from_secs(3);
const USER: &str = "worker";

/// A server, asked as the worker's user.
#[derive(Debug)]
pub(crate) struct ClickHouse {
    http: Client,
    base: String,
    password: String,
}

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No answer.
    Silent(String),
    /// It does not know the user, or the password is another.
    Login(String),
    /// It answers something else: the statement is not for this version, or may not be asked.
    Other(String),
}

impl ClickHouse {
    /// The one on this port of 127.0.0.1.
    pub(crate) fn on(port: u16, password: String) -> Result<Self> {
        let http = Client::builder().no_proxy().timeout(TO_ANSWER).build();
        let http = http.map_err(|error| Failure::could_not_run(format!("no HTTP client: {error}")))?;
        Ok(Self { http, base: format!("http://127.0.0.1:{port}"), password })
    }

    /// It answers; else why not, in words.
    pub(crate) async fn ping(&self) -> std::result::Result<(), String> {
        let answer = self.http.get(format!("{}/ping", self.base)).send().await;
        let answer = answer.map_err(|error| format!("does not answer: {}", error.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("GET /ping: {}", answer.status())) }
    }

    /// The rows of a question, cells as text.
    pub(crate) async fn ask(&self, question: &str) -> std::result::Result<Vec<Vec<String>>, Denied> {
        let silent = |error: reqwest::Error| Denied::Silent(format!("does not answer: {}", error.without_url()));
        // The password is a header: in an address it would stand in logs.
        let request = self.http.post(&self.base).header("X-ClickHouse-User", USER);
        let request = request.header("X-ClickHouse-Key", &self.password).body(question.to_owned());
        let answer = request.send().await.map_err(silent)?;
        let well = answer.status().is_success();
        let text = answer.text().await.map_err(silent)?;
        if well { Ok(rows(&text)) } else { Err(denied(&text)) }
    }
}

/// Lines of cells (the format `TabSeparated`).
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// `Code: 516. DB::Exception: worker: Authentication failed: …`; 192 and 193 are the same of older servers.
fn denied(text: &str) -> Denied {
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    let code = line.strip_prefix("Code: ").and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    match code {
        Some("516" | "192" | "193" | "194") => Denied::Login(line),
        _ => Denied::Other(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_is_told_from_a_wrong_question() {
        let login =
            "Code: 516. DB::Exception: worker: Authentication failed: password is incorrect (version 26.9.2.1)\n";
        assert!(matches!(denied(login), Denied::Login(line) if line.ends_with("26.9.2.1)")));
        let old = "Code: 193, e.displayText() = DB::Exception: Wrong password for user worker";
        assert!(matches!(denied(old), Denied::Login(_)));
        assert!(matches!(denied("Code: 47. DB::Exception: Missing columns"), Denied::Other(_)));
        assert!(matches!(denied(""), Denied::Other(_)));
    }

    #[test]
    fn rows_are_lines_of_cells() {
        assert_eq!(rows("a\t1\nb\t\n"), [["a", "1"], ["b", ""]]);
    }
}
