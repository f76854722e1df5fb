//! Asks the host's `verify_signature` whatever a test wants to know: its arguments come in base64 in
//! `x-arguments`; a request passes if the host says that the signature is good, else it gets 401.
//!
//! It must never be used as a filter: who asks chooses the key.

#![cfg(target_arch = "wasm32")]

mod question;
