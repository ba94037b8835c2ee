//! A proxy between a worker and its broker. It reads Kafka's frames, knows which call each request and each answer is of, and
//! delays or loses one of them when it is told to. Addresses in the broker's answers are its own, so that nobody goes past it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const HOST: &str = "127.0.0.1";
/// Calls whose answers name brokers.
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
/// No frame of these tests is larger.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// The calls of a transaction, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Produce = 0,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    TxnOffsetCommit = 28,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the broker.
    Request,
    /// From the broker, which has done what was asked.
    Answer,
}

/// What happens on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It comes so much later, and whatever follows on the connection behind it. A request comes also where its sender has
    /// gone meanwhile.
    Late(Duration),
    /// It never comes, and the connection is closed.
    Lost,
}

/// One frame's misfortune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) call: Call,
    pub(super) way: Way,
    pub(super) how: How,
}

/// The proxy; its threads end with the process.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    broker: SocketAddr,
    port: u16,
    /// What is to happen to the next frame that it is for.
    next: Mutex<Option<Fault>>,
}

impl Proxy {
    /// One that stands before the broker at this address.
    pub(super) fn before(broker: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let broker: SocketAddr = broker.parse().unwrap();
        assert_eq!(broker.ip(), Ipv4Addr::LOCALHOST, "as it calls itself in its answers");
        let shared = Arc::new(Shared { broker, port: address.port(), next: Mutex::new(None) });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let shared = Arc::clone(&own);
                thread::spawn(move || join(&client.unwrap(), &shared));
            }
        });
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next frame that this is for has it.
    pub(super) fn hurt(&self, fault: Fault) {
        let before = self.shared.next.lock().unwrap().replace(fault);
        assert_eq!(before, None, "it has not struck yet");
    }

    /// Whether the last one has struck.
    pub(super) fn has_struck(&self) -> bool {
        self.shared.next.lock().unwrap().is_none()
    }
}

impl Shared {
    fn take(&self, call: i16, way: Way) -> Option<How> {
        let mut next = self.next.lock().unwrap();
        next.take_if(|fault| fault.call as i16 == call && fault.way == way).map(|fault| fault.how)
    }
}

/// A connection with both its ways, until one end closes it.
fn join(client: &TcpStream, shared: &Shared) {
    let Ok(broker) = TcpStream::connect(shared.broker) else { return };
    for stream in [client, &broker] {
        stream.set_nodelay(true).unwrap();
    }
    let asked: Mutex<HashMap<i32, i16>> = Mutex::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _closed = answers(&broker, client, &asked, shared);
            let _gone = client.shutdown(Shutdown::Both);
        });
        // A request that is on its way still goes where it was to go, whoever has gone meanwhile.
        let _closed = requests(client, &broker, &asked, shared);
        let _gone = broker.shutdown(Shutdown::Both);
    });
}

fn requests(
    mut client: &TcpStream,
    mut broker: &TcpStream,
    asked: &Mutex<HashMap<i32, i16>>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let frame = frame(&mut client)?;
        let (call, id) = (i16::from_be_bytes(at(&frame, 4)), i32::from_be_bytes(at(&frame, 8)));
        asked.lock().unwrap().insert(id, call);
        match shared.take(call, Way::Request) {
            Some(How::Late(by)) => thread::sleep(by),
            Some(How::Lost) => return client.shutdown(Shutdown::Both),
            None => {}
        }
        broker.write_all(&frame)?;
    }
}

fn answers(
    mut broker: &TcpStream,
    mut client: &TcpStream,
    asked: &Mutex<HashMap<i32, i16>>,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let mut frame = frame(&mut broker)?;
        let call = asked.lock().unwrap().remove(&i32::from_be_bytes(at(&frame, 4)));
        match call.and_then(|call| shared.take(call, Way::Answer)) {
            Some(How::Late(by)) => thread::sleep(by),
            Some(How::Lost) => return client.shutdown(Shutdown::Both),
            None => {}
        }
        if matches!(call, Some(METADATA | FIND_COORDINATOR)) {
            put_in_place(&mut frame, shared.broker.port(), shared.port);
        }
        client.write_all(&frame)?;
    }
}

/// One frame with its length before it.
fn frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let bytes = u32::from_be_bytes(length) as usize;
    assert!((4..FRAME_BYTES_MAX).contains(&bytes), "a frame of {bytes} bytes");
    let mut frame = length.to_vec();
    frame.resize(4 + bytes, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

fn at<const N: usize>(frame: &[u8], place: usize) -> [u8; N] {
    frame[place..place + N].try_into().unwrap()
}

/// A port behind the host's name, in whichever version of an answer: four bytes.
fn put_in_place(frame: &mut [u8], broker: u16, ours: u16) {
    let of = |port: u16| [HOST.as_bytes(), &u32::from(port).to_be_bytes()].concat();
    let (wanted, ours) = (of(broker), of(ours));
    for place in 0..frame.len().saturating_sub(wanted.len() - 1) {
        if frame[place..].starts_with(&wanted) {
            frame[place..place + ours.len()].copy_from_slice(&ours);
        }
    }
}

#[test]
fn every_place_where_an_answer_names_the_broker_becomes_the_proxy_s() {
    let of = |port: u32| [&b"\0\x09127.0.0.1"[..], &port.to_be_bytes()].concat();
    let mut frame = [of(9_092), of(9_093), of(9_092)].concat();
    put_in_place(&mut frame, 9_092, 40_000);
    assert_eq!(frame, [of(40_000), of(9_093), of(40_000)].concat());
}
