//! Start, serve, drain: from a configuration to a listening service and back to nothing.
//!
//! Everything that can be wrong is found before the port is open, so a service that says
//! `listening on` can answer. Redis is the exception: it may come later or never.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cache::{InProcessCache, InvalidRedisUrl, RedisCache, SharedCache};
use crate::config::{Config, TOKEN_VARIABLE, UnguardedListener, credential_for};
use crate::decision_point::DecisionPoint;
use crate::engine::InvalidPolicies;
use crate::entities::{Entities, InvalidEntities};
use crate::policies;
use crate::store::{EntityStore, InvalidDatabase, SqliteStore};
use crate::wire::{InvalidPublicUrl, PublicUrl, Service, router};

/// How long a start waits for Redis.
const FIRST_CONNECTION: Duration = Duration::from_millis(500);
/// How long requests in flight may finish after the signal to stop.
const DRAIN: Duration = Duration::from_millis(1_500);

/// Why the service did not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing tells callers apart.
    #[error(transparent)]
    Unguarded(#[from] UnguardedListener),
    /// The policies cannot be used.
    #[error("--policies: {0}")]
    Policies(#[from] InvalidPolicies),
    /// The entities cannot be used.
    #[error("--entities: {0}")]
    Entities(#[from] InvalidEntities),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] InvalidDatabase),
    /// The Redis URL cannot be used.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// The base URL cannot be one.
    #[error(transparent)]
    PublicUrl(#[from] InvalidPublicUrl),
    /// The address cannot be listened on.
    #[error("--listen {address}: {source}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Serves until `stop` is ready and requests in flight are done, at most 1.5 s later.
pub async fn run(
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let credential = credential_for(config.listen, std::env::var(TOKEN_VARIABLE).ok())?;
    let public_url = config.public_url.as_deref().map(PublicUrl::parse).transpose()?;
    let decision_point = decision_point(&config).await?;
    let unavailable = |source| StartError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;
    let service = Service {
        decision_point,
        credential,
        decision_max_age: config.decision_max_age,
        public_url: public_url
            .map_or_else(|| PublicUrl::parse(&format!("http://{address}")), Ok)?,
    };
    eprintln!("listening on http://{address}");
    serve(listener, service, stop).await.map_err(|source| StartError::Listen { address, source })
}

async fn decision_point(config: &Config) -> Result<DecisionPoint, StartError> {
    let engine = policies::load(&config.policies)?;
    let entities = config.entities.as_deref().map(Entities::load).transpose()?;
    let store = match &config.database {
        Some(url) => SqliteStore::open(url).await?,
        None => SqliteStore::in_memory().await?,
    };
    if let Some(entities) = &entities {
        let seeded = store.seed(entities).await?;
        tracing::info!(seeded, subjects = entities.subjects.len(), "entities");
    }
    let store: Arc<dyn EntityStore> = Arc::new(store);
    let cache: Arc<dyn SharedCache> = match &config.redis {
        Some(url) => Arc::new(redis(url).await?),
        None => Arc::new(InProcessCache::default()),
    };
    Ok(DecisionPoint::new(engine, store, cache))
}

/// Redis gets a moment to be there, so that the first answers are ordinary ones; no more.
async fn redis(url: &str) -> Result<RedisCache, StartError> {
    let cache = RedisCache::connect(url)?;
    if !cache.connected_within(FIRST_CONNECTION).await {
        tracing::warn!("redis is not there yet; starting without it");
    }
    Ok(cache)
}

async fn serve(
    listener: TcpListener,
    service: Service,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, mut stopped) = watch::channel(false);
    let graceful = async move {
        stop.await;
        // Nobody left to tell means that serving has ended already.
        let _ = stopping.send(true);
    };
    let serving = axum::serve(listener, router(service)).with_graceful_shutdown(graceful);
    let overtime = async move {
        let _ = stopped.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        outcome = serving => outcome,
        () = overtime => Ok(()),
    }
}
