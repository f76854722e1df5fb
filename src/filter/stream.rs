//! One request's context. While the request is undecided every callback holds: with
//! `allow_on_headers_stop_iteration` a body would otherwise carry the request past us.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::driver::{Flow, SharedDriver};
use super::host;
use crate::engine::StreamId;
use crate::reply::Rejection;

/// One request.
pub(super) struct Stream {
    id: StreamId,
    driver: Option<SharedDriver>,
    passed: bool,
}

impl Stream {
    pub(super) const fn new(id: StreamId, driver: Option<SharedDriver>) -> Self {
        Self { id, driver, passed: false }
    }

    /// Whether the request has been let through, at once or after waiting.
    fn may_go_on(&self) -> bool {
        self.passed || self.driver.as_ref().is_some_and(|driver| driver.was_resumed(self.id))
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, _: usize, _: usize) {
        if let Some(driver) = &self.driver {
            driver.answered(token, headers);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // A root that never accepted a configuration has nothing to decide with.
        let Some(driver) = &self.driver else {
            host::reply(&Rejection::Internal.reply());
            return Action::Pause;
        };
        self.passed = driver.request(self.id) == Flow::Continue;
        action(self.passed)
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        action(self.may_go_on())
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let stripped = self.driver.as_ref().is_some_and(|driver| driver.strip_trailers());
        if !stripped {
            host::reply(&Rejection::Internal.reply());
        }
        action(stripped && self.may_go_on())
    }
}

/// The host deletes the context when the stream has ended, however that came about.
impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.forget(self.id);
        }
    }
}

const fn action(go_on: bool) -> Action {
    if go_on { Action::Continue } else { Action::Pause }
}
