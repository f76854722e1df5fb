//! Signing in and out. The way back from the identity provider ends on a page of ours that leads
//! on by itself: a redirect from there would still be the provider's doing to a browser, which
//! would leave the session's strict cookie out.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use claimgate::authn::{ClaimPath, Statement};
use jiff::Timestamp;

use super::attempt::Attempts;
use super::cookie;
use super::form::{Form, Sent};
use super::frame::Frame;
use super::oidc::{Provider, SignInError};
use super::query::Filled;
use super::random::{self, Random};
use super::session::Session;
use super::show::{self, Shown};
use super::{Console, PREFIX};
use crate::admin::access::{Administrator, is_own_name};
use crate::admin::revoked::Issued;
use crate::trust::IssuerOptions;
use crate::wire::PublicUrl;
use crate::wire::problem::Problem;

/// Longest name that a page calls somebody by, in characters.
const MAX_NAME: usize = 64;

/// How people sign in.
#[derive(Debug)]
pub struct SignInOptions {
    /// Issuer of their ID tokens, exactly.
    pub issuer: String,
    /// URL of its key set; what its discovery document says when `None`.
    pub jwks: Option<String>,
    /// What the console is called there.
    pub client_id: String,
    /// What it proves that with; `None` for a public client.
    pub secret: Option<Secret>,
    /// Where browsers find the console; `http://localhost` and the port when `None`.
    pub url: Option<PublicUrl>,
    /// Claim of the ID token with their roles.
    pub roles: ClaimPath,
}

/// A secret, without a form to be logged in.
pub struct Secret(String);

impl Secret {
    /// What a file or a variable holds.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A console that nobody could sign in to as configured.
#[derive(Debug, thiserror::Error)]
#[error("--console-{field}: {problem}")]
pub struct InvalidConsole {
    field: &'static str,
    problem: String,
}

/// Signs people in.
pub(super) struct SignIn {
    provider: Provider,
    attempts: Attempts,
    roles: ClaimPath,
    origin: String,
    is_local: bool,
}

impl SignIn {
    pub(super) fn new(options: SignInOptions, address: SocketAddr) -> Result<Self, InvalidConsole> {
        let invalid = |(field, problem)| InvalidConsole { field, problem };
        let (origin, is_local) = origin(options.url.as_ref(), address).map_err(invalid)?;
        let issuer = IssuerOptions {
            issuer: options.issuer,
            jwks: options.jwks,
            address: None,
            logout_audiences: Vec::new(),
            event_audiences: Vec::new(),
        };
        let secret = options.secret.map(|secret| secret.0);
        let back = format!("{origin}{PREFIX}/sign-in/callback");
        let provider = Provider::new(issuer, options.client_id, secret, back).map_err(invalid)?;
        let no_random = |error: getrandom::Error| invalid(("client-id", error.to_string()));
        let attempts = Attempts::new().map_err(no_random)?;
        Ok(Self { provider, attempts, roles: options.roles, origin, is_local })
    }

    /// Scheme, host and port that browsers know the console by.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port of it.
    pub(super) fn authority(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether it is reached on this machine, without a proxy.
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    fn session(&self, statement: &Statement) -> Result<Session, Problem> {
        let nobody = || refused("The identity provider does not say who you are.");
        let administrator = Administrator::of(statement, &self.roles).ok_or_else(nobody)?;
        let claim = |name| statement.claims.named(name).and_then(|claim| claim.as_str());
        let name = claim("preferred_username").or_else(|| claim("name")).or_else(|| claim("sub"));
        let name = name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_NAME);
        let forms = Random::new().map_err(random::none)?;
        let issued = Issued::of(self.provider.name(), statement);
        Ok(Session { administrator, name: name.collect(), forms, issued })
    }
}

/// The origin, and whether it is this machine's own. Cookies for a secure origin alone need one.
fn origin(
    url: Option<&PublicUrl>,
    address: SocketAddr,
) -> Result<(String, bool), (&'static str, String)> {
    let wrong = |problem: &str| Err(("url", problem.to_owned()));
    let Some(url) = url else {
        if !address.ip().is_loopback() {
            return wrong("is required where --admin-listen is not a loopback address");
        }
        return Ok((format!("http://localhost:{}", address.port()), true));
    };
    let text = url.to_string().to_ascii_lowercase();
    let Some((scheme, authority)) = text.split_once("://") else { return wrong("must be a URL") };
    if authority.contains('/') {
        return wrong("must have no path: its cookies are for the whole of a host");
    }
    let is_local = scheme == "http" && is_own_name(authority);
    if scheme != "https" && !is_local {
        return wrong("must be https, but on this machine");
    }
    // As browsers name an origin (RFC 6454, section 6.1).
    let port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    Ok((format!("{scheme}://{authority}"), is_local))
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, detail)
}

impl Console {
    fn with_sign_in(&self) -> Result<&SignIn, Problem> {
        let nobody = || Problem::new(StatusCode::NOT_FOUND, "Nobody can sign in here yet.");
        self.sign_in.as_ref().ok_or_else(nobody)
    }

    fn not_signed_in(&self, error: &SignInError) -> Problem {
        self.admin().service.metrics.refused_login("sign_in");
        tracing::warn!(%error, "nobody was signed in");
        match error {
            SignInError::Provider(_) | SignInError::Code(_) => Problem::new(
                StatusCode::BAD_GATEWAY,
                "The identity provider did not answer as it should. Try again in a moment.",
            ),
            SignInError::Token(_) | SignInError::Other => {
                refused("What the identity provider says does not count here.")
            }
        }
    }
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'p> {
    frame: Frame,
    provider: &'p str,
}

/// `GET /sign-in`: where signing in begins.
pub(super) async fn page(State(console): State<Arc<Console>>) -> Shown {
    let provider = console.with_sign_in()?.provider.name();
    show::page(&SignInPage { frame: Frame::outside("Sign in"), provider })
}

/// `GET /sign-in/start`: on to the identity provider.
pub(super) async fn start(State(console): State<Arc<Console>>) -> Shown {
    let sign_in = console.with_sign_in()?;
    let attempt = sign_in.attempts.begin(Timestamp::now()).map_err(random::none)?;
    let place = sign_in.provider.authorization(&attempt).await;
    let place = place.map_err(|error| console.not_signed_in(&error))?;
    let mut response = Redirect::to(&place).into_response();
    set(&mut response, cookie::SIGN_IN.set(&attempt.cookie));
    Ok(response)
}

#[derive(Template)]
#[template(path = "console/arrived.html")]
struct ArrivedPage {
    frame: Frame,
}

/// `GET /sign-in/callback`: back from the identity provider.
pub(super) async fn callback(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    uri: Uri,
) -> Shown {
    let session = signed_in(&console, &headers, &uri).await?;
    let id = console.sessions.begin(session, Instant::now()).map_err(random::none)?;
    let mut response = show::page(&ArrivedPage { frame: Frame::outside("Signed in") })?;
    set(&mut response, cookie::SIGN_IN.gone());
    set(&mut response, cookie::SESSION.set(&id));
    Ok(response)
}

async fn signed_in(console: &Console, headers: &HeaderMap, uri: &Uri) -> Result<Session, Problem> {
    let sign_in = console.with_sign_in()?;
    let query = Filled::of(uri)?;
    let other = || {
        console.admin().service.metrics.refused_login("sign_in");
        let detail = "This sign-in was not begun in this browser, or took too long. Try again.";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    };
    let begun = cookie::SIGN_IN.of(headers).ok_or_else(other)?;
    let state = query.value("state").ok_or_else(other)?;
    let attempt = sign_in.attempts.resume(begun, state, Timestamp::now()).ok_or_else(other)?;
    // RFC 9207: an answer that names its issuer names the one that was asked.
    if query.value("iss").is_some_and(|issuer| issuer != sign_in.provider.name()) {
        return Err(other());
    }
    let Some(code) = query.value("code") else {
        console.admin().service.metrics.refused_login("sign_in");
        return Err(refused("The identity provider did not sign you in."));
    };
    let statement = sign_in.provider.redeem(code, &attempt).await;
    sign_in.session(&statement.map_err(|error| console.not_signed_in(&error))?)
}

/// `POST /sign-out`: ends the visitor's own session.
pub(super) async fn end(State(console): State<Arc<Console>>, sent: Sent) -> Shown {
    let (visitor, _) = sent.read(&console, Form::SignOut)?;
    if let Some(session) = visitor.session {
        console.sessions.end(session);
    }
    let mut response = Redirect::to("/console/sign-in").into_response();
    set(&mut response, cookie::SESSION.gone());
    Ok(response)
}

fn set(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
