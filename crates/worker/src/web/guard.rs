//! Who gets an answer: pure decisions about a request's head.
//!
//! On loopback only a page from here may ask: a name of somebody else's that resolves to 127.0.0.1 (DNS rebinding) is
//! refused by its `Host`. On any other address everybody may ask who has the token. What changes anything takes the
//! token everywhere: another user of this machine is not the operator, and a browser sends no token by itself.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::config::Secret;

/// Paths that need no token: a probe has none, and there is nothing to learn from them.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Bytes of a body at most: a few short fields.
pub(super) const BODY_BYTES: usize = 16 * 1024;

/// Who may ask.
pub(super) enum Guard {
    /// This machine only, under one of its own names; whoever has the token, if there is one, may change things.
    Loopback(IpAddr, Option<Secret>),
    /// Whoever has the token.
    Token(Secret),
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `Host` is missing or somebody else's name.
    Host,
    /// The request has a body that it should not have, or too long a one.
    Body,
    /// No token, or another.
    Token,
    /// Nothing can be changed: the worker has no token.
    NoToken,
}

impl Refusal {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Host | Self::NoToken => StatusCode::FORBIDDEN,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }

    /// What to do about it. Never what was asked: an answer repeats nothing.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Host => "this host name is not served here: use localhost, 127.0.0.1 or the address in web.listen",
            Self::Body => "the body is too long: GET and HEAD have none here, other requests 16 KiB at most",
            Self::NoToken => "nothing can be changed here: the worker has no token; set web.token_file",
            Self::Token => "send the token of web.token: \"Authorization: Bearer TOKEN\"",
        }
    }
}

impl Guard {
    /// Judges a request by its head.
    pub(super) fn judge(&self, request: &Parts) -> Result<(), Refusal> {
        let reads = is_read(request);
        match self {
            Self::Loopback(listen, token) => {
                check_host(request, *listen)?;
                match token {
                    _ if reads => {}
                    Some(token) => check_token(&request.headers, token)?,
                    None => return Err(Refusal::NoToken),
                }
            }
            Self::Token(_) if reads && OPEN.contains(&request.uri.path()) => {}
            Self::Token(token) => check_token(&request.headers, token)?,
        }
        Ok(())
    }
}

/// Whether it changes nothing.
pub(super) fn is_read(request: &Parts) -> bool {
    request.method == Method::GET || request.method == Method::HEAD
}

/// Every host that the request names is ours, and it names one. The port may be any: tunnels change it.
fn check_host(request: &Parts, listen: IpAddr) -> Result<(), Refusal> {
    let in_target = request.uri.authority().map(axum::http::uri::Authority::as_str);
    let in_headers = request.headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut hosts = in_target.into_iter().chain(in_headers).peekable();
    if hosts.peek().is_some() && hosts.all(|host| is_ours(host, listen)) { Ok(()) } else { Err(Refusal::Host) }
}

fn is_ours(host: &str, listen: IpAddr) -> bool {
    let (name, rest) = match host.find(']') {
        Some(end) => host.split_at(end + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if !rest.is_empty() && !rest.strip_prefix(':').is_some_and(is_port) {
        return false;
    }
    let own = match listen {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    ["localhost", "127.0.0.1", "[::1]", &own].iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

/// Whether the body may be taken, once it is known that there is such a path: readers have none. One of unknown length is
/// counted while it is read, where there may be one.
pub(super) fn judge_body(request: &Parts) -> Result<(), Refusal> {
    let most = if is_read(request) { 0 } else { BODY_BYTES };
    let headers = &request.headers;
    let length = |value: &HeaderValue| value.to_str().ok()?.parse::<usize>().ok();
    let fits = headers.get_all(CONTENT_LENGTH).iter().all(|value| length(value).is_some_and(|length| length <= most));
    if fits && (most > 0 || !headers.contains_key(TRANSFER_ENCODING)) { Ok(()) } else { Err(Refusal::Body) }
}

fn check_token(headers: &HeaderMap, token: &Secret) -> Result<(), Refusal> {
    let given = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, given) = value.as_bytes().split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then(|| given.trim_ascii())
    });
    match given {
        Some(given) if is_same(given, token.expose().as_bytes()) => Ok(()),
        _ => Err(Refusal::Token),
    }
}

/// Compares in a time that depends on the length only, so that a token cannot be guessed byte by byte.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let differs = given.iter().zip(expected).fold(0, |differs, (a, b)| std::hint::black_box(differs | (a ^ b)));
    given.len() == expected.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn judge(guard: &Guard, method: &str, target: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap().into_parts().0;
        guard.judge(&request).and_then(|()| judge_body(&request))
    }

    #[test]
    fn only_names_of_this_machine_are_served_on_loopback() {
        let guard = Guard::Loopback("127.0.0.2".parse().unwrap(), None);
        for (host, served) in [
            ("localhost", true),
            ("LocalHost:8081", true),
            ("localhost:", true),
            ("127.0.0.1:9000", true),
            ("[::1]:8081", true),
            ("[::1]", true),
            ("127.0.0.2:8081", true),
            ("127.0.0.3:8081", false),
            ("", false),
            (":8081", false),
            ("evil.example", false),
            ("evil.example:8081", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost@evil.example", false),
            ("localhost:80@evil.example", false),
            ("[::1]evil.example", false),
            ("[::1", false),
            ("::1", false),
        ] {
            let expected = if served { Ok(()) } else { Err(Refusal::Host) };
            assert_eq!(judge(&guard, "GET", "/", &[("host", host)]), expected, "{host:?}");
        }
    }

    #[test]
    fn a_request_must_name_a_host_and_only_ours() {
        let guard = Guard::Loopback("::1".parse().unwrap(), None);
        let ours = ("host", "localhost");
        for (target, headers, expected) in [
            ("/", vec![], Err(Refusal::Host)),
            ("/", vec![ours, ("host", "evil.example")], Err(Refusal::Host)),
            ("http://evil.example/", vec![ours], Err(Refusal::Host)),
            ("http://localhost:8081/", vec![ours], Ok(())),
            ("/healthz", vec![("host", "evil.example")], Err(Refusal::Host)),
        ] {
            assert_eq!(judge(&guard, "GET", target, &headers), expected, "{target} {headers:?}");
        }
    }

    #[test]
    fn readers_bring_nothing_and_what_changes_anything_takes_the_token() {
        let address = "127.0.0.1".parse().unwrap();
        let (without, with) = (Guard::Loopback(address, None), Guard::Loopback(address, Secret::new("correct horse")));
        let (ours, token) = (("host", "localhost"), ("authorization", "Bearer correct horse"));
        let wrong = ("authorization", "Bearer wrong");
        for (guard, method, headers, expected) in [
            (&without, "GET", vec![ours], Ok(())),
            (&without, "HEAD", vec![ours], Ok(())),
            (&without, "POST", vec![ours, token], Err(Refusal::NoToken)),
            (&with, "GET", vec![ours], Ok(())),
            (&with, "POST", vec![ours], Err(Refusal::Token)),
            (&with, "PUT", vec![ours, wrong], Err(Refusal::Token)),
            (&with, "DELETE", vec![ours, wrong], Err(Refusal::Token)),
            (&with, "POST", vec![ours, token], Ok(())),
            (&with, "POST", vec![ours, token, ("content-length", "16384")], Ok(())),
            (&with, "POST", vec![ours, token, ("content-length", "16385")], Err(Refusal::Body)),
            (&with, "POST", vec![ours, token, ("content-length", "1e9")], Err(Refusal::Body)),
            (&with, "POST", vec![ours, token, ("transfer-encoding", "chunked")], Ok(())),
            (&with, "GET", vec![ours, ("content-length", "0")], Ok(())),
            (&with, "GET", vec![ours, ("content-length", "1")], Err(Refusal::Body)),
            (&with, "GET", vec![ours, ("transfer-encoding", "chunked")], Err(Refusal::Body)),
            // Who may not ask learns nothing, not even that.
            (&with, "POST", vec![], Err(Refusal::Host)),
        ] {
            assert_eq!(judge(guard, method, "/overview", &headers), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn past_loopback_everything_but_the_probes_needs_the_token() {
        let guard = Guard::Token(Secret::new("correct horse").unwrap());
        for (target, authorization, served) in [
            ("/overview", Some("Bearer correct horse"), true),
            ("/overview", Some("bearer  correct horse "), true),
            ("/overview", None, false),
            ("/overview", Some(""), false),
            ("/overview", Some("Bearer"), false),
            ("/overview", Some("Bearer "), false),
            ("/overview", Some("Bearer correct hors"), false),
            ("/overview", Some("Bearer correct horses"), false),
            ("/overview", Some("Bearer Correct horse"), false),
            ("/overview", Some("Basic correct horse"), false),
            ("/overview", Some("correct horse"), false),
            ("/overview?token=correct%20horse", None, false),
            ("/nowhere", None, false),
            ("/healthz", None, true),
            ("/readyz", None, true),
            ("/healthz/", None, false),
        ] {
            let mut headers = vec![("host", "any.example")];
            headers.extend(authorization.map(|value| ("authorization", value)));
            let expected = if served { Ok(()) } else { Err(Refusal::Token) };
            assert_eq!(judge(&guard, "GET", target, &headers), expected, "{target} {authorization:?}");
        }
    }
}
