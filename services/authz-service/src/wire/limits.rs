//! Load limits: how many requests at once, and how long one may take. What is beyond is refused
//! at once with 503, because a decision that comes late is worth nothing to a gateway.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::Service;
use super::problem::Problem;

/// Longest time for one request, its body included.
const MAX_DURATION: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(super) struct Limits {
    places: Arc<Semaphore>,
    service: Arc<Service>,
}

impl Limits {
    pub(super) fn of(service: &Arc<Service>) -> Self {
        let places = Arc::new(Semaphore::new(service.max_concurrent));
        Self { places, service: Arc::clone(service) }
    }

    /// What `answer` yields, if there is a place for it and it does not take too long.
    pub(super) async fn within(&self, answer: impl Future<Output = Response>) -> Response {
        let Ok(_place) = self.places.try_acquire() else {
            self.service.metrics.shed();
            return Problem::busy("Too many requests at once.").into_response();
        };
        match tokio::time::timeout(MAX_DURATION, answer).await {
            Ok(response) => response,
            Err(_) => Problem::busy("The request took too long.").into_response(),
        }
    }
}

pub(super) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    limits.within(next.run(request)).await
}
