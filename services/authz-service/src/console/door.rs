//! Who comes in. Where people can sign in, whoever has a session; else whoever this machine's own
//! browser is used by, to look; else nobody, and there is no console.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::Console;
use super::cookie;
use super::frame::Frame;
use super::random::Random;
use super::session::SessionKey;
use super::show::{self, Refused};
use crate::admin::access::{Administrator, is_own_name};
use crate::wire::problem::Problem;

const OFF: &str = "The console is off: nobody can sign in to it yet. It is switched on with \
                   --console-client-id, and may be looked at on http://localhost before.";
const OVER: &str = "You are not signed in, or not any longer. Nothing was changed.";

/// Whoever a page is for.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) administrator: Administrator,
    /// What the page calls them.
    pub(super) name: String,
    /// The key of the tokens in their forms; `None` for who can only look.
    pub(super) forms: Option<Random>,
    /// Their session.
    pub(super) session: Option<SessionKey>,
}

impl Console {
    async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, Problem> {
        if self.sign_in.is_none() {
            return Ok(self.onlooker(headers));
        }
        let Some(key) = cookie::SESSION.of(headers).map(SessionKey::of) else { return Ok(None) };
        let Some(session) = self.sessions.find(key, Instant::now()) else { return Ok(None) };
        if session.issued.is_revoked(self.admin().store()).await? {
            self.sessions.end(key);
            return Ok(None);
        }
        Ok(Some(Visitor {
            administrator: session.administrator,
            name: session.name,
            forms: Some(session.forms),
            session: Some(key),
        }))
    }

    fn onlooker(&self, headers: &HeaderMap) -> Option<Visitor> {
        let admin = self.admin();
        let administrator = admin.access.onlooker(headers, admin.is_local)?;
        let name = "This machine".to_owned();
        Some(Visitor { administrator, name, forms: None, session: None })
    }

    /// The same page under the name that cookies and the identity provider know, for who came to
    /// this machine by another one. Behind a proxy the name is the proxy's to say.
    fn by_its_name(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let sign_in = self.sign_in.as_ref().filter(|sign_in| sign_in.is_local())?;
        let host = headers.get(HOST)?.to_str().ok()?;
        let other = method == Method::GET && is_own_name(host) && host != sign_in.authority();
        other.then(|| format!("{}{}", sign_in.origin(), uri))
    }
}

/// Stands before everything.
pub(super) async fn open(
    State(console): State<Arc<Console>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if console.sign_in.is_none() && console.onlooker(headers).is_none() {
        let problem = Problem::new(StatusCode::NOT_FOUND, OFF);
        return show::refusal(Frame::outside("Off"), &problem);
    }
    if let Some(place) = console.by_its_name(request.method(), request.uri(), headers) {
        return Redirect::to(&place).into_response();
    }
    let answer = console.guard.bounded(next.run(request)).await;
    let answer = answer.unwrap_or_else(|problem| Refused::from(problem).into_response());
    match show::problem(&answer) {
        Some(problem) => show::refusal(Frame::outside("Not possible"), &problem),
        None => answer,
    }
}

/// Stands before every page but those about signing in.
pub(super) async fn known(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = match console.visitor(request.headers()).await {
        Ok(visitor) => visitor,
        Err(problem) => return Refused::from(problem).into_response(),
    };
    let Some(visitor) = visitor else {
        if [Method::GET, Method::HEAD].contains(request.method()) {
            return Redirect::to("/console/sign-in").into_response();
        }
        return Refused::from(Problem::new(StatusCode::FORBIDDEN, OVER)).into_response();
    };
    request.extensions_mut().insert(visitor.clone());
    let answer = next.run(request).await;
    match show::problem(&answer) {
        Some(problem) => show::refusal(Frame::of(&visitor, "", "Not possible"), &problem),
        None => answer,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let nobody = || Problem::new(StatusCode::FORBIDDEN, OVER).into();
        parts.extensions.get::<Self>().cloned().ok_or_else(nobody)
    }
}
