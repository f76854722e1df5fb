//! The life of a demo server's process: bind, say `listening on …`, serve until SIGTERM or
//! Ctrl-C, let open requests finish for a moment, end.
//!
//! Nothing is announced before everything is bound and the signals are caught, so whoever waits
//! for the line may connect, and stop the process, at once. Never waits for a client longer than
//! two seconds.

use std::{fmt::Display, future::Future, io, net::SocketAddr, process::ExitCode, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// How long requests that are under way at a stop may take.
const DRAIN: Duration = Duration::from_secs(2);

/// One bound address and what answers there.
pub struct Endpoint {
    /// How the line that announces it begins, for example `listening`.
    pub announcement: &'static str,
    /// The bound socket.
    pub listener: TcpListener,
    /// What answers.
    pub router: Router,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Signals cannot be caught, or a bound socket has no address.
    #[error("cannot set up the process: {0}")]
    System(#[from] io::Error),
}

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
/// [`StartError::Bind`].
pub async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Bind { address, source })
}

/// Announces every endpoint on stderr, in order, and serves them until the process is told to
/// stop.
///
/// # Errors
/// [`StartError::System`], before anything was announced.
pub async fn serve(endpoints: Vec<Endpoint>) -> Result<(), StartError> {
    let told_to_stop = stop_signal()?;
    for endpoint in &endpoints {
        let address = endpoint.listener.local_addr()?;
        eprintln!("{} on http://{address}", endpoint.announcement);
    }
    let (stop, stopped) = watch::channel(false);
    let mut servers = JoinSet::new();
    for Endpoint { listener, router, .. } in endpoints {
        let mut stopped = stopped.clone();
        let server = axum::serve(listener.tap_io(|tcp| drop(tcp.set_nodelay(true))), router)
            .with_graceful_shutdown(async move { drop(stopped.wait_for(|stop| *stop).await) });
        servers.spawn(server.into_future());
    }
    told_to_stop.await;
    stop.send_replace(true);
    // Whoever is not done by now is cut off; that is what the limit is for.
    drop(timeout(DRAIN, servers.join_all()).await);
    Ok(())
}

/// Turns a server's end into the process's: one line on stderr and 1 when it could not start.
pub fn exit(program: &str, outcome: Result<(), impl Display>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Catches the signals at once; the future ends at the first of them.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
