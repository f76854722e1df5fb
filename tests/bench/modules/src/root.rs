//! The ABI's contexts, and which of the jobs they do.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::verify::Verify;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(Job::Nothing)));
}}

/// What each request is put through.
#[derive(Clone)]
enum Job {
    Nothing,
    Header,
    Verify(Rc<Verify>),
}

impl Job {
    fn parse(text: &str) -> Option<Self> {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["noop"] => Some(Self::Nothing),
            ["header"] => Some(Self::Header),
            ["verify", hash, key] => Some(Self::Verify(Rc::new(Verify::new(hash, key)?))),
            _ => None,
        }
    }
}

struct Root(Job);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().and_then(|bytes| String::from_utf8(bytes).ok());
        let job = text.as_deref().and_then(Job::parse);
        let found = job.is_some();
        self.0 = job.unwrap_or(Job::Nothing);
        found
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request(self.0.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request(Job);

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match &self.0 {
            Job::Nothing => Action::Continue,
            Job::Header => {
                let token = self.get_http_request_header("authorization");
                self.set_http_request_header("x-user-email", token.as_ref().map(|_| "somebody"));
                Action::Continue
            }
            Job::Verify(verify) => {
                let token = self.get_http_request_header("authorization");
                if token.is_some_and(|token| verify.accepts(self, &token)) {
                    return Action::Continue;
                }
                self.send_http_response(401, Vec::new(), None);
                Action::Pause
            }
        }
    }
}
