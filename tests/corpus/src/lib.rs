//! One corpus for every verifier: the portable one in `tests/pipeline`, the host's in `tests/e2e`.
//!
//! - [`vectors`]: signatures that others have published or made, with what is to be said of them;
//! - [`sign`]: tokens of every algorithm, with the test-only keys;
//! - [`hostile`]: tokens that somebody's verifier once took, each with why it must be refused;
//! - [`mutate`]: what can be done to a token without its key.
//!
//! It must never know the filter: what is expected comes from standards, not from our code.

#![allow(clippy::needless_pass_by_value)] // `json!` literals are handed over as they are

pub mod hostile;
pub mod mutate;
pub mod random;
pub mod sign;
pub mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Where a token differs from a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// What the header says.
    Header,
    /// What the claims say, but for when.
    Claims,
    /// `exp`, `nbf` and `iat`.
    Time,
    /// The signature, or what it was made with.
    Signature,
    /// How the same would be written: parts, base64url, JSON.
    Encoding,
}

/// A file of `tests/testdata/jose`.
#[must_use]
pub fn file(name: &str) -> Value {
    let path = testdata().join("jose").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A text member.
#[must_use]
#[track_caller]
pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name:?}"))
}

/// base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The reverse of [`encode`]; panics on anything else.
#[must_use]
#[track_caller]
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}
