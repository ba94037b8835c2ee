//! Connections with bounds (I7): how many there are, how long a request may take to come, how large it may be. So a
//! client that sends a byte a minute, or never ends its headers, holds nothing for long.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at one time; more wait in the kernel's queue.
    pub(super) connections: usize,
    /// How long a request may take to come, and its answer to be taken. An idle connection ends after it, too.
    pub(super) patience: Duration,
    /// Bytes of a request. Browsers send a host's cookies to all of its ports, so there can be many.
    pub(super) request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, patience: Duration::from_secs(10), request_bytes: 64 * 1024 }
    }
}

/// Accepts connections within the limits.
pub(super) struct Connections {
    listener: TcpListener,
    places: Arc<Semaphore>,
    limits: Limits,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(limits.connections)), limits }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // `None` were a closed semaphore; nobody closes it.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are short; without it they might wait for the client's acknowledgement. Only speed is lost.
        let _slower = stream.set_nodelay(true);
        let deadline = Box::pin(tokio::time::sleep(self.limits.patience));
        (Connection { stream, deadline, read_bytes: 0, limits: self.limits, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection. Writing an answer renews its limits, reading does not.
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    read_bytes: usize,
    limits: Limits,
    _place: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }

    fn written(&mut self, context: &mut Context<'_>, write: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = write {
            self.read_bytes = 0;
            self.deadline.set(tokio::time::sleep(self.limits.patience));
            // A deadline that was never asked wakes nobody, and a connection that waits for its next request asks no more.
            self.in_time(context)?;
        }
        write
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.in_time(context)?;
        if this.read_bytes > this.limits.request_bytes {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        this.read_bytes += into.filled().len() - before;
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.in_time(context)?;
        let write = Pin::new(&mut this.stream).poll_write(context, from);
        this.written(context, write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.in_time(context)?;
        let write = Pin::new(&mut this.stream).poll_write_vectored(context, from);
        this.written(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
