//! What a provider demands of its tokens beside signature, issuer, audience and time: that they are
//! access tokens at all, for whom they were issued, and what they must say.

use std::fmt;
use std::time::Duration;

use super::claims::date;
use super::{AuthnError, ClaimPath, Claims, Json};
use crate::config::TokenType;

/// Claims that only other kinds of tokens have: the hashes of an ID token (OpenID Connect Core 1.0
/// §3.3.2.11), the events of a logout token or a security event (RFC 8417 §2.2).
const OF_OTHER_KINDS: [&str; 3] = ["at_hash", "c_hash", "events"];

/// Demands of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Which tokens are access tokens.
    pub token_type: TokenType,
    /// Acceptable clients; empty accepts any.
    pub authorized_parties: Vec<Box<str>>,
    /// Claims that must be there, and the values of which one must be in them; empty takes any.
    pub required_claims: Vec<(ClaimPath, Vec<Box<str>>)>,
    /// Longest time from `iat` to `exp`.
    pub max_lifetime: Option<Duration>,
}

impl Demands {
    /// Whether nothing was configured.
    pub fn are_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is an access token. `said` is whether its header says so.
    pub(super) fn check_type(&self, claims: &Claims, said: bool) -> Result<(), AuthnError> {
        let accepted = match self.token_type {
            TokenType::Access => true,
            TokenType::AtJwt => said,
        };
        // Keycloak names the kind of token in a claim; anything but a bearer token has another use.
        let named = match claims.named("typ") {
            None => true,
            Some(Json::Text(typ)) => typ.eq_ignore_ascii_case("bearer"),
            Some(_) => false,
        };
        let other = OF_OTHER_KINDS.iter().any(|name| claims.named(name).is_some());
        if accepted && named && !other { Ok(()) } else { Err(AuthnError::TokenType) }
    }

    /// Whether its claims say what they must.
    pub(super) fn check_claims(&self, claims: &Claims) -> Result<(), AuthnError> {
        self.check_party(claims)?;
        let says = |(path, any_of): &(ClaimPath, Vec<Box<str>>)| match any_of.as_slice() {
            [] => claims.at(path).is_some_and(|value| !value.is_null()),
            any_of => claims.texts(path).any(|text| any_of.iter().any(|one| **one == *text)),
        };
        if !self.required_claims.iter().all(says) {
            return Err(AuthnError::RequiredClaim);
        }
        self.check_lifetime(claims)
    }

    /// `azp` (OpenID Connect Core 1.0 §2) and `client_id` (RFC 9068 §2.2) name the same party; a
    /// token in which they differ is not better for one of them being accepted.
    fn check_party(&self, claims: &Claims) -> Result<(), AuthnError> {
        if self.authorized_parties.is_empty() {
            return Ok(());
        }
        let mut named = ["azp", "client_id"].into_iter().filter_map(|name| claims.named(name));
        let accepted = |party: Json<'_>| {
            party
                .as_str()
                .is_some_and(|party| self.authorized_parties.iter().any(|p| **p == *party))
        };
        let first = named.next().is_some_and(accepted);
        if first && named.all(accepted) { Ok(()) } else { Err(AuthnError::Party) }
    }

    fn check_lifetime(&self, claims: &Claims) -> Result<(), AuthnError> {
        let Some(longest) = self.max_lifetime else { return Ok(()) };
        let issued_at = date(claims, "iat")?.ok_or(AuthnError::Lifetime)?;
        let expires_at = date(claims, "exp")?.ok_or(AuthnError::Expired)?;
        if expires_at <= issued_at.after(longest) { Ok(()) } else { Err(AuthnError::Lifetime) }
    }
}

impl fmt::Display for Demands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token_type, authorized_parties, required_claims, max_lifetime } = self;
        write!(f, "token_type={token_type:?} authorized_parties={authorized_parties:?} ")?;
        write!(f, "required_claims={required_claims:?} max_lifetime={max_lifetime:?}")
    }
}
