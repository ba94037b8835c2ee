//! Stands before ClickHouse and loses answers: an insert is done, and whoever sent it is never told.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Between two looks for somebody who connects.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A head is never longer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longer than anybody waits for an answer.
const LIMIT: Duration = Duration::from_mins(1);

/// Accepts until dropped; a connection that is there then goes on until one of its sides ends it.
#[derive(Debug)]
pub(crate) struct LossyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// ClickHouse's port on 127.0.0.1.
    server: u16,
    /// Of so many inserts that were done one answer is lost.
    lose_every: usize,
    done: AtomicUsize,
    stop: AtomicBool,
}

impl LossyProxy {
    /// Listens on this address of the machine, before that port of 127.0.0.1.
    pub(crate) fn start(on: IpAddr, server: u16, lose_every: usize) -> Result<Self> {
        let listening = || format!("a proxy before ClickHouse on {on}");
        let listener = TcpListener::bind((on, 0)).with_context(listening)?;
        let address = listener.local_addr().with_context(listening)?;
        listener.set_nonblocking(true).with_context(listening)?;
        let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { server, lose_every, done, stop });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &of_thread));
        Ok(Self { address, shared })
    }

    /// Where it is asked.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many inserts the server has done so far, the same one each time that it came.
    pub(crate) fn done(&self) -> usize {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// How many of their answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.done() / self.shared.lose_every
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((client, _)) => {
                let shared = Arc::clone(shared);
                // What breaks here is a broken connection to both sides, which is what this is for.
                thread::spawn(move || serve(client, &shared));
            }
            Err(_) => thread::sleep(LOOK_EVERY),
        }
    }
}

/// One request after the other, each on a connection of its own to the server. `None`: the connection is over.
fn serve(mut client: TcpStream, shared: &Shared) -> Option<()> {
    client.set_nonblocking(false).and_then(|()| client.set_read_timeout(Some(LIMIT))).ok()?;
    loop {
        let request = Message::read(&mut client).ok()?;
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server)).ok()?;
        server.set_read_timeout(Some(LIMIT)).ok()?;
        server.write_all(&request.bytes()).ok()?;
        let answer = Message::read(&mut server).ok()?;
        if request.is_insert() && answer.is_well() {
            let done = shared.done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(shared.lose_every) {
                return None;
            }
        }
        client.write_all(&answer.bytes()).ok()?;
    }
}

/// A request or an answer, as it came.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    fn read(stream: &mut impl Read) -> io::Result<Self> {
        let head = read_through(stream, b"\r\n\r\n")?;
        let head = String::from_utf8(head).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        let mut body = Vec::new();
        if field(&head, "transfer-encoding").is_some() {
            while read_chunk(stream, &mut body)? > 0 {}
        } else if let Some(length) = field(&head, "content-length") {
            body = vec![0; number(length, 10)?];
            stream.read_exact(&mut body)?;
        }
        Ok(Self { head, body })
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    /// The statement stands in the address, the rows in the body.
    fn is_insert(&self) -> bool {
        self.head.lines().next().is_some_and(|line| line.contains("query=INSERT"))
    }

    fn is_well(&self) -> bool {
        self.head.split(' ').nth(1) == Some("200")
    }
}

/// Appends a chunk with its size before it; gives that size. The last one has none.
fn read_chunk(stream: &mut impl Read, body: &mut Vec<u8>) -> io::Result<usize> {
    let line = read_through(stream, b"\r\n")?;
    let size = number(String::from_utf8_lossy(&line).trim(), 16)?;
    let from = body.len() + line.len();
    body.extend_from_slice(&line);
    body.resize(from + size + 2, 0);
    stream.read_exact(&mut body[from..])?;
    Ok(size)
}

/// Byte by byte: what follows is somebody else's.
fn read_through(stream: &mut impl Read, end: &[u8]) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end) {
        if read.len() == HEAD_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(read)
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn number(text: &str, radix: u32) -> io::Result<usize> {
    usize::from_str_radix(text, radix).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// Answers every request; gives its port, and hands on what it was asked.
    fn server() -> (u16, std::sync::mpsc::Receiver<Message>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, asked) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let request = Message::read(&mut client).expect("a request");
                sender.send(request).expect("somebody listens");
                client.write_all(ANSWER.as_bytes()).expect("the proxy reads");
            }
        });
        (port, asked)
    }

    #[test]
    fn every_third_insert_is_done_and_its_answer_lost() {
        let (port, asked) = server();
        let proxy = LossyProxy::start(Ipv4Addr::LOCALHOST.into(), port, 3).expect("a proxy");
        let connect = || TcpStream::connect(proxy.address).expect("it listens");
        let insert =
            "POST /?query=INSERT%20INTO%20t HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let select = "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nSELECT 1";
        let mut client = connect();
        let mut answered = Vec::new();
        for request in [insert, select, insert, select, insert, select, insert] {
            client.write_all(request.as_bytes()).expect("the proxy reads");
            let was_asked = asked.recv_timeout(LIMIT).expect("it is done, whatever is said of it");
            assert_eq!(was_asked.bytes(), request.as_bytes(), "as it came");
            let answer = Message::read(&mut client);
            answered.push(answer.is_ok());
            match answer {
                Ok(answer) => assert_eq!(answer.bytes(), ANSWER.as_bytes()),
                Err(_) => client = connect(),
            }
        }
        assert_eq!(answered, [true, true, true, true, false, true, true]);
        assert_eq!((proxy.done(), proxy.lost()), (4, 1));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in
            ["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "A\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "A"]
        {
            assert!(Message::read(&mut text.as_bytes()).is_err(), "{text}");
        }
    }
}
