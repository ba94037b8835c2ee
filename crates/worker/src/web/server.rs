//! Binds in the caller, so that a port in use is known at once; serves on a thread of its own.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::answers;
use super::connection::{Connections, Limits};
use super::guard::Guard;
use super::live::Live;
use super::native::status::status;
use super::otlp;
use super::site::Site;
use super::view::View;
use crate::config::{OtlpSettings, WebSettings};

/// Why nothing is served. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Somebody else listens there.
    #[error(
        "web: {0} is in use by another program: free it, give another with web.listen, or switch the page off with \
         web.enabled=false"
    )]
    InUse(SocketAddr),
    /// The user may not listen there.
    #[error(
        "web: this user may not listen on {0}: give a port from 1024 up with web.listen, or switch the page off with \
         web.enabled=false"
    )]
    Denied(SocketAddr),
    /// The machine has no such address.
    #[error(
        "web: {0} is no address of this machine: give one with web.listen (127.0.0.1: this machine only; 0.0.0.0: from \
         everywhere), or switch the page off with web.enabled=false"
    )]
    NotHere(SocketAddr),
    /// An address that others reach, and no token.
    #[error("web: {0} can be reached from other machines and there is no token: set web.token_file")]
    NoToken(SocketAddr),
    /// Anything else, in the system's words.
    #[error("web: cannot serve on {address}: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl WebError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::AddrInUse => Self::InUse(address),
            ErrorKind::PermissionDenied => Self::Denied(address),
            ErrorKind::AddrNotAvailable => Self::NotHere(address),
            _ => Self::Other { address, source },
        }
    }
}

/// The page, the API and the metrics, served until this is dropped. Dropping ends open connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// The address served on; its port is a real one, also where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed by its own thread; it is no reason to end another.
            let _ended = thread.join();
        }
    }
}

/// Starts serving `view` on `settings.listen`; whether to (`settings.enabled`) is the caller's to ask.
pub fn start(settings: &WebSettings, view: Arc<dyn View>) -> Result<Server, WebError> {
    start_within(settings, view, Limits::default())
}

pub(super) fn start_within(settings: &WebSettings, view: Arc<dyn View>, limits: Limits) -> Result<Server, WebError> {
    let listen = settings.listen;
    let site = Arc::new(Site { view, guard: guard(settings)?, live: Live::new() });
    serve(listen, site, limits, settings.otlp.clone()).map_err(|error| WebError::new(listen, error))
}

/// The configuration refuses an open address without a token; so does this, for settings made otherwise.
fn guard(settings: &WebSettings) -> Result<Guard, WebError> {
    match &settings.token {
        token if settings.listen.ip().is_loopback() => Ok(Guard::Loopback(settings.listen.ip(), token.clone())),
        Some(token) => Ok(Guard::Token(token.clone())),
        None => Err(WebError::NoToken(settings.listen)),
    }
}

fn serve(listen: SocketAddr, site: Arc<Site>, limits: Limits, otlp: Option<OtlpSettings>) -> io::Result<Server> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new().name("web".into()).spawn(move || {
        let connections = Connections::new(listener, limits);
        runtime.spawn(watch(Arc::clone(&site)));
        if let Some(settings) = otlp {
            runtime.spawn(otlp::export(Arc::clone(&site), settings));
        }
        runtime.spawn(async move { axum::serve(connections, answers::router(site)).await });
        // An error is the other end's drop: the sign to stop. The runtime goes, and every connection with it.
        let _stop = runtime.block_on(stopped);
    })?;
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
}

/// Takes a sample of the run every second, and tells open pages; whether there are any or not, so that a page that is
/// opened shows what was before.
async fn watch(site: Arc<Site>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        site.live.sample(site.view.as_ref());
        site.live.tell(status(&site).to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A test that runs as root cannot be refused a port, so these come by their kind.
    #[test]
    fn what_the_system_says_becomes_what_to_do() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let line = |kind: ErrorKind| WebError::new(address, kind.into()).to_string();
        assert_eq!(
            line(ErrorKind::PermissionDenied),
            "web: this user may not listen on 127.0.0.1:80: give a port from 1024 up with web.listen, or switch the \
             page off with web.enabled=false"
        );
        assert_eq!(
            line(ErrorKind::AddrInUse),
            "web: 127.0.0.1:80 is in use by another program: free it, give another with web.listen, or switch the \
             page off with web.enabled=false"
        );
        assert_eq!(line(ErrorKind::OutOfMemory), "web: cannot serve on 127.0.0.1:80: out of memory");
    }
}
