//! HTTP in, HTTP out: the whole of AuthZEN 1.0, Envoy's ext_authz, `/authz/me`, health.
//!
//! Only translation lives here. Every route is behind the caller's credential and the load limits,
//! but health, public keys, and signed statements of identity providers; refusals are problem details. Nothing here logs a request's content.

mod credential;
pub(crate) mod decode;
mod evaluation;
mod evaluations;
mod ext_authz;
mod front;
mod health;
mod identity_keys;
pub(crate) mod json;
mod limits;
mod me;
mod metadata;
pub(crate) mod operators;
mod page_token;
pub(crate) mod problem;
mod question;
mod revocation;
mod roles;
mod search;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use claimgate_authz_api::{
    EVALUATION_PATH, EVALUATIONS_PATH, EvaluationRequest, SEARCH_ACTION_PATH, SEARCH_RESOURCE_PATH,
    SEARCH_SUBJECT_PATH, STATE_PATH,
};
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::Instrument;

pub use credential::{Credentials, InvalidCredential};
pub use front::Front;
pub use metadata::{InvalidPublicUrl, PublicUrl};
pub use operators::operators;

use crate::changes::Changes;
use crate::decision_point::{Answer, DecisionPoint};
use crate::decisions::{Decisions, Origin};
use crate::identity_keys::IdentityKeys;
use crate::metrics::Metrics;
use crate::revoke::Revoker;
use crate::spans;
use crate::store::StoreError;
use problem::Problem;

/// Largest request body in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes share.
pub struct Service {
    /// Who decides.
    pub decision_point: DecisionPoint,
    /// The secrets of which a caller must present one.
    pub credentials: Credentials,
    /// Whether callers need neither a secret nor a certificate.
    pub is_open: bool,
    /// Requests answered at once.
    pub max_concurrent: usize,
    /// What can be changed, and what filters are told.
    pub changes: Changes,
    /// Who acts upon what identity providers say.
    pub revoker: Revoker,
    /// What operators count.
    pub metrics: Metrics,
    /// What operators read about decisions.
    pub decisions: Decisions,
    /// Whether requests are traced.
    pub is_traced: bool,
    /// Whether the service is about to end.
    pub draining: watch::Receiver<bool>,
    /// Seconds a decision may be kept; 0 for not at all.
    pub decision_max_age: u32,
    /// Base URL that discovery names.
    pub public_url: PublicUrl,
    /// The keys by which services know what the gateway says.
    pub identity_keys: IdentityKeys,
}

impl Service {
    /// Asks the decision point; counts and logs its answer.
    async fn evaluate(
        &self,
        request: &EvaluationRequest,
        origin: Origin<'_>,
    ) -> Result<Answer, StoreError> {
        let begun = self.decisions.begin();
        let span = spans::evaluation();
        let answer = self.decision_point.evaluate(request);
        // On the heap, which only traces have to pay for.
        let answer = match self.is_traced {
            true => Box::pin(answer.instrument(span.clone())).await?,
            false => answer.await?,
        };
        let response = &answer.response;
        let reason = response.context.reason.as_deref().unwrap_or_default();
        self.metrics.decided(response.decision, reason);
        self.decisions.decided(begun, request, response, origin);
        self.decisions.describe_to(&span, request, response);
        Ok(answer)
    }

    /// For how many seconds `answer` may be kept.
    fn max_age(&self, answer: &Answer) -> u32 {
        if answer.degraded {
            return 0;
        }
        let Some(until) = answer.until else { return self.decision_max_age };
        let left = until.as_second().saturating_sub(Timestamp::now().as_second());
        // Rounded down twice: better a second early than late.
        self.decision_max_age.min(u32::try_from(left - 1).unwrap_or(0))
    }
}

/// The routes that callers of `service` reach.
pub fn routes(service: &Arc<Service>) -> Front {
    let limits = limits::Limits::of(service);
    let guarded = |routes: Router<Arc<Service>>| {
        let routes = routes
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(from_fn_with_state(limits.clone(), limits::limit));
        // Before the limits, behind the credential: nobody else is worth a trace.
        let routes = if service.is_traced { routes.layer(from_fn(spans::trace)) } else { routes };
        routes.layer(from_fn_with_state(Arc::clone(service), credential::require))
    };
    let json = guarded(json_routes(service).fallback(not_found));
    let grpc = guarded(Router::new().route(ext_authz::PATH, any(ext_authz::answer)));
    // Their callers have no credential of ours; what they send is signed.
    let statements = revocation::routes()
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(limits.clone(), limits::limit));
    let router = health::routes()
        .merge(identity_keys::routes())
        .merge(json)
        .merge(statements)
        .merge(grpc.layer(from_fn(ext_authz::speak_grpc)))
        .layer(from_fn(echo_request_id))
        .layer(from_fn_with_state(Arc::clone(service), operators::count))
        .with_state(Arc::clone(service));
    Front::new(router, service, limits)
}

fn json_routes(service: &Service) -> Router<Arc<Service>> {
    Router::new()
        // Posts to it never get here, see `front`.
        .route(EVALUATION_PATH, any(only_post))
        .route(EVALUATIONS_PATH, post(evaluations::evaluate))
        .route(SEARCH_SUBJECT_PATH, post(search::subjects))
        .route(SEARCH_RESOURCE_PATH, post(search::resources))
        .route(SEARCH_ACTION_PATH, post(search::actions))
        .merge(metadata::routes(&service.public_url))
        .route(STATE_PATH, get(state::state))
        .route("/authz/me", get(me::me))
        .route(roles::PATH, any(roles::roles))
        .route(&format!("{}/{{*path}}", roles::PATH), any(roles::roles))
        .route(&format!("{}/", roles::PATH), any(roles::roles))
}

async fn only_post() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Only POST is allowed.");
    ([(ALLOW, "POST")], problem).into_response()
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "No such resource.")
}

/// Where a question with these headers came from.
fn origin(headers: &HeaderMap) -> Origin<'_> {
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    Origin { request_id, is_path: false }
}

async fn echo_request_id(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    echo(id.as_ref(), next.run(request).await)
}

/// AuthZEN 1.0, section 10.1.3: the answer carries the request's X-Request-ID.
fn echo(id: Option<&HeaderValue>, mut response: Response) -> Response {
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    response
}
