//! The admin console: pages for people, on the operators' port below [`PREFIX`].
//!
//! The life of a request: [`door`] finds out who asks, from a session that [`sign_in`] began or,
//! where nobody can sign in, because only this machine reaches the port; a page asks the guard of
//! the administration API whether they may, and the API's own functions for what it shows; a form
//! changes things through them too, once [`form`] has found that this console's own page sent it.
//! Nothing here decides, reads the store past those functions, or needs a script: every page can be
//! read and every form be sent without one.

mod attempt;
mod audit;
mod cookie;
mod decisions;
mod door;
mod explain;
mod form;
mod frame;
mod oidc;
mod overview;
mod query;
mod random;
mod revocations;
mod session;
mod show;
mod sign_in;
mod subject;
mod subjects;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};

pub use sign_in::{InvalidConsole, Secret, SignInOptions};

use crate::admin::{Admin, Guard, Permission};
use crate::wire::operators;
use crate::wire::problem::Problem;
use session::Sessions;
use sign_in::SignIn;

/// Where the console begins.
pub const PREFIX: &str = "/console";

/// Largest form in bytes.
const MAX_FORM_BYTES: usize = 16 * 1024;
const STYLE: &str = include_str!("style.css");

/// What the pages share.
pub struct Console {
    guard: Guard,
    sign_in: Option<SignIn>,
    sessions: Sessions,
    /// Whose tokens can be revoked, as far as is known here.
    issuers: Vec<String>,
}

impl Console {
    /// A console before which `guard` stands, on `address`.
    pub fn new(
        guard: Guard,
        sign_in: Option<SignInOptions>,
        address: SocketAddr,
        issuers: Vec<String>,
    ) -> Result<Self, InvalidConsole> {
        let sign_in = sign_in.map(|options| SignIn::new(options, address)).transpose()?;
        Ok(Self { guard, sign_in, sessions: Sessions::default(), issuers })
    }

    fn admin(&self) -> &Admin {
        self.guard.admin()
    }

    fn check(&self, visitor: &door::Visitor, action: &'static str, area: &'static str) -> Checked {
        self.guard.check(&visitor.administrator, Some(Permission { action, area }))
    }

    /// Whether the visitor would be let through, to show them the form or not.
    fn would(&self, visitor: &door::Visitor, area: &'static str) -> bool {
        let change = Permission { action: "change", area };
        visitor.forms.is_some() && self.guard.allows(&visitor.administrator, change)
    }
}

type Checked = Result<(), Problem>;

/// The routes of the console.
pub fn router(console: Console) -> Router {
    let console = Arc::new(console);
    let service = Arc::clone(&console.admin().service);
    let known = pages().layer(from_fn_with_state(Arc::clone(&console), door::known));
    let open = Router::new()
        .route(&at("/sign-in"), get(sign_in::page))
        .route(&at("/sign-in/start"), get(sign_in::start))
        .route(&at("/sign-in/callback"), get(sign_in::callback));
    let routes = open
        .merge(known)
        .layer(from_fn_with_state(Arc::clone(&console), door::open))
        // Pages that say why there are no others use it too.
        .route(&at("/style.css"), get(style))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn(show::protected))
        .layer(from_fn_with_state(service, operators::count))
        .with_state(console);
    let home = || async { Redirect::to("/console/") };
    Router::new().route("/", get(home)).route(PREFIX, get(home)).merge(routes)
}

fn pages() -> Router<Arc<Console>> {
    Router::new()
        .route(&at("/"), get(overview::page))
        .route(&at("/subjects"), get(subjects::page))
        .route(&at("/subjects/find"), get(subjects::find))
        .route(&at("/subjects/{type}/{id}"), get(subject::page))
        .route(&at("/subjects/{type}/{id}/grant"), post(subject::grant))
        .route(&at("/subjects/{type}/{id}/withdraw"), post(subject::withdraw))
        .route(&at("/subjects/{type}/{id}/revoke"), post(subject::revoke))
        .route(&at("/revocations"), get(revocations::page).post(revocations::revoke))
        .route(&at("/explain"), get(explain::page))
        .route(&at("/decisions"), get(decisions::page))
        .route(&at("/audit"), get(audit::page))
        .route(&at("/sign-out"), post(sign_in::end))
        .route(&at("/{*path}"), any(not_found))
        .method_not_allowed_fallback(not_allowed)
}

/// A path below the prefix.
fn at(path: &str) -> String {
    format!("{PREFIX}{path}")
}

async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "max-age=300")];
    (headers, STYLE).into_response()
}

async fn not_found() -> show::Refused {
    Problem::new(StatusCode::NOT_FOUND, "There is no such page.").into()
}

async fn not_allowed() -> show::Refused {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "The page does not take this.").into()
}
