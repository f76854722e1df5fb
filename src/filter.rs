//! The adapter: the only code that knows the host. It turns callbacks into engine events and
//! steps into host calls, decides nothing, and never panics: a panic would end the VM and every
//! request in it.
//!
//! `root` is what lives as long as a configuration, `stream` what lives as long as a request,
//! `driver` performs steps for both, `answer` reads what callouts bring, `host` makes all calls.

mod answer;
mod counters;
mod driver;
mod host;
mod host_signer;
mod host_verifier;
mod root;
mod stream;

use proxy_wasm::traits::RootContext;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}
