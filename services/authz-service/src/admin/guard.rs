//! Stands before every endpoint: bounds the load, finds out who asks, and asks whether they may.
//! What the table of endpoints does not list is refused.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::Admin;
use super::access::{Administrator, NotKnown, Way};
use super::permission::{Permission, Permissions};
use super::routes;
use crate::wire::problem::Problem;

/// Requests answered at once.
const MAX_CONCURRENT: usize = 64;
/// Longest time for one request, its body included.
const MAX_DURATION: Duration = Duration::from_secs(10);

/// What a request wants, by the table of endpoints.
struct Wish {
    method: Method,
    path: Option<MatchedPath>,
}

impl Wish {
    fn of(request: &Request) -> Self {
        let method = match *request.method() {
            Method::HEAD => Method::GET,
            ref method => method.clone(),
        };
        Self { method, path: request.extensions().get().cloned() }
    }

    fn needed(&self) -> Option<Permission> {
        let path = self.path.as_ref()?.as_str();
        // A method that the path does not have: whoever may look is told which ones it has.
        routes::permission(self.method.as_str(), path).or_else(|| routes::any(path))
    }
}

/// What stands before everything that administers: one for the API and the console.
#[derive(Clone)]
pub struct Guard {
    admin: Arc<Admin>,
    permissions: Option<Arc<Permissions>>,
    places: Arc<Semaphore>,
}

impl Guard {
    /// Of what is administered.
    pub fn of(admin: &Arc<Admin>) -> Self {
        // Built in and tested; were they unusable nobody would be let in.
        let permissions = Permissions::built_in()
            .inspect_err(|error| tracing::error!(%error, "administration is closed"));
        Self {
            admin: Arc::clone(admin),
            permissions: permissions.ok().map(Arc::new),
            places: Arc::new(Semaphore::new(MAX_CONCURRENT)),
        }
    }

    /// What is administered.
    pub(crate) fn admin(&self) -> &Arc<Admin> {
        &self.admin
    }

    async fn admit(&self, way: Way<'_>, asked: &Wish) -> Result<Administrator, Problem> {
        let known = self.admin.access.administrator(way, self.admin.store()).await;
        let administrator = known.map_err(|error| self.not_known(error))?;
        self.check(&administrator, asked.needed())?;
        Ok(administrator)
    }

    /// Refuses whose roles do not allow it; where nothing says what is needed, everybody.
    pub(crate) fn check(
        &self,
        administrator: &Administrator,
        needed: Option<Permission>,
    ) -> Result<(), Problem> {
        if needed.is_some_and(|needed| self.allows(administrator, needed)) {
            return Ok(());
        }
        self.admin.service.metrics.refused_login("forbidden");
        Err(Problem::new(StatusCode::FORBIDDEN, "Your roles do not allow this."))
    }

    /// Whether the administrator may do this.
    pub(crate) fn allows(&self, administrator: &Administrator, needed: Permission) -> bool {
        self.permissions.as_ref().is_some_and(|them| them.allow(administrator, needed))
    }

    /// The outcome of `answer`, unless too many wait for theirs or it takes too long.
    pub(crate) async fn bounded<T>(&self, answer: impl Future<Output = T>) -> Result<T, Problem> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Problem::busy("Too many requests at once."));
        };
        let outcome = tokio::time::timeout(MAX_DURATION, answer).await;
        outcome.map_err(|_| Problem::busy("The request took too long."))
    }

    fn not_known(&self, error: NotKnown) -> Problem {
        self.admin.service.metrics.refused_login(error.reason());
        match error {
            NotKnown::Store(error) => error.into(),
            NotKnown::Keys => Problem::busy("The issuer's keys cannot be fetched."),
            NotKnown::Certificate => {
                Problem::new(StatusCode::FORBIDDEN, "The certificate's name is not known here.")
            }
            NotKnown::Missing
            | NotKnown::Malformed
            | NotKnown::Token
            | NotKnown::Revoked
            | NotKnown::Secret => Problem::new(
                StatusCode::UNAUTHORIZED,
                "The administrator's token is missing or does not count here.",
            ),
        }
    }
}

pub(super) async fn guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Response {
    let wish = Wish::of(&request);
    let answer = async {
        let way = Way {
            headers: request.headers(),
            peer: request.extensions().get(),
            is_local: guard.admin.is_local,
        };
        match guard.admit(way, &wish).await {
            Ok(administrator) => {
                request.extensions_mut().insert(administrator);
                next.run(request).await
            }
            Err(problem) => problem.into_response(),
        }
    };
    guard.bounded(answer).await.unwrap_or_else(IntoResponse::into_response)
}
