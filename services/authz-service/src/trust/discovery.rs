//! What an issuer says of itself (OpenID Connect Discovery 1.0): where its keys are, and where it
//! signs people in.
//!
//! Believed only where it names the issuer it was asked for and stays on the issuer's own scheme,
//! host and port: a document must not be able to make us fetch, or send a secret, elsewhere.

use claimgate_fetch::{FetchError, Fetcher, HttpUrl};
use serde::Deserialize;

/// Below the issuer's URL (section 4).
const PATH: &str = "/.well-known/openid-configuration";
const WHAT: FetchError = FetchError::Content("the issuer's discovery document");

/// An issuer's document.
#[derive(Clone, Debug, Deserialize)]
pub struct Discovery {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Discovery {
    /// Fetches the document of `issuer`.
    pub async fn fetch(fetcher: &Fetcher, issuer: &HttpUrl) -> Result<Self, FetchError> {
        let url = issuer.below(PATH).map_err(|_| WHAT)?;
        let document = fetcher.get(&url).await?;
        let found: Self = serde_json::from_slice(&document).map_err(|_| WHAT)?;
        let named = HttpUrl::parse(&found.issuer).map_err(|_| WHAT)?;
        if named == *issuer { Ok(found) } else { Err(WHAT) }
    }

    /// Where its keys are.
    pub fn keys(&self, issuer: &HttpUrl) -> Result<HttpUrl, FetchError> {
        beside(Some(&self.jwks_uri), issuer)
    }

    /// Where people sign in.
    pub fn authorization(&self, issuer: &HttpUrl) -> Result<HttpUrl, FetchError> {
        beside(self.authorization_endpoint.as_deref(), issuer)
    }

    /// Where a code is exchanged for tokens.
    pub fn token(&self, issuer: &HttpUrl) -> Result<HttpUrl, FetchError> {
        beside(self.token_endpoint.as_deref(), issuer)
    }

    /// Whether a client may show its secret as basic credentials: so it is where nothing is said
    /// (section 3).
    pub fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"))
    }
}

fn beside(url: Option<&str>, issuer: &HttpUrl) -> Result<HttpUrl, FetchError> {
    let url = HttpUrl::parse(url.ok_or(WHAT)?).map_err(|_| WHAT)?;
    if url.is_beside(issuer) { Ok(url) } else { Err(WHAT) }
}
