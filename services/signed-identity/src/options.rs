//! What a service is told about signed identity on its command line → what it asks for, or why
//! that makes no sense. All of it or nothing: there is no half of a check.

use axum::http::HeaderName;
use claimgate_fetch::{Fetcher, HttpUrl};
use clap::builder::NonEmptyStringValueParser;

use crate::SignedIdentity;
use crate::keys::Keys;
use crate::statement::Expected;

/// The header that the gateway sends a statement in, unless configured otherwise.
const HEADER: &str = "x-claimgate-identity";

/// The options, for a service's own (`#[command(flatten)]`).
#[derive(Clone, Debug, Default, clap::Args)]
pub struct IdentityOptions {
    /// Where the gateway's public keys are: https, or http on this machine. With it every request
    /// needs a signed identity, and identity headers are not believed
    #[arg(
        long,
        value_name = "URL",
        requires_all = ["identity_issuer", "identity_audience", "identity_route"]
    )]
    pub identity_jwks: Option<String>,

    /// Issuer of signed identities: the gateway's name, exactly
    #[arg(
        long,
        value_name = "TEXT",
        requires = "identity_jwks",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub identity_issuer: Option<String>,

    /// Audience of signed identities: this service's name, exactly
    #[arg(
        long,
        value_name = "TEXT",
        requires = "identity_jwks",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub identity_audience: Option<String>,

    /// Template of a gateway's route that leads here, such as /things/{rest=**}; repeatable
    #[arg(
        long,
        value_name = "TEMPLATE",
        requires = "identity_jwks",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub identity_route: Vec<String>,

    /// Header with the signed identity [default: x-claimgate-identity]
    #[arg(long, value_name = "NAME", requires = "identity_jwks")]
    pub identity_header: Option<HeaderName>,
}

/// Options that make no sense. Each names the option.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// Nothing to fetch from, or from where anybody could answer.
    #[error("--identity-jwks: must be an https URL with a host, or http on this machine")]
    Url,
    /// No TLS to fetch with.
    #[error("--identity-jwks: {0}")]
    Tls(String),
    /// Some are missing.
    #[error("--identity-jwks, --identity-issuer and --identity-audience go together")]
    Half,
}

impl IdentityOptions {
    /// What is asked of callers; `None` when nothing is.
    ///
    /// # Errors
    /// [`InvalidIdentity`].
    pub fn required(self) -> Result<Option<SignedIdentity>, InvalidIdentity> {
        let Self { identity_jwks, identity_issuer, identity_audience, .. } = self;
        let (jwks, issuer, audience) = match (identity_jwks, identity_issuer, identity_audience) {
            (Some(jwks), Some(issuer), Some(audience)) => (jwks, issuer, audience),
            (None, None, None) => return Ok(None),
            _ => return Err(InvalidIdentity::Half),
        };
        let url = HttpUrl::parse(&jwks).ok().filter(HttpUrl::is_protected);
        let url = url.ok_or(InvalidIdentity::Url)?;
        let fetcher = Fetcher::new().map_err(|error| InvalidIdentity::Tls(error.to_string()))?;
        Ok(Some(SignedIdentity {
            header: self.identity_header.unwrap_or(HeaderName::from_static(HEADER)),
            expected: Expected { issuer, audience, routes: self.identity_route },
            keys: Keys::new(fetcher, url),
        }))
    }
}
