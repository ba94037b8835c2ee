//! The few questions that a running worker is asked by HTTP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(10);

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Asks for a stop with savepoint.
pub(crate) fn stop_with_savepoint(port: u16, token: &str) -> Result<()> {
    let job = job(port)?;
    ask(port, "POST", &format!("/jobs/{job}/stop"), Some(token), "{}").map(drop)
}

/// The one job's id.
pub(crate) fn job(port: u16) -> Result<String> {
    let jobs = get(port, "/jobs")?;
    let id = jobs["jobs"][0]["id"].as_str().with_context(|| format!("/jobs names no job: {jobs}"))?;
    Ok(id.to_owned())
}

/// What the worker answers.
pub(crate) fn get(port: u16, path: &str) -> Result<Value> {
    ask(port, "GET", path, None, "")
}

/// The same where the answer is no JSON.
pub(crate) fn get_text(port: u16, path: &str) -> Result<String> {
    ask_for_text(port, "GET", path, None, "")
}

/// Asks for something.
pub(crate) fn post(port: u16, path: &str, body: &Value) -> Result<Value> {
    ask(port, "POST", path, None, &body.to_string())
}

fn ask(port: u16, method: &str, path: &str, token: Option<&str>, body: &str) -> Result<Value> {
    let answer = ask_for_text(port, method, path, token, body)?;
    serde_json::from_str(&answer).with_context(|| format!("{method} {path} on port {port}: no JSON: {answer:?}"))
}

fn ask_for_text(port: u16, method: &str, path: &str, token: Option<&str>, body: &str) -> Result<String> {
    let told = || format!("{method} {path} on port {port}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(told)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{token}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .with_context(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(told)?;
    body_of(&answer).map(str::to_owned).with_context(told)
}

/// The body of an answer that says well; the worker sends its length and no chunks.
fn body_of(answer: &str) -> Result<&str> {
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no HTTP: {answer:?}"))?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("status {status}: {body}");
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_refusal_is_told() {
        let answer = body_of("HTTP/1.1 202 Accepted\r\ncontent-length: 7\r\n\r\n{\"a\":1}").expect("well");
        assert_eq!(answer, "{\"a\":1}");
        let error = body_of("HTTP/1.1 401 Unauthorized\r\n\r\nno token").expect_err("refused").to_string();
        assert_eq!(error, "status 401: no token");
    }
}
