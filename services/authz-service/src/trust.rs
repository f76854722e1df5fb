//! Identity providers whose signed statements we act on: who logged out, whose session was
//! revoked, who administers.
//!
//! An issuer is trusted by its exact name, with keys from one place that its operator named (or
//! that its own discovery document names, on the same host). Nothing a statement says about where
//! keys are is ever followed. A provider that is down, slow or lying costs a bounded time and
//! leaves the last good keys in place.

mod discovery;
mod keys;

use std::time::Duration;

use claimgate::authn::{
    AuthnError, Expected, KeySet, PortableVerifier, Statement, verify_statement,
};
use claimgate::time::Timestamp;
use serde::Deserialize;
use tokio_rustls::rustls as tls;

pub use claimgate_fetch::{Address, FetchError, Fetcher, HttpUrl, InvalidUrl, connector};
pub use discovery::Discovery;
use keys::Keys;

/// How far a provider's clock may differ from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// An issuer as the configuration file has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IssuerOptions {
    /// `iss` of its statements, exactly, and of the access tokens that they are about.
    pub issuer: String,
    /// URL of its key set [default: what its discovery document says, on the issuer's own host].
    pub jwks: Option<String>,
    /// HOST:PORT where its keys are asked for [default: where their URL leads]. Who answers there has
    /// to have a certificate for the URL's host.
    pub address: Option<String>,
    /// `aud` of logout tokens that count: client ids. Without one its logout tokens are refused.
    #[serde(default)]
    pub logout_audiences: Vec<String>,
    /// `aud` of security events that count. Without one its events are refused.
    #[serde(default)]
    pub event_audiences: Vec<String>,
}

/// An issuer that cannot be trusted as configured.
#[derive(Debug, thiserror::Error)]
#[error("issuers[{index}].{field}: {problem}")]
pub struct InvalidIssuer {
    /// Its place in the list.
    pub index: usize,
    /// The option that is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a statement does not count.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Of no issuer that is configured for this.
    #[error("not an issuer that is trusted for this")]
    Issuer,
    /// Not what it has to be.
    #[error("{0}")]
    Statement(AuthnError),
    /// Its issuer's keys are not to be had. Asking again can help.
    #[error("the issuer's keys cannot be fetched: {0}")]
    Keys(#[from] FetchError),
}

/// An issuer with its keys.
pub struct Issuer {
    /// What was configured.
    pub options: IssuerOptions,
    keys: Keys,
}

/// Every issuer.
#[derive(Default)]
pub struct Issuers(Vec<Issuer>);

impl Issuers {
    /// From the configuration.
    pub fn new(options: Vec<IssuerOptions>) -> Result<Self, InvalidIssuer> {
        if options.is_empty() {
            return Ok(Self::default());
        }
        let no_tls = |error: tls::Error| InvalidIssuer {
            index: 0,
            field: "jwks",
            problem: error.to_string(),
        };
        let fetcher = Fetcher::new().map_err(no_tls)?;
        let issuer = |(index, options): (usize, IssuerOptions)| {
            Issuer::new(options, fetcher.clone()).map_err(|(field, problem)| InvalidIssuer {
                index,
                field,
                problem,
            })
        };
        options.into_iter().enumerate().map(issuer).collect::<Result<_, _>>().map(Self)
    }

    /// The issuer of this name.
    pub fn named(&self, issuer: &str) -> Option<&Issuer> {
        self.0.iter().find(|known| known.options.issuer == issuer)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Issuer {
    /// With keys that are fetched when the first statement comes.
    pub fn new(options: IssuerOptions, fetcher: Fetcher) -> Result<Self, (&'static str, String)> {
        let issuer = HttpUrl::parse(&options.issuer).map_err(|e| ("issuer", e.to_string()))?;
        let jwks = options.jwks.as_deref().map(HttpUrl::parse).transpose();
        let jwks = jwks.map_err(|error| ("jwks", error.to_string()))?;
        let fetcher = match &options.address {
            None => fetcher,
            Some(address) => by_way_of(address, jwks.as_ref().unwrap_or(&issuer))
                .map_err(|problem| ("address", problem))?,
        };
        Ok(Self { options, keys: Keys::new(fetcher, issuer, jwks) })
    }

    /// Verifies a statement of this issuer that has one of these media types and is for one of
    /// `audiences`. An unknown key is looked for in the issuer's current set, once.
    pub async fn verify(
        &self,
        text: &str,
        types: &[&str],
        audiences: &[String],
    ) -> Result<Statement, TrustError> {
        let expected =
            Expected { types, issuer: &self.options.issuer, audiences, clock_skew: CLOCK_SKEW };
        let known = self.keys.known().await?;
        match check(text, &expected, &known) {
            Err(AuthnError::UnknownKey) => {
                let current = self.keys.renewed(&known).await?;
                check(text, &expected, &current).map_err(TrustError::Statement)
            }
            outcome => outcome.map_err(TrustError::Statement),
        }
    }
}

/// A name that leads elsewhere from here: inside of a cluster, or behind a proxy.
fn by_way_of(address: &str, url: &HttpUrl) -> Result<Fetcher, String> {
    let address = Address::parse(address).map_err(|error| error.to_string())?;
    Fetcher::by_way_of(url, &address).map_err(|error| error.to_string())
}

fn check(text: &str, expected: &Expected<'_>, jwks: &[u8]) -> Result<Statement, AuthnError> {
    // Fetched documents were read as key sets before they were kept.
    let keys = KeySet::default().succeed(jwks).map_err(|_| AuthnError::UnknownKey)?;
    verify_statement(text, expected, &keys, &PortableVerifier, now())
}

fn now() -> Timestamp {
    let now = jiff::Timestamp::now().as_millisecond();
    Timestamp::from_millis(u64::try_from(now).unwrap_or_default())
}

/// The issuer that an unverified statement names, to know whose keys to look at.
pub fn claimed_issuer(text: &str) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    let claims = text.split('.').nth(1)?;
    let claims: Claimed = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    Some(claims.iss)
}
