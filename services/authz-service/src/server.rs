//! Start, serve, drain: from a configuration to a listening service and back to nothing.
//!
//! Everything that can be wrong is found before the port is open, so a service that says
//! `listening on` can answer. Redis is the exception: it may come later or never.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::admin::{self, Admin, Guard, InvalidAdmin};
use crate::cache::{InProcessCache, InvalidRedisUrl, RedisAddress, RedisCache, SharedCache};
use crate::changes::Changes;
use crate::config::{Config, PolicySource, RedisOptions};
use crate::console::{self, Console, InvalidConsole, SignInOptions};
use crate::decision_point::DecisionPoint;
use crate::decisions::Decisions;
use crate::directory::{self, VersionSource};
use crate::engine::InvalidPolicies;
use crate::entities::{Entities, InvalidEntities};
use crate::metrics::Metrics;
use crate::policies::stored::{self, NoStoredPolicies};
use crate::policies::{self, Directory, Policies};
use crate::revoke::Revoker;
use crate::serve::{
    self,
    tls::{InvalidTls, Tls},
};
use crate::spans::Exporter;
use crate::store::{self, AdminStore, EntityStore, InvalidDatabase, SqlStore, StoreError};
use crate::trust::{InvalidIssuer, Issuers};
use crate::wire::{Front, InvalidPublicUrl, PublicUrl, Service, operators, routes};

/// How long a start waits for Redis.
const FIRST_CONNECTION: Duration = Duration::from_millis(500);

/// Why the service did not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The policies cannot be used.
    #[error("--policies: {0}")]
    Policies(#[from] InvalidPolicies),
    /// The store's policies cannot be used.
    #[error(transparent)]
    StoredPolicies(#[from] NoStoredPolicies),
    /// The entities cannot be used.
    #[error("--entities: {0}")]
    Entities(#[from] InvalidEntities),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] InvalidDatabase),
    /// The Redis URL cannot be used.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// An identity provider cannot be trusted as configured.
    #[error(transparent)]
    Issuer(#[from] InvalidIssuer),
    /// Administrators cannot be known as configured.
    #[error(transparent)]
    Admin(#[from] InvalidAdmin),
    /// Nobody could sign in to the console as configured.
    #[error(transparent)]
    Console(#[from] InvalidConsole),
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] InvalidTls),
    /// The address listened on makes no base URL.
    #[error(transparent)]
    PublicUrl(#[from] InvalidPublicUrl),
    /// The address cannot be listened on.
    #[error("{option} {address}: {source}")]
    Listen {
        /// The option that names the address.
        option: &'static str,
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// Serves until `stop` is ready, the shutdown delay is over and requests in flight are done, the
/// last at most 1.5 s later.
pub async fn run(
    config: Config,
    spans: Option<Exporter>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let tls = config.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let admin_tls = config.admin_tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let issuers = Issuers::new(config.issuers.clone())?;
    let (decision_point, store) = decision_point(&config).await?;
    let directory = decision_point.directory().clone();
    let changes = Changes::new(Arc::clone(&store), directory.clone());
    let (listener, address) = bind("--listen", config.listen).await?;
    let own_url = format!("{}://{address}", scheme_of(tls.as_ref()));
    let (drain, draining) = watch::channel(false);
    let known_issuers = issuer_names(&config);
    let access = admin::Access::new(config.admin.clone())?;
    let service = Arc::new(Service {
        decision_point,
        is_open: config.is_open(),
        credentials: config.credentials,
        max_concurrent: config.max_concurrent,
        decision_max_age: config.decision_max_age,
        public_url: config.public_url.map_or_else(|| PublicUrl::parse(&own_url), Ok)?,
        identity_keys: config.identity_keys,
        revoker: Revoker::new(issuers, changes.clone(), config.token_lifetime),
        changes,
        metrics: metrics(&directory, spans.as_ref()),
        decisions: Decisions::new(config.decision_log, config.log_subjects),
        is_traced: spans.is_some(),
        draining,
    });
    let mut listeners = vec![(listener, tls, routes(&service))];
    if let Some(listen) = config.admin_listen {
        let (listener, address) = bind("--admin-listen", listen).await?;
        eprintln!("administration on {}://{address}", scheme_of(admin_tls.as_ref()));
        let admin = Admin {
            service: Arc::clone(&service),
            access,
            is_local: address.ip().is_loopback(),
            policies: config.policies.clone(),
            token_lifetime: config.token_lifetime,
        };
        let router = administration(admin, config.console, address, known_issuers)?;
        listeners.push((listener, admin_tls, router.into()));
    }
    eprintln!("listening on {own_url}");
    let (end, ended) = watch::channel(false);
    let exporting = Exporting::begin(spans);
    let mut serving = serve_all(listeners, &ended);
    follow_policies(&mut serving, &config.policies, &service, Arc::clone(&store), ended);
    let _watching = watch(directory, store);
    stop.await;
    drain.send_replace(true);
    sleep(config.shutdown_delay).await;
    end.send_replace(true);
    serving.join_all().await;
    exporting.end().await;
    Ok(())
}

/// Spans on their way to the collector, if there is one.
struct Exporting {
    end: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Exporting {
    fn begin(spans: Option<Exporter>) -> Self {
        let (end, ended) = watch::channel(false);
        Self { end, task: spans.map(|spans| tokio::spawn(spans.run(ended))) }
    }

    /// Sends what is left, which bounds its own time.
    async fn end(self) {
        self.end.send_replace(true);
        if let Some(task) = self.task {
            let _ = task.await;
        }
    }
}

/// Everything on the operators' port.
fn administration(
    admin: Admin,
    sign_in: Option<SignInOptions>,
    address: SocketAddr,
    known_issuers: Vec<String>,
) -> Result<Router, StartError> {
    let admin = Arc::new(admin);
    let guard = Guard::of(&admin);
    let pages = Console::new(guard.clone(), sign_in, address, known_issuers)?;
    let router = operators(&admin.service).merge(admin::router(&guard));
    Ok(router.merge(console::router(pages)))
}

fn metrics(directory: &directory::Directory, spans: Option<&Exporter>) -> Metrics {
    let metrics = Metrics::default().with(directory.counts());
    match spans {
        Some(spans) => metrics.with_spans(spans.counts()),
        None => metrics,
    }
}

fn scheme_of(tls: Option<&Arc<Tls>>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// Whose tokens can be revoked, as far as the configuration says.
fn issuer_names(config: &Config) -> Vec<String> {
    let issuers = config.issuers.iter().map(|known| known.issuer.clone());
    let admins = config.admin.iter().filter_map(|admin| admin.issuer.clone());
    let mut names: Vec<_> =
        issuers.chain(config.console.iter().map(|it| it.issuer.clone())).chain(admins).collect();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

async fn bind(
    option: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let unavailable = |source| StartError::Listen { option, address, source };
    let listener = TcpListener::bind(address).await.map_err(unavailable)?;
    let address = listener.local_addr().map_err(unavailable)?;
    Ok((listener, address))
}

fn serve_all(
    listeners: Vec<(TcpListener, Option<Arc<Tls>>, Front)>,
    ended: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (listener, tls, front) in listeners {
        if let Some(tls) = tls.clone() {
            tasks.spawn(tls.follow(ended.clone()));
        }
        tasks.spawn(serve::serve(listener, tls, front, ended.clone()));
    }
    tasks
}

/// Has the directory notice changes, until what is returned is dropped.
fn watch(directory: directory::Directory, store: Arc<dyn AdminStore>) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    watching.spawn(directory.watch(Some(Arc::new(StoreVersion(store)))));
    watching
}

/// Has changed policies taken over, wherever they come from.
fn follow_policies(
    tasks: &mut JoinSet<()>,
    source: &PolicySource,
    service: &Service,
    store: Arc<dyn AdminStore>,
    ended: watch::Receiver<bool>,
) {
    let policies = Arc::clone(service.decision_point.policies());
    match source {
        PolicySource::Directory(path) => {
            tasks.spawn(policies::watch(policies, Directory::new(path), ended))
        }
        PolicySource::Store { .. } => tasks.spawn(stored::follow(policies, store, ended)),
    };
}

/// Where the store stands, for whoever has to notice changes.
struct StoreVersion(Arc<dyn AdminStore>);

#[async_trait]
impl VersionSource for StoreVersion {
    async fn version(&self) -> Result<u64, StoreError> {
        self.0.version().await.map(|version| version.0)
    }
}

async fn decision_point(
    config: &Config,
) -> Result<(DecisionPoint, Arc<dyn AdminStore>), StartError> {
    let entities = config.entities.as_deref().map(Entities::load).transpose()?;
    let store = match &config.database {
        Some(url) => store::open(url).await?,
        None => SqlStore::in_memory().await?,
    };
    if let Some(entities) = &entities {
        let seeded = store.seed(entities).await?;
        tracing::info!(seeded, subjects = entities.subjects.len(), "entities");
    }
    let store: Arc<dyn AdminStore> = Arc::new(store);
    let policies = match &config.policies {
        PolicySource::Directory(path) => Policies::load(&Directory::new(path).read()?)?,
        PolicySource::Store { first } => {
            let first = first.as_deref().map(Directory::new);
            stored::load(store.as_ref(), first.as_ref()).await?
        }
    };
    let cache: Arc<dyn SharedCache> = match &config.redis {
        Some(settings) => Arc::new(redis(settings).await?),
        None => Arc::new(InProcessCache::default()),
    };
    let entities: Arc<dyn EntityStore> = Arc::clone(&store) as _;
    Ok((DecisionPoint::new(Arc::new(policies), entities, cache), store))
}

/// Redis gets a moment to be there, so that the first answers are ordinary ones; no more.
async fn redis(options: &RedisOptions) -> Result<RedisCache, StartError> {
    let (authorities, password) = (options.authorities.as_deref(), options.password.clone());
    let (user, asked_for) = (options.sentinel_user.as_deref(), options.sentinel_password.as_ref());
    let address = RedisAddress::parse(&options.url, authorities, password)?
        .with_sentinels_user(user, asked_for)?;
    let cache = RedisCache::connect(address, options.max_age)?;
    if !cache.connected_within(FIRST_CONNECTION).await {
        tracing::warn!("redis is not there yet; starting without it");
    }
    Ok(cache)
}
