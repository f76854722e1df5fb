//! Connections: accepted, bounded in number, served as HTTP/1.1 or HTTP/2 with or without TLS,
//! and drained at the end. Knows nothing of what is asked.
//!
//! A connection that does not shake hands or sends no request in time is closed. Beyond
//! [`MAX_CONNECTIONS`] nobody is accepted: the kernel's backlog waits, memory does not grow.

pub mod names;
pub mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::wire::Front;
use tls::Tls;

/// Most connections at once.
pub const MAX_CONNECTIONS: usize = 4_096;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be without a whole request head. Far beyond what gateways leave a
/// pooled connection idle, so that closing one seldom meets a request on its way.
const IDLE: Duration = Duration::from_secs(300);
/// Streams of one HTTP/2 connection at once.
const MAX_STREAMS: u32 = 256;
/// Pause after a failure to accept, most often too many open files.
const BREATHER: Duration = Duration::from_millis(50);
/// How long requests in flight may finish once nobody is accepted any more.
const DRAIN: Duration = Duration::from_millis(1_500);

/// Who is at the other end of a connection. Set by the listener on every request over TLS.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Whether it proved a certificate that our certificate authority signed.
    pub has_certificate: bool,
    /// The certificate's name, if it has exactly one: see [`names`].
    pub name: Option<Arc<str>>,
}

/// Serves `front` on `listener` until `stop` turns true, then waits for requests in flight, at
/// most 1.5 s.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    front: Front,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            // An error means that whoever could stop us is gone.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = Connection { tls: tls.clone(), front: front.clone(), place };
                let watcher = graceful.watcher();
                tokio::spawn(async move { connection.run(stream, watcher).await });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(BREATHER).await;
            }
        }
    }
    drop(listener);
    // Whoever is not done by now is cut off; that is what the limit is for.
    let _ = timeout(DRAIN, graceful.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small and waited for.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

struct Connection {
    tls: Option<Arc<Tls>>,
    front: Front,
    place: OwnedSemaphorePermit,
}

type Watcher = hyper_util::server::graceful::Watcher;

impl Connection {
    async fn run(self, stream: TcpStream, watcher: Watcher) {
        let Some(tls) = &self.tls else {
            return self.serve(stream, None, watcher).await;
        };
        let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.acceptor().accept(stream)).await else {
            tracing::debug!("a TLS handshake failed");
            return;
        };
        let peer = match stream.get_ref().1.peer_certificates() {
            Some([own, ..]) => Peer { has_certificate: true, name: names::name(own) },
            Some([]) | None => Peer::default(),
        };
        self.serve(stream, Some(peer), watcher).await;
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Option<Peer>,
        watcher: Watcher,
    ) {
        let front = self.front;
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            front.clone().answer(request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(error = error.to_string(), "a connection ended early");
        }
        drop(self.place);
    }
}
