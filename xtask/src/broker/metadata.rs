//! One question in Kafka's own protocol, Metadata version 0: how many brokers take part? One that answers 1 is ready.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail};

const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST_ANSWER: u32 = 1 << 20;

// Length 19; api key 3, version 0; correlation id 1; client id "xtask"; no topic named.
const QUESTION: [u8; 23] = [0, 0, 0, 19, 0, 3, 0, 0, 0, 0, 0, 1, 0, 5, b'x', b't', b'a', b's', b'k', 0, 0, 0, 0];

/// How many live brokers the one at this address knows.
pub(crate) fn live_brokers(address: SocketAddr) -> Result<u32> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&QUESTION)?;
    let length = read_u32(&mut stream)?;
    let correlation = read_u32(&mut stream)?;
    if correlation != 1 || !(12..=LARGEST_ANSWER).contains(&length) {
        bail!("{address} does not speak Kafka's protocol");
    }
    read_u32(&mut stream)
}

fn read_u32(stream: &mut TcpStream) -> Result<u32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answered_with(answer: &'static [u8]) -> Result<u32> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut question = [0; QUESTION.len()];
                stream.read_exact(&mut question).expect("the question");
                stream.write_all(answer).expect("answered");
            });
            live_brokers(address)
        })
    }

    #[test]
    fn the_answer_counts_brokers() {
        assert_eq!(answered_with(&[0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).expect("starting"), 0);
        assert_eq!(answered_with(&[0, 0, 0, 99, 0, 0, 0, 1, 0, 0, 0, 3]).expect("three"), 3);
    }

    #[test]
    fn other_answers_are_errors() {
        assert!(answered_with(b"HTTP/1.1 400 Bad Request\r\n").is_err());
        assert!(answered_with(b"").is_err());
    }

    #[test]
    fn the_question_tells_its_own_length() {
        assert_eq!(QUESTION.len() - 4, usize::from(QUESTION[3]));
    }
}
