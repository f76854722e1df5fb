//! Who sends a request: the holder of a token that their identity provider made for this API, of a
//! client certificate, or of a secret that the local command made. Says who, never what they may do.
//!
//! A token must be an access token (`typ` is `at+jwt` or `JWT`) with this API's own audience, an end
//! and a subject; one that a gateway takes does not work here. A certificate counts where nothing is
//! presented beside it. Where neither issuer nor certificate is configured, and only this machine
//! reaches the port, whoever sends no credential may look.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use claimgate::authn::{ClaimPath, Statement};
use jiff::Timestamp;
use serde::Deserialize;

use super::certificates::{CertificateOptions, Certificates};
use super::revoked::Issued;
use super::secret;
use crate::roles::{MAX_ROLES, RoleName};
use crate::serve::Peer;
use crate::store::{Actor, AdminStore, SecretDigest, StoreError};
use crate::trust::{Fetcher, Issuer, IssuerOptions, TrustError, claimed_issuer};

/// Media types of a token that administers.
const TYPES: [&str; 2] = ["at+jwt", "jwt"];

/// Whose tokens administer, as the configuration file has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdminOptions {
    /// `iss` of the tokens, exactly. Without it no token counts.
    pub issuer: Option<String>,
    /// URL of the issuer's key set [default: what its discovery document says, on its own host].
    pub jwks: Option<String>,
    /// `aud` of the tokens: a name that stands for this API and nothing else.
    pub audience: Option<String>,
    /// Claim with the administrator's roles, nested names joined with dots.
    #[serde(default = "default_roles_claim")]
    pub roles_claim: String,
    /// Client certificates that administer.
    #[serde(default)]
    pub certificates: Vec<CertificateOptions>,
}

pub(crate) fn default_roles_claim() -> String {
    "roles".to_owned()
}

/// Administrators who cannot be known as configured.
#[derive(Debug, thiserror::Error)]
#[error("admin.{field}: {problem}")]
pub struct InvalidAdmin {
    pub(super) field: &'static str,
    pub(super) problem: String,
}

/// Whoever sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Administrator {
    /// The name in the audit log.
    pub(crate) actor: Actor,
    pub(crate) roles: Vec<RoleName>,
}

/// Why nobody is known to have sent a request.
#[derive(Debug)]
pub(super) enum NotKnown {
    /// It carries no credential.
    Missing,
    /// More than one credential, or none of the form it must have.
    Malformed,
    /// A token that does not count.
    Token,
    /// A secret that does not count, or no longer.
    Secret,
    /// A token that was revoked here.
    Revoked,
    /// A certificate whose name nobody has here.
    Certificate,
    /// The issuer's keys are not to be had. Asking again can help.
    Keys,
    /// The store gave no answer.
    Store(StoreError),
}

impl NotKnown {
    /// The name under which it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Token => "token",
            Self::Secret => "secret",
            Self::Revoked => "revoked",
            Self::Certificate => "certificate",
            Self::Keys => "keys",
            Self::Store(_) => "store",
        }
    }
}

/// Tokens of one issuer.
struct Tokens {
    issuer: Issuer,
    audiences: [String; 1],
    roles: ClaimPath,
}

/// Knows administrators.
pub struct Access {
    tokens: Option<Tokens>,
    certificates: Certificates,
}

/// How a request came.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) headers: &'a HeaderMap,
    /// The certificate at the other end.
    pub(super) peer: Option<&'a Peer>,
    /// Whether only this machine reaches the port.
    pub(super) is_local: bool,
}

impl Access {
    /// By tokens and certificates as `options` say, and by secrets.
    pub fn new(options: Option<AdminOptions>) -> Result<Self, InvalidAdmin> {
        let Some(mut options) = options else {
            return Ok(Self { tokens: None, certificates: Certificates::default() });
        };
        let certificates = Certificates::new(std::mem::take(&mut options.certificates))?;
        Ok(Self { tokens: Tokens::new(options)?, certificates })
    }

    pub(super) async fn administrator(
        &self,
        way: Way<'_>,
        store: &dyn AdminStore,
    ) -> Result<Administrator, NotKnown> {
        let Some(credential) = credential(way.headers)? else {
            return match way.peer {
                Some(peer) if peer.has_certificate => self.certified(peer),
                _ => self.onlooker(way.headers, way.is_local).ok_or(NotKnown::Missing),
            };
        };
        if secret::is_one(credential) {
            return with_secret(credential, store).await;
        }
        match &self.tokens {
            Some(tokens) => tokens.administrator(credential, store).await,
            None => Err(NotKnown::Token),
        }
    }

    /// Somebody at this machine. A page in their browser that made its own name lead here is told
    /// by the name it asks for.
    pub(crate) fn onlooker(&self, headers: &HeaderMap, is_local: bool) -> Option<Administrator> {
        let host = headers.get(HOST)?.to_str().ok()?;
        let configured = self.tokens.is_some() || !self.certificates.is_empty();
        if configured || !is_local || !is_own_name(host) {
            return None;
        }
        Administrator::new("local", ["viewer"])
    }

    fn certified(&self, peer: &Peer) -> Result<Administrator, NotKnown> {
        let name = peer.name.as_deref().ok_or(NotKnown::Certificate)?;
        self.certificates.administrator(name).cloned().ok_or(NotKnown::Certificate)
    }
}

impl Administrator {
    pub(crate) fn new<'r>(name: &str, roles: impl IntoIterator<Item = &'r str>) -> Option<Self> {
        let roles = roles.into_iter().filter_map(|role| RoleName::parse(role).ok());
        Some(Self { actor: Actor::parse(name)?, roles: roles.take(MAX_ROLES).collect() })
    }

    /// Whom a verified token is about, with the roles in the claim `roles`. Logout tokens of old
    /// providers and security events can have the same media type; what they have and others have
    /// not is `events`.
    pub(crate) fn of(statement: &Statement, roles: &ClaimPath) -> Option<Self> {
        let claims = &statement.claims;
        let subject = claims.named("sub")?.as_str()?;
        if statement.expires_at.is_none() || claims.named("events").is_some() || subject.is_empty()
        {
            return None;
        }
        let roles: Vec<_> = claims.texts(roles).collect();
        Self::new(&format!("admin:{subject}"), roles.iter().map(AsRef::as_ref))
    }
}

impl Tokens {
    /// `None` where no issuer is named.
    fn new(options: AdminOptions) -> Result<Option<Self>, InvalidAdmin> {
        let invalid = |(field, problem)| InvalidAdmin { field, problem };
        let (issuer, audience) = match (options.issuer, options.audience) {
            (None, None) => return Ok(None),
            (Some(issuer), Some(audience)) if !audience.is_empty() => (issuer, audience),
            (Some(_), _) => return Err(invalid(("audience", "must not be empty".to_owned()))),
            (None, Some(_)) => return Err(invalid(("issuer", "is required".to_owned()))),
        };
        let fetcher = Fetcher::new().map_err(|error| invalid(("jwks", error.to_string())))?;
        let issuer = IssuerOptions {
            issuer,
            jwks: options.jwks,
            address: None,
            logout_audiences: Vec::new(),
            event_audiences: Vec::new(),
        };
        Ok(Some(Self {
            issuer: Issuer::new(issuer, fetcher).map_err(invalid)?,
            audiences: [audience],
            roles: ClaimPath::new(&options.roles_claim),
        }))
    }

    async fn administrator(
        &self,
        token: &str,
        store: &dyn AdminStore,
    ) -> Result<Administrator, NotKnown> {
        // What is not even said to be of this issuer is refused whether its keys are to be had or not.
        if claimed_issuer(token).is_none_or(|issuer| issuer != self.issuer.options.issuer) {
            return Err(NotKnown::Token);
        }
        let verified = self.issuer.verify(token, &TYPES, &self.audiences).await;
        let statement = verified.map_err(|error| match error {
            TrustError::Keys(_) => NotKnown::Keys,
            TrustError::Issuer | TrustError::Statement(_) => NotKnown::Token,
        })?;
        let administrator = Administrator::of(&statement, &self.roles).ok_or(NotKnown::Token)?;
        let issued = Issued::of(&self.issuer.options.issuer, &statement);
        match issued.is_revoked(store).await.map_err(NotKnown::Store)? {
            true => Err(NotKnown::Revoked),
            false => Ok(administrator),
        }
    }
}

async fn with_secret(secret: &str, store: &dyn AdminStore) -> Result<Administrator, NotKnown> {
    let found = store.admin_secret(&SecretDigest::of(secret)).await.map_err(NotKnown::Store)?;
    let valid = found.filter(|found| Timestamp::now() < found.expires_at);
    let named = valid.and_then(|found| Administrator::new(found.holder.as_str(), ["admin"]));
    named.ok_or(NotKnown::Secret)
}

/// The bearer's credential; `None` when there is none at all.
fn credential(headers: &HeaderMap) -> Result<Option<&str>, NotKnown> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| NotKnown::Malformed)?;
    match (text.split_once(' '), values.next()) {
        (Some((scheme, credential)), None) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(credential))
        }
        _ => Err(NotKnown::Malformed),
    }
}

pub(crate) fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_own_name;

    #[test]
    fn only_names_that_mean_this_machine_are_its_own() {
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:9", "127.9.9.9", "[::1]:80", "[::1]"] {
            assert!(is_own_name(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.x"] {
            assert!(!is_own_name(host), "{host}");
        }
    }
}
