//! What every configuration of one run shares: ports, paths, tokens, the decision point.
//!
//! It must never hold a fixed port: another run may be on the same machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output, Port, Process, Ready};

use crate::feed::Feed;
use crate::scenario::Scenario;
use crate::signer::{Algorithm, Signer};
use crate::tokens::Pool;

/// The path that is requested.
pub const PATH: &str = "/api/v1/orders/4711/lines/3";
/// The paths that are requested in turn, with a number from 0 to below [`PATHS`]; one is [`PATH`].
pub const PATHS_FORMAT: &str = "/api/v1/orders/%d/lines/3";
/// How many there are.
pub const PATHS: usize = 10_000;

const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/authz");
/// Longer than any run.
const DECISION_MAX_AGE: &str = "3600";
const START_LIMIT: Duration = Duration::from_secs(30);

/// Where things are.
#[derive(Clone, Debug, clap::Args)]
pub struct Paths {
    /// An Envoy.
    #[arg(long)]
    pub envoy: PathBuf,
    /// The load generator.
    #[arg(long)]
    pub wrk: PathBuf,
    /// The optimised module.
    #[arg(long)]
    pub plugin: PathBuf,
    /// The optimised module with everything in it.
    #[arg(long)]
    pub plugin_full: PathBuf,
    /// The modules that do next to nothing.
    #[arg(long)]
    pub floor: PathBuf,
    /// The decision point.
    #[arg(long)]
    pub authz_service: PathBuf,
    /// For tokens, configurations and logs; the tokens are used again by the next run.
    #[arg(long)]
    pub folder: PathBuf,
}

/// One run's surroundings.
pub struct Site {
    /// What was found before the run.
    pub paths: Paths,
    /// For this run's configurations and logs.
    pub folder: PathBuf,
    /// The admin interface.
    pub admin: Port,
    /// The listener that plays the identity provider.
    pub idp: Port,
    /// authz-service.
    pub decision_point: Port,
    /// Says what is revoked.
    pub feed: Feed,
    /// Signs tokens; its public half is what the identity provider publishes.
    pub signer: Signer,
    /// The token of the scenarios with one caller, and of the checks.
    tokens: HashMap<Algorithm, String>,
    spkis: HashMap<Algorithm, String>,
    pools: HashMap<Algorithm, Pool>,
    listeners: HashMap<&'static str, Port>,
    _service: Process,
    _alone: File,
}

impl Site {
    /// Takes ports, starts the decision point, and makes what tokens `scenarios` need unless the folder
    /// has them.
    pub fn new(paths: &Paths, scenarios: &[Scenario], pool: usize) -> Result<Self> {
        let alone = alone(&paths.folder)?;
        let signer = Signer::new()?;
        let folder = paths.folder.join("run");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let each = |make: &dyn Fn(Algorithm) -> Result<String>, of: &[Algorithm]| {
            of.iter().map(|one| Ok((*one, make(*one)?))).collect::<Result<_>>()
        };
        let decision_point = Port::free()?;
        let listeners = scenarios.iter().map(|scenario| Ok((scenario.name, Port::free()?)));
        Ok(Self {
            tokens: each(&|one| signer.token(one, "one-caller", &["user"]), &Algorithm::ALL)?,
            spkis: each(&|one| signer.spki(one), &[Algorithm::Rs256, Algorithm::Es256])?,
            pools: pools(paths, &signer, scenarios, pool)?,
            listeners: listeners.collect::<Result<_>>()?,
            _service: authz_service(paths, &folder, &decision_point)?,
            admin: Port::free()?,
            idp: Port::free()?,
            paths: paths.clone(),
            folder,
            decision_point,
            feed: Feed::start()?,
            signer,
            _alone: alone,
        })
    }

    /// Where a scenario takes its requests.
    pub fn address(&self, scenario: &str) -> Result<SocketAddr> {
        let port = self.listeners.get(scenario);
        port.map(local).with_context(|| format!("no listener for {scenario}"))
    }

    /// A token of the one caller.
    pub fn token(&self, algorithm: Algorithm) -> &str {
        self.tokens.get(&algorithm).map_or("", String::as_str)
    }

    /// The key of `verify_signature`; empty for an algorithm that it does not know.
    pub fn spki(&self, algorithm: Algorithm) -> &str {
        self.spkis.get(&algorithm).map_or("", String::as_str)
    }

    /// Distinct tokens.
    pub fn pool(&self, algorithm: Algorithm) -> Result<&Pool> {
        self.pools.get(&algorithm).with_context(|| format!("no tokens for {algorithm:?}"))
    }
}

fn pools(
    paths: &Paths,
    signer: &Signer,
    scenarios: &[Scenario],
    count: usize,
) -> Result<HashMap<Algorithm, Pool>> {
    let mut pools = HashMap::new();
    for load in scenarios.iter().map(|scenario| scenario.load) {
        let algorithm = load.algorithm();
        if load.has_many_tokens() && !pools.contains_key(&algorithm) {
            pools.insert(algorithm, Pool::open(&paths.folder, signer, algorithm, count)?);
        }
    }
    Ok(pools)
}

/// Ended when it is dropped.
fn authz_service(paths: &Paths, folder: &Path, port: &Port) -> Result<Process> {
    let address = local(port);
    let log = folder.join("authz-service.log");
    let launch = Launch::new("authz-service", &paths.authz_service, Output::Log(log))
        .args(["--listen", &address.to_string(), "--policies", POLICIES])
        .args(["--entities", &format!("{POLICIES}/entities.json")])
        .args(["--decision-max-age", DECISION_MAX_AGE])
        .env("RUST_LOG", "warn");
    let process = launch.start()?;
    process.wait_ready(&Ready::Http(address, "/health/ready".into()), START_LIMIT)?;
    Ok(process)
}

/// Two runs at the same time would measure each other.
pub fn alone(folder: &Path) -> Result<File> {
    let file = File::create(folder.join("lock"))?;
    ensure!(file.try_lock().is_ok(), "another run is under way in {}", folder.display());
    Ok(file)
}

/// `port` on 127.0.0.1.
pub fn local(port: &Port) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port.number()))
}
