//! The issuer: the one URL from which every other URL is derived.
//!
//! It may name another host or port than the process listens on, as behind a gateway, so nothing
//! is ever derived from a request's `host`.

use std::fmt;

use crate::REALM;

/// An http or https URL that ends in the realm's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

/// Why a text is not an issuer of this realm.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "--issuer must be an http or https URL that ends in /realms/{REALM}, \
     for example http://localhost:8180/realms/{REALM}"
)]
pub struct InvalidIssuer;

impl Issuer {
    /// `url`, used as it is in every token.
    ///
    /// # Errors
    /// [`InvalidIssuer`].
    pub fn new(url: String) -> Result<Self, InvalidIssuer> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let base = rest.and_then(|rest| rest.strip_suffix(REALM)?.strip_suffix("/realms/"));
        match base {
            Some(base) if !base.is_empty() && base.bytes().all(is_plain) => Ok(Self(url)),
            _ => Err(InvalidIssuer),
        }
    }

    /// The issuer of a server that everyone reaches as `localhost` on `port`.
    pub(crate) fn on_localhost(port: u16) -> Self {
        Self(format!("http://localhost:{port}/realms/{REALM}"))
    }

    /// The URL `below` the realm's OpenID Connect endpoints.
    pub(crate) fn endpoint(&self, below: &str) -> String {
        format!("{self}/protocol/openid-connect{below}")
    }

    pub(crate) fn account(&self) -> String {
        format!("{self}/account")
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// No query, fragment, user or escape: clients compare issuers byte for byte.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte)
}
