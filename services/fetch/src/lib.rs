//! Small JSON documents from configured URLs, for the services: bounded in time and size, no
//! redirects, no proxy, TLS with the platform's roots. Never fetches from where a document says,
//! and knows nothing of what is in one.

use std::error::Error as _;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self as tls, ClientConfig, RootCertStore};

/// Largest document, in bytes.
const MAX_DOCUMENT: usize = 256 * 1024;
/// Longest time for one document.
const LIMIT: Duration = Duration::from_secs(3);

/// A URL with a host that can be fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(Uri);

/// Not such a URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https URL with a host, without user")]
pub struct InvalidUrl;

impl HttpUrl {
    /// Accepts `text` if it is one.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let host =
            uri.authority().is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'));
        if known && host { Ok(Self(uri)) } else { Err(InvalidUrl) }
    }

    /// Whether nobody on a network can change what is fetched from it: by https, or from this
    /// machine.
    pub fn is_protected(&self) -> bool {
        let is_https = self.0.scheme_str() == Some("https");
        let host = self.0.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        is_https || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether both are on one scheme, host and port.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.0.scheme() == other.0.scheme() && self.0.authority() == other.0.authority()
    }

    /// The URL's text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// This URL with `suffix` behind its path.
    pub fn below(&self, suffix: &str) -> Result<Self, InvalidUrl> {
        Self::parse(&format!("{}{suffix}", self.0.to_string().trim_end_matches('/')))
    }
}

/// Why a document could not be fetched. Says nothing of what was in it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered, or not to the end.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Not within three seconds.
    #[error("no answer in time")]
    Slow,
    /// Another status than 200.
    #[error("status {0}")]
    Status(StatusCode),
    /// An answer that is none of what was asked for.
    #[error("not {0}")]
    Content(&'static str),
    /// It failed a moment ago and is not asked again yet.
    #[error("failed a moment ago")]
    CoolingDown,
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Fetches documents.
#[derive(Clone)]
pub struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetcher")
    }
}

impl Fetcher {
    /// With the platform's certificate authorities. Without any, https fails when it is used.
    pub fn new() -> Result<Self, tls::Error> {
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector()?)))
    }

    /// The document at `url`.
    pub async fn get(&self, url: &HttpUrl) -> Result<Bytes, FetchError> {
        self.limited(url, Request::default()).await
    }

    /// What `url` answers to a form, sent with these credentials where there are any.
    pub async fn post(
        &self,
        url: &HttpUrl,
        form: String,
        credentials: Option<HeaderValue>,
    ) -> Result<Bytes, FetchError> {
        let mut request = Request::new(Full::from(form));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.extend(credentials.map(|credentials| (AUTHORIZATION, credentials)));
        self.limited(url, request).await
    }

    async fn limited(
        &self,
        url: &HttpUrl,
        request: Request<Full<Bytes>>,
    ) -> Result<Bytes, FetchError> {
        match tokio::time::timeout(LIMIT, self.answer(url, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Slow),
        }
    }

    async fn answer(
        &self,
        url: &HttpUrl,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Bytes, FetchError> {
        *request.uri_mut() = url.0.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.0.request(request).await.map_err(|error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            FetchError::NoAnswer(cause)
        })?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_DOCUMENT).collect().await;
        body.map(Collected::to_bytes).map_err(|error| FetchError::NoAnswer(error.to_string()))
    }
}

/// Connections to whoever a URL names, with the platform's certificate authorities.
pub fn connector() -> Result<HttpsConnector<HttpConnector>, tls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(builder.enable_http1().wrap_connector(http))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_urls_with_a_host_are_fetched_from() {
        for text in ["http://idp:8080/realms/x", "https://idp.example/jwks?x=1"] {
            assert!(HttpUrl::parse(text).is_ok(), "{text}");
        }
        for text in ["", "idp.example", "/jwks", "file:///etc/passwd", "ftp://x/", "http://a@idp/"]
        {
            assert_eq!(HttpUrl::parse(text), Err(InvalidUrl), "{text}");
        }
    }

    #[test]
    fn protected_is_https_or_this_machine() {
        let is_protected = |text: &str| HttpUrl::parse(text).unwrap().is_protected();
        let protected = ["https://x/", "http://127.0.0.1:1/", "http://[::1]/", "http://localhost/"];
        assert!(protected.into_iter().all(is_protected));
        let open = ["http://x/", "http://127.0.0.1.x/", "http://localhost.x/", "http://10.0.0.1/"];
        assert!(!open.into_iter().any(is_protected));
    }

    #[test]
    fn beside_means_scheme_host_and_port() {
        let url = |text: &str| HttpUrl::parse(text).unwrap();
        let issuer = url("https://idp.example/realms/x");
        assert!(issuer.is_beside(&url("https://idp.example/jwks")));
        for other in
            ["http://idp.example/", "https://idp.example:8443/", "https://idp.example.evil/"]
        {
            assert!(!issuer.is_beside(&url(other)), "{other}");
        }
        assert_eq!(issuer.below("/x"), HttpUrl::parse("https://idp.example/realms/x/x"));
    }
}
