//! One statement: read, verified, and compared with the request it came with.
//!
//! Nothing that a payload says counts before its signature was found good, with a key that was
//! published for this. Time and keys are arguments; nothing here waits or fetches.

use chrono::{DateTime, TimeDelta, Utc};
use jwt_compact::alg::Es256;
use jwt_compact::{AlgorithmExt as _, Claims, UntrustedToken, ValidationError};
use p256::ecdsa::VerifyingKey;
use serde::Deserialize;
use serde_json::{Map, Value};

/// `typ` of a statement (RFC 8725 §3.11), so that no other token of the same key passes for one.
const TYPE: &str = "claimgate-identity+jwt";
/// Largest statement that is looked at, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// How far the gateway's clock may differ from ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(10);

/// Who calls, as the gateway says it.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The caller's `sub`; `None` where the gateway does not say it.
    pub subject: Option<String>,
    /// Issuer of the caller's own token, in whose names `subject` is one.
    pub subject_issuer: Option<String>,
    /// The caller's roles.
    pub roles: Vec<String>,
    /// Other claims that the gateway passes on.
    pub claims: Map<String, Value>,
}

/// Why a request has no identity. The words are for whoever operates the service; they are in
/// replies, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no statement.
    #[error("missing")]
    Missing,
    /// There is more than one.
    #[error("repeated")]
    Repeated,
    /// It is none: not a JWS, another type, or its members have another form.
    #[error("malformed")]
    Malformed,
    /// It is not signed with ES256.
    #[error("algorithm")]
    Algorithm,
    /// No published key has its `kid`.
    #[error("key")]
    UnknownKey,
    /// The key did not sign it.
    #[error("signature")]
    Signature,
    /// It is of another issuer.
    #[error("issuer")]
    Issuer,
    /// It is for another service.
    #[error("audience")]
    Audience,
    /// It is over, or from the future.
    #[error("time")]
    Time,
    /// It is about a request with another method.
    #[error("method")]
    Method,
    /// It is about a route that is none of ours.
    #[error("route")]
    Route,
    /// It is about a request for another path.
    #[error("path")]
    Path,
    /// The keys cannot be fetched: nobody knows, and asking again can help.
    #[error("keys")]
    NoKeys,
}

/// What a statement must say.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// Templates of the gateway's routes that lead here.
    pub(crate) routes: Vec<String>,
}

/// The request that a statement came with.
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r str,
    /// Without the query.
    pub(crate) path: &'r str,
    pub(crate) at: DateTime<Utc>,
}

/// A well-formed statement: decoded, and nothing of it believed.
pub(crate) struct Unverified<'t>(UntrustedToken<'t, Extensions>);

/// Header members with a meaning that we would have to know (RFC 7515 §4.1.11): there is none.
#[derive(Clone, Deserialize)]
struct Extensions {
    crit: Option<Value>,
}

#[derive(Clone, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: Option<String>,
    sub_iss: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    method: String,
    route: String,
    path: Option<String>,
}

impl<'t> Unverified<'t> {
    pub(crate) fn read(text: &'t str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::Malformed);
        }
        let token: UntrustedToken<'t, Extensions> =
            text.try_into().map_err(|_| Refused::Malformed)?;
        let header = token.header();
        if header.token_type.as_deref() != Some(TYPE) || header.other_fields.crit.is_some() {
            return Err(Refused::Malformed);
        }
        if token.algorithm() != "ES256" {
            return Err(Refused::Algorithm);
        }
        Ok(Self(token))
    }

    /// The name of the key that it says signed it.
    pub(crate) fn kid(&self) -> Result<&str, Refused> {
        self.0.header().key_id.as_deref().ok_or(Refused::Malformed)
    }

    /// Who calls, if `key` signed this for `expected` and about what was `asked`.
    pub(crate) fn verified(
        &self,
        key: &VerifyingKey,
        expected: &Expected,
        asked: &Asked<'_>,
    ) -> Result<Identity, Refused> {
        let token = Es256.validator::<Payload>(key).validate(&self.0);
        let token = token.map_err(|error| of_validation(&error))?;
        let (_, claims) = token.into_parts();
        check_time(&claims, asked.at)?;
        let said = claims.custom;
        let checks = [
            (said.iss == expected.issuer, Refused::Issuer),
            (said.aud == expected.audience, Refused::Audience),
            (said.method == asked.method, Refused::Method),
            (expected.routes.contains(&said.route), Refused::Route),
            (said.path.as_deref().is_none_or(|path| path == asked.path), Refused::Path),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, refused)) => Err(refused),
            None => Ok(Identity {
                subject: said.sub,
                subject_issuer: said.sub_iss,
                roles: said.roles,
                claims: said.claims,
            }),
        }
    }
}

/// A payload is parsed before its signature is checked: bounded work, and nothing is believed.
fn of_validation(error: &ValidationError) -> Refused {
    match error {
        ValidationError::MalformedClaims(_) => Refused::Malformed,
        ValidationError::AlgorithmMismatch { .. } => Refused::Algorithm,
        _ => Refused::Signature,
    }
}

fn check_time<T>(claims: &Claims<T>, now: DateTime<Utc>) -> Result<(), Refused> {
    let (Some(since), Some(until)) = (claims.issued_at, claims.expiration) else {
        return Err(Refused::Malformed);
    };
    let begun = claims.not_before.unwrap_or(since).max(since);
    // Neither side is an instant of the payload, which could be at the end of time.
    let is_now = begun <= now + CLOCK_SKEW && until > now - CLOCK_SKEW && since < until;
    if is_now { Ok(()) } else { Err(Refused::Time) }
}
