//! A Docker Engine that has nothing but what a test gives it: HTTP on a Unix socket, one answer a connection.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A beginning of a path (without the API's version) and the answer.
type Answers = Vec<(String, String)>;

/// Answers until dropped.
pub(crate) struct Engine {
    socket: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Listens; `more` comes before what every Engine answers.
    pub(crate) fn at(socket: &Path, more: &[(&str, String)]) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket");
        let usual = [
            ("/_ping", "OK"),
            ("/version", r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#),
            ("/containers/json", "[]"),
            ("/volumes", r#"{"Volumes":[],"Warnings":[]}"#),
        ];
        let more = more.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone()));
        let answers: Answers = more.chain(usual.map(|(path, answer)| (path.to_owned(), answer.to_owned()))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                // Whoever has gone meanwhile wants no answer.
                let _gone = stream.and_then(|stream| answer(stream, &answers));
            }
        });
        Self { socket: socket.to_owned(), stop, thread: Some(thread) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the thread, which looks whether it is to stop.
        let _woken = UnixStream::connect(&self.socket);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the Engine did not panic");
        }
        std::fs::remove_file(&self.socket).expect("removed");
    }
}

fn answer(mut stream: UnixStream, answers: &Answers) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    // `/v1.41/containers/json` → `/containers/json`
    let path = match path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
        Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => format!("/{rest}"),
        _ => path.to_owned(),
    };
    // What is asked about one project goes with a filter: this Engine has nothing of any.
    let of_project = path.starts_with("/containers/json") && path.contains("filters=%7B");
    let found = answers.iter().find(|(start, _)| path.starts_with(start.as_str()));
    let (status, body) = match found {
        Some(_) if of_project => ("200 OK", "[]"),
        Some((_, body)) => ("200 OK", body.as_str()),
        None => ("404 Not Found", r#"{"message":"No such image"}"#),
    };
    let kind = if body.starts_with(['{', '[']) { "application/json" } else { "text/plain" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
