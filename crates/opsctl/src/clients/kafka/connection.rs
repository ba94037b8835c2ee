//! One connection to one broker: requests go out with the newest version that both sides know, answers come back.
//!
//! Kafka's protocol: <https://kafka.apache.org/protocol.html>.

use std::collections::HashMap;
use std::time::Duration;

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, StrBytes, VersionRange};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A broker on this host takes a connection at once.
const TO_CONNECT: Duration = Duration::from_secs(2);
/// A controller on a busy machine took more than 15 s to move 25 partitions.
const TO_ANSWER: Duration = Duration::from_mins(1);
/// Metadata of thousands of topics has a few megabytes; what says it is longer is not Kafka.
const LONGEST_ANSWER_BYTES: usize = 64 << 20;

/// A message that asks.
pub(super) trait Asks: Encodable + HeaderVersion + Message {
    /// Its number in the protocol.
    const KEY: ApiKey;
    /// What comes back.
    type Answer: Decodable + HeaderVersion;
}

/// A connection to one broker.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    /// What the broker understands, by the message's number.
    versions: HashMap<i16, VersionRange>,
    asked: i32,
}

impl Connection {
    /// Connects, and asks what the broker understands. What is wrong comes in words.
    pub(super) async fn open(address: &str) -> Result<Self, String> {
        let connected = timeout(TO_CONNECT, TcpStream::connect(address)).await;
        let stream = connected
            .map_err(|_| format!("{address} takes no connection within {} s", TO_CONNECT.as_secs()))?
            .map_err(|error| format!("{address}: {error}"))?;
        let mut connection = Self { stream, address: address.to_owned(), versions: HashMap::new(), asked: 0 };
        // Version 0 is the one that every broker answers.
        let answer: ApiVersionsResponse =
            connection.ask_as(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default()).await?;
        let known = answer.api_keys.iter();
        connection.versions =
            known.map(|api| (api.api_key, VersionRange { min: api.min_version, max: api.max_version })).collect();
        Ok(connection)
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask<Q: Asks>(&mut self, request: &Q) -> Result<Q::Answer, String> {
        let ours = Q::VERSIONS;
        let both = self.versions.get(&(Q::KEY as i16)).map(|theirs| ours.intersect(theirs));
        match both.filter(|both| !both.is_empty()) {
            Some(both) => self.ask_as(Q::KEY, both.max, request).await,
            None => Err(format!("{} does not know {:?} as this opsctl does ({ours})", self.address, Q::KEY)),
        }
    }

    async fn ask_as<Q: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
        &mut self,
        key: ApiKey,
        version: i16,
        request: &Q,
    ) -> Result<A, String> {
        self.asked += 1;
        let frame =
            frame(key, version, self.asked, request).map_err(|error| format!("{key:?} cannot be written: {error}"))?;
        let answer = timeout(TO_ANSWER, self.exchange(&frame))
            .await
            .map_err(|_| format!("{} does not answer {key:?} within {} s", self.address, TO_ANSWER.as_secs()))?
            .map_err(|error| format!("{}, asked for {key:?}: {error}", self.address))?;
        read(&answer, version, self.asked)
            .map_err(|error| format!("{} answered {key:?} with something else: {error}", self.address))
    }

    async fn exchange(&mut self, frame: &[u8]) -> std::io::Result<Vec<u8>> {
        self.stream.write_all(frame).await?;
        let length = self.stream.read_i32().await?;
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_ANSWER_BYTES);
        let length = length.ok_or_else(|| std::io::Error::other("an answer of impossible length: no Kafka broker?"))?;
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// Length, header, request.
fn frame<Q: Encodable + HeaderVersion>(
    key: ApiKey,
    version: i16,
    number: i32,
    request: &Q,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(number)
        .with_client_id(Some(StrBytes::from_static_str("opsctl")));
    let mut frame = vec![0; 4];
    header.encode(&mut frame, Q::header_version(version))?;
    request.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

fn read<A: Decodable + HeaderVersion>(
    mut answer: &[u8],
    version: i16,
    number: i32,
) -> Result<A, Box<dyn std::error::Error + Send + Sync>> {
    let header = ResponseHeader::decode(&mut answer, A::header_version(version))?;
    if header.correlation_id != number {
        return Err(format!("an answer to question {}, not {number}", header.correlation_id).into());
    }
    Ok(A::decode(&mut answer, version)?)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection with these bytes, whatever it is asked.
    async fn broker_that_says(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            let mut asked = [0; 512];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(bytes).await;
        });
        address
    }

    #[test]
    fn a_frame_is_as_the_protocol_has_it() {
        let frame = frame(ApiKey::ApiVersions, 0, 7, &ApiVersionsRequest::default()).expect("written");
        // Length 16; key 18, version 0, number 7, client "opsctl"; ApiVersions 0 has no fields.
        assert_eq!(frame, *b"\0\0\0\x10\0\x12\0\0\0\0\0\x07\0\x06opsctl");
    }

    #[tokio::test]
    async fn what_is_no_broker_is_told_so() {
        let http = broker_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let refused = Connection::open(&http).await.expect_err("no Kafka");
        assert!(refused.contains(&http) && refused.contains("no Kafka broker?"), "{refused}");

        // Length 10, number 9 instead of 1, no error, no versions.
        let other = broker_that_says(b"\0\0\0\x0a\0\0\0\x09\0\0\0\0\0\0").await;
        let refused = Connection::open(&other).await.expect_err("somebody else's answer");
        assert!(refused.contains("question 9, not 1"), "{refused}");
    }

    #[tokio::test]
    async fn a_message_that_the_broker_does_not_know_is_named() {
        let old = broker_that_says(b"\0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0").await;
        let mut connection = Connection::open(&old).await.expect("it answers");
        let refused = connection.ask(&kafka_protocol::messages::MetadataRequest::default()).await.expect_err("unknown");
        assert!(refused.contains("does not know Metadata"), "{refused}");
    }
}
