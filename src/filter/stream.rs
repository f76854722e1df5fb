//! One request's context. While the request is undecided every callback holds: with
//! `allow_on_headers_stop_iteration` a body would otherwise carry the request past us.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::driver::{Fate, SharedDriver};
use super::host;
use crate::engine::StreamId;
use crate::reply::{Challenge, Rejection};

/// One request.
pub(super) struct Stream {
    id: StreamId,
    driver: Option<SharedDriver>,
    /// As the head's callback left it; what becomes of a request that waits the driver knows.
    fate: Fate,
}

impl Stream {
    pub(super) const fn new(id: StreamId, driver: Option<SharedDriver>) -> Self {
        Self { id, driver, fate: Fate::Undecided }
    }

    fn fate(&self) -> Fate {
        match (self.fate, &self.driver) {
            (Fate::Undecided, Some(driver)) => driver.fate(self.id),
            (fate, _) => fate,
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, _: usize, _: usize) {
        if let Some(driver) = &self.driver {
            driver.answered(Some(self.id), token, headers);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.fate = match &self.driver {
            Some(driver) => driver.request(self.id),
            // A root that never accepted a configuration has nothing to decide with.
            None => {
                host::reply(&Rejection::Internal.reply(&Challenge::default()));
                Fate::Answered
            }
        };
        action(self.fate)
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        action(self.fate())
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        let fate = self.fate();
        if let (Fate::Undecided | Fate::Passed, Some(driver)) = (fate, &self.driver)
            && !driver.strip_trailers(self.id)
        {
            self.fate = Fate::Answered;
        }
        action(self.fate())
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

const fn action(fate: Fate) -> Action {
    match fate {
        Fate::Passed => Action::Continue,
        Fate::Undecided | Fate::Answered => Action::Pause,
    }
}
