//! A server's address that loses answers, gives its own, and remembers what went through.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of an insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done, and its answer is thrown away.
    AnswerLost,
    /// The connection breaks before the server has all of it.
    CutShort,
    /// This is answered in the server's place: status, `ClickHouse`'s number, text.
    Answered(u16, Option<u32>, &'static str),
}

#[derive(Default)]
struct Shared {
    /// Of the inserts to come, the next one first.
    fates: Vec<Fate>,
    /// The first line of every request.
    requests: Vec<String>,
}

/// Stands before a server.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Proxy {
    pub(super) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (server, of_thread) = (server.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, shared) = (server.clone(), Arc::clone(&of_thread));
                thread::spawn(move || serve(client, &server, &shared));
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the next inserts meet.
    pub(super) fn fates(&self, fates: &[Fate]) {
        let mut fates = fates.to_vec();
        fates.reverse();
        self.shared.lock().unwrap().fates = fates;
    }

    /// What was asked since the last time, shortened: `INSERT token query-id` or the statement's first word.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().requests)
    }
}

/// One request after the other; each goes to the server on a connection of its own.
fn serve(mut client: TcpStream, server: &str, shared: &Mutex<Shared>) {
    while let Some((head, body)) = message(&mut client) {
        let line = head.lines().next().unwrap_or_default().to_owned();
        let is_insert = line.contains("query=INSERT");
        let fate = {
            let mut shared = shared.lock().unwrap();
            let text = String::from_utf8_lossy(&body).into_owned();
            shared.requests.push(if is_insert { line } else { text });
            if is_insert { shared.fates.pop() } else { None }
        };
        if let Some(Fate::Answered(status, code, text)) = fate {
            let code = code.map(|code| format!("X-ClickHouse-Exception-Code: {code}\r\n")).unwrap_or_default();
            let length = text.len();
            write!(client, "HTTP/1.1 {status} x\r\n{code}Content-Length: {length}\r\n\r\n{text}").unwrap();
            continue;
        }
        let mut upstream = TcpStream::connect(server).unwrap();
        upstream.write_all(head.as_bytes()).unwrap();
        if fate == Some(Fate::CutShort) {
            upstream.write_all(&body[..body.len() / 2]).unwrap();
            upstream.shutdown(Shutdown::Both).unwrap();
            return;
        }
        upstream.write_all(&body).unwrap();
        let Some((head, body)) = message(&mut upstream) else { return };
        if fate == Some(Fate::AnswerLost) || client.write_all(&[head.as_bytes(), &body].concat()).is_err() {
            return;
        }
    }
}

/// What a request says, for whoever answers it by hand; `None` when no more comes.
pub(super) fn request(stream: &mut TcpStream) -> Option<String> {
    message(stream).map(|(_, body)| String::from_utf8_lossy(&body).into_owned())
}

fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A request's or an answer's head, and its body as it came.
fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let head = head(stream)?;
    let mut body = Vec::new();
    if field(&head, "transfer-encoding").is_some() {
        loop {
            let mut size = Vec::new();
            let mut byte = [0];
            while !size.ends_with(b"\r\n") {
                stream.read_exact(&mut byte).ok()?;
                size.push(byte[0]);
            }
            let bytes = usize::from_str_radix(std::str::from_utf8(&size).ok()?.trim(), 16).ok()?;
            let mut chunk = vec![0; bytes + 2];
            stream.read_exact(&mut chunk).ok()?;
            body.extend_from_slice(&size);
            body.extend_from_slice(&chunk);
            if bytes == 0 {
                break;
            }
        }
    } else if let Some(length) = field(&head, "content-length") {
        body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).ok()?;
    }
    Some((head, body))
}
