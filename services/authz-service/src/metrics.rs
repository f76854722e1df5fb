//! What operators count: requests, decisions, what was shed, whether dependencies answer.
//!
//! Label values come from closed lists (a route's pattern, a status, a reason code): never a
//! subject, a path or anything else that a caller can make up. Names begin with `authz_`.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::directory::Counts;
use crate::policies::Loaded;
use crate::spans;

/// Content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets, in seconds: from a hit in memory to the longest request.
const BUCKETS: [f64; 11] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 1.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    endpoint: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    decision: &'static str,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dependency {
    dependency: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Login {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyVersion {
    version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Statement {
    kind: &'static str,
    outcome: &'static str,
}

/// All counters of one service.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Histogram,
    decisions: Family<Decision, Counter>,
    shed: Counter,
    refused_logins: Family<Login, Counter>,
    dependencies: Family<Dependency, Gauge>,
    policies: Family<PolicyVersion, Gauge>,
    policies_stale: Gauge,
    store_version: Gauge,
    statements: Family<Statement, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("authz"),
            requests: Family::default(),
            durations: Histogram::new(BUCKETS),
            decisions: Family::default(),
            shed: Counter::default(),
            refused_logins: Family::default(),
            dependencies: Family::default(),
            policies: Family::default(),
            policies_stale: Gauge::default(),
            store_version: Gauge::default(),
            statements: Family::default(),
        };
        metrics.register();
        metrics.register_state();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Answered requests", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("decisions", "Decisions by their reason", self.decisions.clone());
        registry.register(
            "shed",
            "Requests refused because too many were under way",
            self.shed.clone(),
        );
        registry.register(
            "admin_refused",
            "Administrative requests refused for who sent them",
            self.refused_logins.clone(),
        );
        let help = "Whether a dependency answered when these metrics were asked for";
        registry.register("dependency_up", help, self.dependencies.clone());
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build", "Version of the service", build);
    }

    fn register_state(&mut self) {
        let registry = &mut self.registry;
        registry.register("policies", "Version of the policies that decide", self.policies.clone());
        let help = "Whether newer policies were offered and cannot be used";
        registry.register("policies_stale", help, self.policies_stale.clone());
        let help = "Version of the store that this process knows of";
        registry.register("store_version", help, self.store_version.clone());
        let help = "Logout tokens and security events by what became of them";
        registry.register("statements", help, self.statements.clone());
    }

    /// Shows what is counted of subjects' look-ups too.
    pub fn with(mut self, counts: &Counts) -> Self {
        let registry = &mut self.registry;
        let help = "Look-ups of subjects in this process";
        registry.register("near_cache_lookups", help, counts.near.family());
        let help = "Look-ups of roles in the cache that replicas share";
        registry.register("shared_cache_lookups", help, counts.shared.family());
        let help = "Messages of changes from other replicas";
        registry.register("invalidations", help, counts.invalidations.family());
        self
    }

    /// Shows what becomes of traces too.
    pub fn with_spans(mut self, counts: &spans::Counts) -> Self {
        self.registry.register("spans", "Spans of traces by what became of them", counts.family());
        self
    }

    /// A request to the route with the pattern `endpoint` was answered.
    pub fn answered(&self, endpoint: &str, status: u16, took: Duration) {
        let request = Request { endpoint: endpoint.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.durations.observe(took.as_secs_f64());
    }

    /// A question was decided, for one of the engine's reasons.
    pub fn decided(&self, decision: bool, reason: &str) {
        let decision = if decision { "true" } else { "false" };
        self.decisions.get_or_create(&Decision { decision, reason: reason.to_owned() }).inc();
    }

    /// A request was refused because too many were under way.
    pub fn shed(&self) {
        self.shed.inc();
    }

    /// An administrative request was refused for who sent it, for one of a closed list of reasons.
    pub fn refused_login(&self, reason: &'static str) {
        self.refused_logins.get_or_create(&Login { reason }).inc();
    }

    /// Whether a dependency answers now.
    pub fn dependency(&self, dependency: &'static str, is_up: bool) {
        self.dependencies.get_or_create(&Dependency { dependency }).set(is_up.into());
    }

    /// Which policies decide now. There is one version at a time.
    pub fn policies(&self, loaded: &Loaded) {
        let version = PolicyVersion { version: loaded.version.to_string() };
        self.policies.clear();
        self.policies.get_or_create(&version).set(1);
        self.policies_stale.set(loaded.is_stale().into());
    }

    /// Where the store stands.
    pub fn store_version(&self, version: u64) {
        self.store_version.set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// A statement of an identity provider was taken, or refused; both from closed lists.
    pub fn statement(&self, kind: &'static str, outcome: &'static str) {
        self.statements.get_or_create(&Statement { kind, outcome }).inc();
    }

    /// All of it in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
