//! What is enforced: a [`Policy`], compiled once from a [`Config`] and never changed.
//!
//! Everything a configuration can get wrong is found here, with the place it stands and the names
//! that would have been right. A policy that exists can be enforced without a further check.

mod compile;
mod condition;
mod display;
mod dpop;
mod endpoint;
mod freshness;
mod invalid;
mod issuer;
mod keys;
mod resource;
mod route;
mod rule;
mod shadow;
mod streams;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::authn::{AlgorithmSet, ClaimPath, Demands, PlaceSet, Places};
use crate::authz::{BreakerLimits, Mapping};
use crate::config::{Config, FailureMode, RoleSource, Token, document};
use crate::reply::Challenge;
use crate::request::Reads;
use crate::time::Timestamp;
use crate::upstream::OwnHeaders;
use crate::upstream::signed::SignedIdentity;

pub use condition::{Condition, Facts, Held, NeedAnswer, Network, Schedule, TextTest, Truth};
pub use dpop::ProofPolicy;
pub use endpoint::{Endpoint, split_url};
pub use freshness::Feed;
pub use invalid::{InvalidKind, InvalidPolicy};
pub use issuer::Issuer;
pub use keys::{Discovery, KeyLocation, KeySource};
pub use resource::Metadata;
pub use route::{Entry, HostPattern, InvalidTemplate, Matched, RouteTable, Template};
pub use rule::{Allowed, Answer, Effect, Evaluation, Opening, Rule, Verdict, evaluate, opening};
pub use shadow::Shadow;
pub use streams::StreamPolicy;

/// Index of a provider in its policy.
pub type ProviderId = usize;

/// Index of an authorization service in its policy.
pub type ServiceId = usize;

/// Everything the filter enforces.
#[derive(Debug)]
pub struct Policy {
    /// Issuers of tokens.
    pub providers: Vec<Provider>,
    /// Where a request's token may be.
    pub places: Rc<Places>,
    /// Headers that a request has to be read for: those of the places, then those that anything
    /// else looks at.
    pub reads: Reads,
    /// Decision points.
    pub services: Vec<Service>,
    /// Headers set from a permit.
    pub headers: Vec<Header>,
    /// Whether one of them needs roles of the decision point.
    pub headers_need_roles: bool,
    /// How identities are stated to services, if they are.
    pub signed_identity: Option<SignedIdentity>,
    /// Headers stripped from every request.
    pub own_headers: OwnHeaders,
    /// Routes.
    pub routes: RouteTable<Rc<Route>>,
    /// Status for requests that match no route.
    pub unmatched: u16,
    /// Key of the hashes that stand for subjects in access logs, if any do.
    pub log_key: Option<Secret>,
    /// Where revocations and epochs are heard of.
    pub freshness: Option<Feed>,
    /// How proofs of possession are checked, if they are.
    pub proofs: Option<ProofPolicy>,
    /// What clients are told about where to get tokens.
    pub metadata: Option<Metadata>,
}

/// An issuer of tokens.
#[derive(Debug)]
pub struct Provider {
    /// Name for logs and metrics.
    pub name: Box<str>,
    /// The `iss` of its tokens.
    pub issuer: Issuer,
    /// Acceptable `aud`; `None` accepts any.
    pub audiences: Option<Vec<Box<str>>>,
    /// Signature algorithms that are accepted.
    pub algorithms: AlgorithmSet,
    /// Where its keys come from.
    pub keys: KeySource,
    /// Tolerated clock difference.
    pub clock_skew: Duration,
    /// What its tokens have to say beside that.
    pub demands: Demands,
    /// Where its tokens may be.
    pub places: PlaceSet,
    /// Origins whose pages may use a token in a cookie with any method.
    pub allowed_origins: Vec<Box<str>>,
    /// Whether the token stays in the request.
    pub forward: bool,
    /// Claim that says who the caller is, if that is not `sub`.
    pub subject_claim: Option<ClaimPath>,
    /// Claim with the caller's roles.
    pub roles_claim: Option<ClaimPath>,
}

/// A decision point.
#[derive(Debug)]
pub struct Service {
    /// Name for logs and metrics.
    pub name: Box<str>,
    /// Whether its answers are only tried.
    pub shadow: Option<Shadow>,
    /// Evaluation endpoint.
    pub endpoint: Endpoint,
    /// `authorization` for the call.
    pub credential: Option<Secret>,
    /// What it is asked.
    pub mapping: Mapping,
    /// Whether requests with one token, route and method may ask it different questions.
    pub question_varies: bool,
    /// Members of `context.headers` that go upstream.
    pub response_headers: Vec<Rc<str>>,
    /// Limits of what is kept of its answers.
    pub cache: CacheLimits,
    /// When it is asked no longer.
    pub breaker: BreakerLimits,
}

/// Limits of a decision cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Most entries.
    pub max_entries: usize,
    /// Most bytes that they take, questions included.
    pub max_bytes: usize,
    /// Lifetime of an answer that does not say.
    pub default_ttl: Duration,
    /// Longest lifetime.
    pub max_ttl: Duration,
    /// Lifetime of a denial that does not say.
    pub deny_default: Duration,
    /// Longest lifetime of a denial.
    pub deny_ttl: Duration,
    /// How long after that an answer may serve while a newer one is asked for.
    pub stale_while_revalidate: Duration,
    /// How long after that it may stand in for one that cannot be had.
    pub max_stale: Duration,
}

/// A header set from a permit.
#[derive(Debug)]
pub struct Header {
    /// Lower-case name.
    pub name: Rc<str>,
    /// Where the value comes from.
    pub source: HeaderSource,
    /// Value for a request without a token.
    pub anonymous: Option<Rc<str>>,
}

impl Header {
    /// The value when there is no token.
    pub fn of_nobody(&self) -> Option<Rc<str>> {
        match &self.source {
            HeaderSource::Secret(secret) => Some(secret.share()),
            HeaderSource::Claim(_) | HeaderSource::Flag(_) | HeaderSource::Roles(_) => {
                self.anonymous.clone()
            }
        }
    }
}

/// Where a header's value comes from.
#[derive(Debug)]
pub enum HeaderSource {
    /// A claim.
    Claim(ClaimPath),
    /// A claim that counts only as a JSON boolean.
    Flag(ClaimPath),
    /// The caller's roles.
    Roles(RoleSource),
    /// What services know the gateway by, whoever calls.
    Secret(Secret),
}

/// What applies to the requests of one route.
#[derive(Debug)]
pub struct Route {
    /// Name for logs and metrics.
    pub name: Box<str>,
    /// Which paths it is for; as written, the resource id for the decision point.
    pub template: Template,
    /// Whether a token is needed.
    pub token: Token,
    /// Whether it has to be bound to its sender.
    pub bound: bool,
    /// Rules in order.
    pub rules: Vec<Rule>,
    /// Whether one of them looks at the client's address.
    pub reads_address: bool,
    /// Whether they are only tried.
    pub shadow: Option<Shadow>,
    /// Whom a signed statement of the caller's identity is for, if one is sent.
    pub identity_audience: Option<Box<str>>,
    /// Whether the access log is told of every request.
    pub access_log: bool,
    /// Scopes that a challenge names: those of the first allowing rule that wants any.
    pub scope: Option<Rc<str>>,
    /// Decision point, when there is one.
    pub service: Option<ServiceId>,
    /// How long its streams may outlive their tokens; `None`: as long as they like.
    pub streams: Option<StreamPolicy>,
    /// What a missing answer means.
    pub failure_mode: FailureMode,
    /// Whether a missing answer is no obstacle where only a header needed it.
    pub roles_may_be_absent: bool,
}

/// A value that no log may show.
#[derive(Clone)]
pub struct Secret(Rc<str>);

impl Secret {
    /// The value, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The same, for a header that is kept.
    pub fn share(&self) -> Rc<str> {
        Rc::clone(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Policy {
    /// Parses and compiles a configuration as the host hands it over: JSON, or the bytes of a
    /// `google.protobuf.Struct`. `env` looks up environment variables.
    pub fn from_document(
        bytes: &[u8],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidPolicy> {
        let nothing = || {
            let what = "a configuration: `version`, `routes` and what they name";
            InvalidPolicy::new("configuration", InvalidKind::Needs(what))
        };
        if bytes.is_empty() {
            return Err(nothing());
        }
        let document = document::read(bytes).map_err(|error| InvalidPolicy::document(&error))?;
        if !document.is_object() {
            return Err(nothing());
        }
        let config = Config::read(&document)?;
        Self::compile(&config, env)
    }

    /// What every challenge says.
    pub fn challenge(&self, now: Timestamp) -> Challenge<'_> {
        let resource_metadata = self.metadata.as_ref().map(|metadata| &*metadata.url);
        Challenge { resource_metadata, proofs: self.proofs.as_ref(), now }
    }

    /// What is only tried: of decision points, routes and rules.
    pub fn shadows(&self) -> impl Iterator<Item = Shadow> {
        let rules = self.routes.iter().flat_map(|route| &route.rules);
        let of_rules = rules.filter_map(|rule| rule.shadow);
        let of_routes = self.routes.iter().filter_map(|route| route.shadow);
        let of_services = self.services.iter().filter_map(|service| service.shadow);
        of_services.chain(of_routes).chain(of_rules)
    }

    /// Compiles a configuration. `env` looks up environment variables.
    pub fn compile(
        config: &Config,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidPolicy> {
        compile::policy(config, env)
    }
}
