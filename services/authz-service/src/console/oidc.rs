//! The identity provider, as a client of OpenID Connect Core 1.0 meets it: authorization code flow
//! with PKCE (RFC 7636). Endpoints come from discovery; ID tokens are verified by the code that
//! verifies everything else providers sign. Of their answers nothing reaches a log or a page.

use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimgate::authn::Statement;
use form_urlencoded::{Serializer, byte_serialize};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::attempt::Attempt;
use super::random::same;
use crate::trust::{Discovery, FetchError, Fetcher, HttpUrl, Issuer, IssuerOptions, TrustError};

/// How long a discovery document is used.
const FRESH: Duration = Duration::from_secs(600);
/// Shortest time between two attempts to fetch one.
const COOL_DOWN: Duration = Duration::from_secs(2);
/// Media types of ID tokens: most name the general one, and they need not name any.
const TYPES: [&str; 2] = ["jwt", ""];
const SCOPE: &str = "openid profile";

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignInError {
    /// The provider, or a document of its, is not to be had.
    #[error("the identity provider: {0}")]
    Provider(#[from] FetchError),
    /// It did not give an ID token for the code.
    #[error("the code was not exchanged: {0}")]
    Code(FetchError),
    /// The ID token does not count.
    #[error("the ID token: {0}")]
    Token(TrustError),
    /// It is of another sign-in, for another client, or says too little.
    #[error("the ID token is not of this sign-in")]
    Other,
}

/// The provider and what this client is to it.
pub(super) struct Provider {
    issuer: Issuer,
    url: HttpUrl,
    fetcher: Fetcher,
    client_id: [String; 1],
    secret: Option<String>,
    redirect_uri: String,
    discovery: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    document: Option<(Discovery, Instant)>,
    failed: Option<Instant>,
}

impl Provider {
    pub(super) fn new(
        issuer: IssuerOptions,
        client_id: String,
        secret: Option<String>,
        redirect_uri: String,
    ) -> Result<Self, (&'static str, String)> {
        let url = HttpUrl::parse(&issuer.issuer).map_err(|error| ("issuer", error.to_string()))?;
        let fetcher = Fetcher::new().map_err(|error| ("issuer", error.to_string()))?;
        Ok(Self {
            issuer: Issuer::new(issuer, fetcher.clone())?,
            url,
            fetcher,
            client_id: [client_id],
            secret,
            redirect_uri,
            discovery: Mutex::default(),
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.issuer.options.issuer
    }

    /// Where the browser goes to begin.
    pub(super) async fn authorization(&self, attempt: &Attempt<'_>) -> Result<String, SignInError> {
        let place = self.discovered().await?.authorization(&self.url)?.text();
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("scope", SCOPE)
            .extend_pairs(self.client_id.iter().map(|id| ("client_id", id)))
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let joint = if place.contains('?') { '&' } else { '?' };
        Ok(format!("{place}{joint}{query}"))
    }

    /// What the ID token says that the provider gives for `code`.
    pub(super) async fn redeem(
        &self,
        code: &str,
        attempt: &Attempt<'_>,
    ) -> Result<Statement, SignInError> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: String,
        }
        let discovery = self.discovered().await?;
        let place = discovery.token(&self.url)?;
        let (form, credentials) = self.exchange(code, attempt, discovery.takes_basic());
        let answer = self.fetcher.post(&place, form, credentials).await;
        let answer = answer.map_err(SignInError::Code)?;
        let tokens: Tokens = serde_json::from_slice(&answer)
            .map_err(|_| SignInError::Code(FetchError::Content("tokens")))?;
        let verified = self.issuer.verify(&tokens.id_token, &TYPES, &self.client_id).await;
        let statement = verified.map_err(SignInError::Token)?;
        if self.is_of(&statement, attempt) { Ok(statement) } else { Err(SignInError::Other) }
    }

    /// Section 3.1.3.7: it was asked for by this sign-in, for this client and no other.
    fn is_of(&self, statement: &Statement, attempt: &Attempt<'_>) -> bool {
        let claim = |name| statement.claims.named(name).and_then(|claim| claim.as_str());
        let party = claim("azp").is_none_or(|party| self.client_id.iter().any(|id| id == party));
        party && claim("nonce").is_some_and(|nonce| same(nonce, &attempt.nonce()))
    }

    fn exchange(
        &self,
        code: &str,
        attempt: &Attempt<'_>,
        basic: bool,
    ) -> (String, Option<HeaderValue>) {
        let [id] = &self.client_id;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("client_id", id)
            .append_pair("code_verifier", &attempt.verifier());
        let credentials = match &self.secret {
            Some(secret) if basic => credentials(id, secret),
            Some(secret) => {
                form.append_pair("client_secret", secret);
                None
            }
            None => None,
        };
        (form.finish(), credentials)
    }

    async fn discovered(&self) -> Result<Discovery, FetchError> {
        let mut known = self.discovery.lock().await;
        if let Some((document, since)) = &known.document
            && since.elapsed() < FRESH
        {
            return Ok(document.clone());
        }
        if known.failed.is_some_and(|at| at.elapsed() < COOL_DOWN) {
            return Err(FetchError::CoolingDown);
        }
        let found = Discovery::fetch(&self.fetcher, &self.url).await;
        let now = Instant::now();
        match &found {
            Ok(document) => {
                *known = Known { document: Some((document.clone(), now)), failed: None }
            }
            Err(_) => known.failed = Some(now),
        }
        found
    }
}

/// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
fn credentials(id: &str, secret: &str) -> Option<HeaderValue> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::try_from(format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
