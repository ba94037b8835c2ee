//! Connections that come, stay, do not end, are too many or too long; and the end of the server.

use super::*;

#[test]
fn an_open_connection_does_not_hold_up_the_end() {
    let clock = SystemClock;
    let server = started(LOOPBACK, None);
    let address = server.address();
    let mut idle = connect(&server);
    let mut half = connect(&server);
    half.write_all(b"GET /overview HT").unwrap();
    let mut kept = connect(&server);
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    kept.read_exact(&mut [0; 15]).unwrap();
    let before_ms = clock.boot_ms();
    drop(server);
    assert!(clock.boot_ms() - before_ms < 1_000);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    for stream in [&mut idle, &mut half, &mut kept] {
        // An end or a reset: the other side is gone either way.
        let mut rest = Vec::new();
        let _reset = stream.read_to_end(&mut rest);
    }
    drop(TcpListener::bind(address).unwrap());
}

#[test]
fn an_address_can_be_served_on_again_at_once() {
    let server = started(LOOPBACK, None);
    let listen = server.address().to_string();
    assert_eq!(get(&server, "/healthz").status, 200);
    drop(server);
    assert_eq!(get(&started(&listen, None), "/healthz").status, 200);
}

fn limited(limits: Limits) -> Server {
    start_within(&settings(LOOPBACK, None), Arc::new(Still::default()), limits).unwrap()
}

/// Whether the server ended the connection; not, if nothing happened for ten seconds.
fn is_ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

// I7: connections have a bound, in number, time and size.
#[test]
fn a_request_that_does_not_come_to_an_end_is_not_waited_for() {
    let patience = Duration::from_millis(300);
    let server = limited(Limits { patience, ..Limits::default() });
    let mut slow = connect(&server);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localh").unwrap();
    let mut silent = connect(&server);
    assert!(is_ended(&mut slow) && is_ended(&mut silent));
}

#[test]
fn answers_renew_a_connections_patience() {
    let patience = Duration::from_millis(600);
    let server = limited(Limits { patience, request_bytes: 100, ..Limits::default() });
    let mut kept = connect(&server);
    for _ in 0..6 {
        kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        kept.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 1024];
        let read = kept.read(&mut rest).unwrap();
        assert!(rest[..read].ends_with(b"\r\n\r\nok"));
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(is_ended(&mut kept));
}

#[test]
fn a_request_without_end_is_cut() {
    let server = started(LOOPBACK, None);
    let mut endless = connect(&server);
    let mut request = b"GET / HTTP/1.1\r\nhost: localhost\r\ncookie: ".to_vec();
    request.resize(60_000, b'x');
    endless.write_all(&request).unwrap();
    // More than the kernel's buffers hold: writing ends only by the server's ending the connection.
    let more = vec![b'x'; 1024 * 1024];
    let cut = (0..64).any(|_| endless.write_all(&more).is_err());
    assert!(cut);
    assert_eq!(get(&server, "/healthz").status, 200);
}

#[test]
fn a_body_is_refused_unread() {
    let answer = send(
        &started(LOOPBACK, None),
        "GET /overview HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\n\r\n",
    );
    assert_eq!(
        (answer.status, &*answer.body),
        (413, r#"{"errors":["the body is too long: GET and HEAD have none here, other requests 16 KiB at most"]}"#)
    );
}

#[test]
fn more_connections_than_places_wait_for_theirs() {
    let server = limited(Limits { connections: 2, patience: Duration::from_millis(300), ..Limits::default() });
    let _held = [connect(&server), connect(&server)];
    assert_eq!(get(&server, "/healthz").status, 200);
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let server = started(LOOPBACK, None);
    for bytes in ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"] {
        assert_eq!(send(&server, bytes).status, 400, "{bytes:?}");
    }
    assert_eq!(get(&server, "/healthz").status, 200);
}
