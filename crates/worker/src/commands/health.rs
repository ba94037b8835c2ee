//! `worker health`: asks a running worker whether it is well, for the health check of a container that has no shell and
//! no curl. One request, one line, one exit code; it needs nothing of the web room.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::session::SessionError;
use crate::cli::HealthArgs;
use crate::config::WebSettings;
use crate::time::clock::{Clock, SystemClock};

/// An answer is a line; what is longer is not ours.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// Asks the worker that serves on the configured address; its answer goes to `out`.
pub fn execute(arguments: &HealthArgs, web: &WebSettings, out: &mut impl Write) -> Result<(), SessionError> {
    let path = if arguments.live { "/healthz" } else { "/readyz" };
    if !web.enabled {
        return Err(refused("web.enabled=false: a worker under this configuration answers nobody"));
    }
    let address = reachable(web.listen);
    if address.port() == 0 {
        return Err(refused(format!("web.listen={address}: port 0 is another one at each start; give it a number")));
    }
    let answer =
        ask(address, path, arguments.timeout).map_err(|why| refused(format!("http://{address}{path}: {why}")))?;
    // Whoever closed stdout does not want to know; the exit code tells.
    let _closed = writeln!(out, "{answer}");
    Ok(())
}

fn refused(why: impl Into<String>) -> SessionError {
    SessionError::Health(why.into())
}

/// Who listens everywhere is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The first line of a good answer; what is wrong, otherwise. `timeout` is for all of it together.
fn ask(address: SocketAddr, path: &str, timeout: Duration) -> Result<String, String> {
    let clock = SystemClock;
    let deadline_ms = clock.boot_ms().saturating_add(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
    let late = || format!("no answer within {timeout:?}");
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::ConnectionRefused => {
            "nothing listens there: no worker runs, or its web.listen is another".to_owned()
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => late(),
        _ => error.to_string(),
    };
    let mut stream = TcpStream::connect_timeout(&address, timeout).map_err(failed)?;
    stream.set_write_timeout(Some(timeout)).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while answer.len() < MAX_ANSWER_BYTES {
        let left_ms = deadline_ms.saturating_sub(clock.boot_ms());
        let left = u64::try_from(left_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis).ok_or_else(late)?;
        stream.set_read_timeout(Some(left)).map_err(failed)?;
        match stream.read(&mut piece).map_err(failed)? {
            0 => break,
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    judge(&String::from_utf8_lossy(&answer))
}

/// Reads `HTTP/1.1 200 OK`, headers, an empty line, the body.
fn judge(answer: &str) -> Result<String, String> {
    let foreign = || "what listens there does not speak HTTP".to_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(foreign)?;
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    if !words.next().unwrap_or_default().starts_with("HTTP/1.") {
        return Err(foreign());
    }
    let status = words.next().ok_or_else(foreign)?;
    let first = body.lines().next().unwrap_or_default().trim();
    match status {
        "200" => Ok(first.to_owned()),
        _ if first.is_empty() => Err(format!("status {status}")),
        _ => Err(format!("status {status}: {first}")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Something that listens, and writes `answer` to whoever asks; then it holds the connection for as long as the
    /// test takes, unless `closes`.
    fn listener(answer: &'static str, closes: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"));
            stream.write_all(answer.as_bytes()).unwrap();
            if !closes {
                std::thread::sleep(Duration::from_mins(1));
            }
        });
        address
    }

    #[test]
    fn an_answer_is_judged_by_its_status() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Ok("ok")),
            ("HTTP/1.0 200 OK\r\n\r\n", Ok("")),
            (
                "HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: no partition",
                Err("status 503: not ready: no partition"),
            ),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Err("status 404")),
            ("HTTP/1.1 200 OK\r\n", Err("what listens there does not speak HTTP")),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", Err("what listens there does not speak HTTP")),
            ("", Err("what listens there does not speak HTTP")),
        ] {
            let told = ask(listener(answer, true), "/readyz", Duration::from_secs(20));
            assert_eq!(told, expected.map(str::to_owned).map_err(str::to_owned), "{answer:?}");
        }
    }

    #[test]
    fn who_does_not_answer_in_time_is_not_well() {
        for answer in ["", "HTTP/1.1 200 OK\r\n"] {
            let told = ask(listener(answer, false), "/readyz", Duration::from_millis(300));
            assert_eq!(told, Err("no answer within 300ms".to_owned()), "{answer:?}");
        }
    }

    #[test]
    fn where_nothing_listens_nobody_is_well() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let told = ask(address, "/readyz", Duration::from_secs(5)).unwrap_err();
        assert_eq!(told, "nothing listens there: no worker runs, or its web.listen is another");
    }

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        for (listen, asked) in [
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("127.0.0.2:80", "127.0.0.2:80"),
            ("10.0.0.7:8081", "10.0.0.7:8081"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
