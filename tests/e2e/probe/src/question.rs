//! One question to the host for each request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

/// `VerifySignatureResult {result: true}`; a failure has no first field.
const VERIFIED: [u8; 2] = [0x08, 0x01];

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Question))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Question;

impl Context for Question {}

impl Question {
    fn is_verified(&self) -> Option<bool> {
        let arguments = STANDARD.decode(self.get_http_request_header("x-arguments")?).ok()?;
        let answer = self.call_foreign_function("verify_signature", Some(&arguments)).ok()??;
        Some(answer == VERIFIED)
    }
}

impl HttpContext for Question {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if self.is_verified() == Some(true) {
            return Action::Continue;
        }
        self.send_http_response(401, Vec::new(), None);
        Action::Pause
    }
}
