//! The floor under any Wasm filter, for comparison: one module, told what to do by its configuration.
//!
//! - `noop`: nothing.
//! - `header`: reads one header and sets one.
//! - `verify HASH KEY`: has the host verify the signature of the request's token with this key
//!   (base64 of a SubjectPublicKeyInfo) and answers 401 unless it is good.
//!
//! It must never be used as a filter: it looks at no claim, no time and no algorithm.

#![cfg(target_arch = "wasm32")]

mod root;
mod verify;
