//! Who a request is for, in a statement that services can check: a JWT that lives for seconds, signed
//! with the gateway's own key. A service that wants one believes nobody who merely reaches it.
//!
//! Made from a [`Permit`] alone, like every identity header, and bound to the route and the method it was
//! made for. What cannot be signed is not forwarded. It must never hold more than the configuration says,
//! and the key must never be seen: not in a log, a message or a debug form.

mod key;
mod memo;
mod signer;

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::authn::{ClaimPath, Principal};
use crate::authz::Permit;
use crate::config::RoleSource;
use crate::policy::{Provider, Route};
use crate::time::Timestamp;

pub use key::{InvalidKey, SigningKey};
pub use memo::StatementMemo;
#[cfg(feature = "portable-curves")]
pub use signer::PortableSigner;
pub use signer::{NoSigner, Notary, Signer, ecdsa_raw};

/// Media type of the statements, as their header names it.
pub const STATEMENT_TYPE: &str = "claimgate-identity+jwt";

/// Longest statement, in bytes.
const MAX_STATEMENT: usize = 8 * 1024;

/// How identities are stated.
#[derive(Debug)]
pub struct SignedIdentity {
    /// The header that carries a statement.
    pub header: Rc<str>,
    /// Who makes them: `iss`.
    pub issuer: Box<str>,
    /// What signs them.
    pub key: SigningKey,
    /// How long one is good.
    pub ttl: Duration,
    /// Whether one is for a single request.
    pub of_request: bool,
    /// Whether the subject is in it.
    pub subject: bool,
    /// Where the roles in it come from, if any are.
    pub roles: Option<RoleSource>,
    /// Claims of the caller's token that are in it.
    pub claims: Vec<(Box<str>, ClaimPath)>,
}

/// What one statement is about.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// What lets the request through, and for whom.
    pub permit: &'a Permit<'a>,
    /// Whose token names them.
    pub provider: &'a Provider,
    /// The route.
    pub route: &'a Rc<Route>,
    /// Who the statement is for: `aud`.
    pub audience: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// What time it is.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct Statement<'a> {
    iss: &'a str,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_iss: Option<&'a str>,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    method: &'a str,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    iat: u64,
    exp: u64,
    jti: &'a str,
}

impl SignedIdentity {
    /// The header for a request of somebody identified; `None` when nothing could be signed, and then the
    /// request must not go on. A statement is used again until half its life is over.
    pub fn header(&self, occasion: &Occasion<'_>, notary: &Notary) -> Option<(Rc<str>, Rc<str>)> {
        let principal = occasion.permit.caller().principal()?;
        let memo = (!self.of_request).then(|| principal.decisions().statements());
        let known = memo.and_then(|memo| memo.find(occasion));
        let value = match known {
            Some(known) => known,
            None => {
                let (value, renew_at) = self.state(principal, occasion, notary)?;
                if let Some(memo) = memo {
                    memo.insert(occasion, &value, renew_at);
                }
                value
            }
        };
        Some((Rc::clone(&self.header), value))
    }

    /// A new statement, and when it should be renewed.
    #[inline(never)]
    fn state(
        &self,
        principal: &Principal,
        occasion: &Occasion<'_>,
        notary: &Notary,
    ) -> Option<(Rc<str>, Timestamp)> {
        let Occasion { provider, audience, method, now, .. } = *occasion;
        let claims = principal.claims();
        let ends = now.after(self.ttl).min(principal.expires_at());
        let iat = now.as_millis() / 1000;
        let statement = Statement {
            iss: &self.issuer,
            aud: audience,
            sub: principal.subject().filter(|_| self.subject),
            sub_iss: claims.named("iss").and_then(|issuer| issuer.as_str()),
            provider: &provider.name,
            roles: self.roles(principal, occasion),
            claims: self.claims(principal),
            method,
            route: occasion.route.template.as_str(),
            path: self.of_request.then_some(occasion.path),
            iat,
            exp: (ends.as_millis() / 1000).max(iat + 1),
            jti: &notary.next_id(),
        };
        let payload = serde_json::to_vec(&statement).ok()?;
        let mut text = String::with_capacity(self.key.header().len() + payload.len() * 2 + 90);
        text.push_str(self.key.header());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        let signature = notary.signer().sign(&self.key, text.as_bytes())?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        let renew_at = now.after(ends.since(now) / 2);
        (text.len() <= MAX_STATEMENT).then(|| (text.into(), renew_at))
    }

    fn roles(&self, principal: &Principal, occasion: &Occasion<'_>) -> Option<Vec<Value>> {
        match self.roles? {
            RoleSource::Decision => {
                let roles = occasion.permit.decision_role_list()?.iter();
                Some(roles.map(|role| Value::String(role.to_string())).collect())
            }
            RoleSource::Token => {
                let path = occasion.provider.roles_claim.as_ref()?;
                let roles = principal.claims().texts(path);
                Some(roles.map(|role| Value::String(role.into_owned())).collect())
            }
        }
    }

    /// A claim that the token lacks is left out.
    fn claims(&self, principal: &Principal) -> Map<String, Value> {
        let value = |(name, path): &(Box<str>, ClaimPath)| {
            Some((name.to_string(), principal.claims().at(path)?.to_value()))
        };
        self.claims.iter().filter_map(value).collect()
    }
}

#[cfg(test)]
mod tests;
