//! What people write: the plugin configuration, YAML in `envoy.yaml` or JSON where a tool makes
//! it. Serde shapes only; what they mean together is decided once, in [`crate::policy`].
//!
//! Every type refuses unknown fields, so a misspelt setting is an error and never a silent
//! default. Every field says its default and what happens when what it names fails.

mod authorization;
mod cel;
pub(crate) mod document;
mod dpop;
mod duration;
mod freshness;
mod keys;
mod places;
mod resource;
mod routes;
mod rules;
#[cfg(feature = "schema")]
mod schema;
mod shadow;
mod signed_identity;
mod streams;
mod tracked;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use authorization::{
    ActionMapping, Authorization, BreakerSettings, ClaimSource, DecisionCache, RequestMapping,
    ResourceMapping, ResponseMapping, SubjectMapping, TextOrSource, ValueSource,
};
pub use cel::{Cel, ClaimType};
pub use dpop::Dpop;
pub use duration::Span;
pub use freshness::Freshness;
pub use keys::{Discovery, Jwks, UnknownKeyFetches};
pub use places::TokenPlace;
pub use resource::ProtectedResource;
pub use routes::{FailureMode, Match, RolesOnFailure, Route, Token};
pub use rules::{Condition, Roles, RuleEntry, Texts, TimeOfDay};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use shadow::Mode;
pub use signed_identity::{Bind, Include, SignedIdentity};
pub use streams::Streams;
pub use tracked::Misplaced;

/// The whole plugin configuration.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Format of this document. Only `v1` exists.
    pub version: Version,
    /// Who issues the tokens that are accepted. May be empty when every route has `token: none`.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// Policy decision points that rules and headers may ask. Default: none.
    #[serde(default)]
    pub authorization: Vec<Authorization>,
    /// Where to hear of revoked tokens and old decisions. Default: nowhere; a token is good until
    /// it ends, and a decision for as long as its answer said.
    #[serde(default)]
    pub freshness: Option<Freshness>,
    /// What becomes of long-lived streams when their tokens end. Default: they are ended 30s later.
    /// A route may say otherwise.
    #[serde(default)]
    pub streams: Option<Streams>,
    /// Headers that only the filter may set, by name. They are removed from every request on
    /// every route before any is set. Default: none.
    #[serde(default)]
    pub identity_headers: BTreeMap<String, IdentityHeader>,
    /// A signed statement of who the caller is, for services that believe nobody who merely reaches
    /// them. Default: none.
    #[serde(default)]
    pub signed_identity: Option<SignedIdentity>,
    /// Scheme, host and port under which clients reach this gateway, such as
    /// `https://api.example.com`. What a request says of its host is never believed for this.
    /// Default: none; `protected_resource` and `dpop` need it.
    #[serde(default)]
    pub public_origin: Option<String>,
    /// Tell clients where to get tokens (RFC 9728). Default: nothing is told.
    #[serde(default)]
    pub protected_resource: Option<ProtectedResource>,
    /// Proofs of possession. Default: none are checked, and tokens that need one are refused (401).
    #[serde(default)]
    pub dpop: Option<Dpop>,
    /// Answer to a request that matches no route. Default: 404 with an empty body.
    #[serde(default)]
    pub unmatched: Unmatched,
    /// What access logs are told. Default: as its fields say.
    #[serde(default)]
    pub access_log: AccessLog,
    /// Whether Envoy knows the client's address: true only where the connection manager has
    /// `use_remote_address` and as many trusted hops as there are. Default: false; conditions on
    /// addresses are then configuration errors, because any client could say what it likes.
    #[serde(default)]
    pub trusted_client_address: bool,
    /// Rules that several routes share, by name. Default: none.
    #[serde(default)]
    pub rule_sets: BTreeMap<String, Vec<RuleEntry>>,
    /// Routes in order; the first that matches a request decides it.
    pub routes: Vec<Route>,
}

/// Format of the document.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Version {
    /// The first format.
    #[serde(rename = "v1")]
    V1,
}

/// An issuer of tokens and how its tokens are checked.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Name for rules, logs and metrics. Unique.
    pub name: String,
    /// The `iss` a token must carry, compared as it stands. With `tenants` it has `{tenant}` once,
    /// which stands for each of them: `https://login.example/{tenant}/v2.0`.
    pub issuer: String,
    /// The tenants whose tokens are accepted, at most 10000. Default: none; `issuer` is then a whole
    /// text. All tenants share the provider's keys. A decision point has to be sent `iss`, because
    /// two tenants may use one subject for different people.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// A token must be for at least one of these (`aud`). Required, unless `any_audience`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Accept tokens for any audience. Default: false. A token meant for somebody else is then
    /// good here too; say it only where the issuer serves nobody else.
    #[serde(default)]
    pub any_audience: bool,
    /// The issuer's keys, from a URL or written here. Exactly one of `jwks`, `discovery` and
    /// `secret_env`.
    #[serde(default)]
    pub jwks: Option<Jwks>,
    /// The issuer's keys, from where its discovery document says.
    #[serde(default)]
    pub discovery: Option<Discovery>,
    /// Environment variable that holds a secret shared with the issuer, which then signs with
    /// HS256, HS384 or HS512. At least 32 bytes, and as long as the hash of every algorithm that is
    /// named (RFC 7518 §3.2). Whoever can read it can issue tokens. Default: none. A variable that
    /// is named but not set is a configuration error.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// Signature algorithms that are accepted, by their JOSE names. Default: every one that a
    /// published key can verify (RS, PS and ES with 256, 384 and 512, and EdDSA); with
    /// `secret_env` those of HS that the secret is long enough for. A key decides which of these it
    /// is good for; a token signed otherwise is refused.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// How far the issuer's clock and ours may differ for `exp`, `nbf` and `iat`. Default: 60s.
    #[serde(default = "defaults::clock_skew")]
    pub clock_skew: Span,
    /// Which tokens are access tokens. Default: `access`. Any other kind is refused (401).
    #[serde(default)]
    pub token_type: TokenType,
    /// Clients whose tokens are accepted: one of these is in `azp` (or in `client_id`; a token
    /// with both needs both). Default: any client.
    #[serde(default)]
    pub authorized_parties: Vec<String>,
    /// Claims that a token must have, nested names joined with dots, with the values of which the
    /// claim must equal one (an array claim: contain one); an empty list takes any value.
    /// Default: none. A token without one is refused (401).
    #[serde(default)]
    pub required_claims: BTreeMap<String, Vec<String>>,
    /// Longest time from `iat` to `exp`. Default: no limit. A token that lives longer, or does not
    /// say when it was issued, is refused (401).
    #[serde(default)]
    pub max_lifetime: Option<Span>,
    /// Where its tokens are in a request. Default: `authorization`, with the scheme `Bearer`. Two
    /// different tokens in the places of any providers are 400; a token in a place that its own
    /// provider does not name is refused (401).
    #[serde(default)]
    pub from: Vec<TokenPlace>,
    /// Accept tokens in the query. Default: false. A query is seen and kept by browsers, proxies
    /// and whoever a page links to (RFC 6750 §5.3).
    #[serde(default)]
    pub allow_query_token: bool,
    /// Origins whose pages may send a token in a cookie with an unsafe method or an upgrade, as
    /// browsers write them in `origin`. Default: none. Pages of the gateway's own origin may where
    /// the browser says so (`sec-fetch-site: same-origin`); others are answered 403.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Leave the token in the request that goes upstream, wherever it was. Default: false.
    #[serde(default)]
    pub forward: bool,
    /// Claim that says who the caller is, nested names joined with dots: a text that is not empty.
    /// Default: `sub`. Take only one that the issuer never gives to somebody else and that callers
    /// cannot choose. A caller without it cannot be asked about: what needs a decision is refused.
    #[serde(default)]
    pub subject_claim: Option<String>,
    /// Claim that holds the caller's roles, nested names joined with dots, for example
    /// `realm_access.roles`. Default: none; `roles: {from: token}` is then a configuration error.
    #[serde(default)]
    pub roles_claim: Option<String>,
}

/// Which tokens of a provider are access tokens. An ID token, a logout token, a security event or
/// a DPoP proof never is one (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TokenType {
    /// Those whose header says `at+jwt`, `JWT` or nothing, unless its claims say otherwise.
    #[default]
    #[serde(rename = "access")]
    Access,
    /// Only those whose header says `at+jwt` (RFC 9068 §2.1).
    #[serde(rename = "at+jwt")]
    AtJwt,
}

/// Where the value of an identity header comes from: exactly one of `claim`, `roles` and `secret_env`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentityHeader {
    /// A claim: string, number, boolean or array of strings (joined with commas). Absent, or not
    /// fit for a header: the header is not sent.
    #[serde(default)]
    pub claim: Option<String>,
    /// Takes the claim only when it has this form. Default: any of those above. A service that
    /// compares with `true` should not be told so by a claim that is the text "true".
    #[serde(default, rename = "as")]
    pub form: Option<ClaimForm>,
    /// The caller's roles, joined with commas.
    #[serde(default)]
    pub roles: Option<RoleSource>,
    /// A secret that services share with this gateway, from this variable of the environment: at least
    /// 16 visible ASCII characters. Sent with every request that a rule allows, with or without a token,
    /// where a route takes tokens; so a service that wants it takes nothing that did not pass the filter.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// Value for a request without a token. Default: the header is not sent.
    #[serde(default)]
    pub anonymous: Option<String>,
}

/// The form that a claim must have.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClaimForm {
    /// A JSON boolean.
    Boolean,
}

/// Where roles come from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoleSource {
    /// The decision point's answer (`context.roles`). Asked for when needed.
    Decision,
    /// The token, at the provider's `roles_claim`.
    Token,
}

/// What access logs are told about requests, in the filter state `wasm.claimgate`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// Environment variable with the key, at least 16 bytes, of the hashes that stand for subjects;
    /// with the log key of authz-service both logs have the same. Default: no subject is told. A
    /// variable that is named but not set is a configuration error.
    #[serde(default)]
    pub subject_key_env: Option<String>,
}

/// Answer to a request that matches no route.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unmatched {
    /// HTTP status, 400 to 599. The body is empty.
    pub status: u16,
}

impl Default for Unmatched {
    fn default() -> Self {
        Self { status: 404 }
    }
}

mod defaults {
    use super::Span;

    pub(super) fn clock_skew() -> Span {
        Span::from_secs(60)
    }
}
