//! A scripted host for the module that ships: proxy-wasm ABI 0.2.1 as Envoy 1.40 behaves, in a
//! Wasm interpreter. A test starts a [`Vm`], delivers callbacks, and looks at the [`Effect`]s.
//!
//! It must never be kinder than Envoy: a header of a stream that has been resumed is out of
//! reach, a context that is gone cannot be entered, and what no module may do, such as answering
//! a request twice, fails the test by itself (see `referee`). A trap fails the test too.

mod context;
mod effect;
mod guest;
mod host;
mod imports;
mod module;
mod pairs;
mod referee;
mod sign;
pub mod status;
mod vm;
mod wasi;

pub use effect::{Answer, Call, Effect, LocalReply, Map};
pub use module::{ALLOWED_IMPORTS, Plugin, plugin};
pub use pairs::HeaderMap;
pub use vm::{Action, Fate, Vm};
