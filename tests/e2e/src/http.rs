//! The little HTTP that asking Kafka Connect and the worker takes: one question, one answer, the connection closed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// A status and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 200, 404, …
    pub(crate) status: u16,
    /// As it came.
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON, where the status is one of the good ones.
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        if !(200..300).contains(&self.status) {
            bail!("HTTP {}: {}", self.status, self.body.chars().take(500).collect::<String>());
        }
        if self.body.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {:.200}", self.body))
    }
}

/// Asks 127.0.0.1 on this port. `token` goes along as a bearer token.
pub(crate) fn ask(
    method: &str,
    port: u16,
    path: &str,
    token: Option<&str>,
    body: Option<&serde_json::Value>,
    limit: Duration,
) -> Result<Answer> {
    let asking = || format!("{method} http://127.0.0.1:{port}{path}");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).with_context(asking)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let body = body.map(ToString::to_string).unwrap_or_default();
    // Version 1.0: no chunks, and the server closes the connection after its answer.
    let mut head = vec![
        format!("{method} {path} HTTP/1.0"),
        format!("Host: 127.0.0.1:{port}"),
        "Accept: application/json".to_owned(),
    ];
    head.extend(token.map(|token| format!("Authorization: Bearer {token}")));
    if !body.is_empty() {
        head.push("Content-Type: application/json".to_owned());
        head.push(format!("Content-Length: {}", body.len()));
    }
    let question = format!("{}\r\n\r\n{body}", head.join("\r\n"));
    stream.write_all(question.as_bytes()).with_context(asking)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).with_context(asking)?;
    parse(&String::from_utf8_lossy(&bytes)).with_context(asking)
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let answer = parse("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n{\"a\":1}").expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (404, "{\"a\":1}"));
        assert!(answer.json().expect_err("404").to_string().starts_with("HTTP 404"));
        assert_eq!(parse("HTTP/1.0 200 OK\r\n\r\n{\"a\":1}").expect("an answer").json().expect("JSON")["a"], 1);
        assert!(parse("").is_err());
    }
}
