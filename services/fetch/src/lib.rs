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
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::builderstates::WantsProtocols1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
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

/// Where somebody is reached, when that is not where the name in a URL leads: host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Authority);

/// Not such an address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be HOST:PORT")]
pub struct InvalidAddress;

impl Address {
    /// Accepts `text` if it is one.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let authority: Authority = text.parse().map_err(|_| InvalidAddress)?;
        let is_one = !authority.host().is_empty()
            && authority.port_u16().is_some_and(|port| port != 0)
            && !text.contains('@');
        if is_one { Ok(Self(authority)) } else { Err(InvalidAddress) }
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
pub struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    way: Option<Way>,
}

/// Another way to a host than by its name.
#[derive(Clone)]
struct Way {
    host: Authority,
    address: Authority,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetcher")
    }
}

impl Fetcher {
    /// With the platform's certificate authorities. Without any, https fails when it is used.
    pub fn new() -> Result<Self, tls::Error> {
        Ok(Self::with(connector()?, None))
    }

    /// The same, but what is on the host of `url` is asked for at `address`. Who answers there has to
    /// be the host all the same: it is asked by its name, and has to have a certificate for that.
    pub fn by_way_of(url: &HttpUrl, Address(address): &Address) -> Result<Self, tls::Error> {
        let way =
            url.0.authority().map(|host| Way { host: host.clone(), address: address.clone() });
        let names = way.clone();
        let connector = connections()?.with_server_name_resolver(move |uri: &Uri| {
            let there = names.iter().find(|way| uri.authority() == Some(&way.address));
            let name = there.map_or(uri.host().unwrap_or_default(), |way| way.host.host());
            let name = name.trim_start_matches('[').trim_end_matches(']');
            ServerName::try_from(name.to_owned())
        });
        Ok(Self::with(connector.enable_http1().wrap_connector(sockets()), way))
    }

    fn with(connector: HttpsConnector<HttpConnector>, way: Option<Way>) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build(connector), way }
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
        if let Some(way) = &self.way {
            way.send(&mut request);
        }
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.client.request(request).await.map_err(|error| {
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

impl Way {
    /// Has a request for the host go to the address.
    fn send(&self, request: &mut Request<Full<Bytes>>) {
        let mut parts = request.uri().clone().into_parts();
        if parts.authority.as_ref() != Some(&self.host) {
            return;
        }
        parts.authority = Some(self.address.clone());
        // Both were parsed: neither of them fails.
        let (uri, host) = (Uri::from_parts(parts), HeaderValue::from_str(self.host.as_str()));
        if let (Ok(uri), Ok(host)) = (uri, host) {
            *request.uri_mut() = uri;
            request.headers_mut().insert(HOST, host);
        }
    }
}

/// Connections to whoever a URL names, with the platform's certificate authorities.
pub fn connector() -> Result<HttpsConnector<HttpConnector>, tls::Error> {
    Ok(connections()?.enable_http1().wrap_connector(sockets()))
}

fn connections() -> Result<HttpsConnectorBuilder<WantsProtocols1>, tls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http())
}

fn sockets() -> HttpConnector {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http
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
    fn an_address_is_a_host_and_a_port() {
        for text in ["keycloak.identity.svc.cluster.local:8443", "127.0.0.1:1", "[::1]:8443"] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
        for text in ["", "idp", "idp:", "idp:0", ":1", "a@idp:1", "http://idp:1", "idp:1/x"] {
            assert_eq!(Address::parse(text), Err(InvalidAddress), "{text}");
        }
    }

    #[test]
    fn another_way_is_for_its_host_alone_and_keeps_its_name() {
        let way = Way {
            host: "login.example".parse().unwrap(),
            address: "keycloak.svc:8443".parse().unwrap(),
        };
        let sent = |url: &str| {
            let mut request = Request::<Full<Bytes>>::default();
            *request.uri_mut() = url.parse().unwrap();
            way.send(&mut request);
            let host = request.headers().get(HOST).map(|host| host.to_str().unwrap().to_owned());
            (request.uri().to_string(), host)
        };
        let expected =
            ("https://keycloak.svc:8443/certs?x=1".to_owned(), Some("login.example".into()));
        assert_eq!(sent("https://login.example/certs?x=1"), expected);
        for other in ["https://login.example:444/certs", "https://elsewhere.example/"] {
            assert_eq!(sent(other), (other.to_owned(), None));
        }
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
