//! What is fuzzed: one function for each target, which panics when something does not hold.
//!
//! They are functions of their bytes alone: nothing that counts is kept from one call to the next, so whatever
//! is found is found again. The programs that hand them libFuzzer's bytes are in `bin/`; the tests
//! hand them every seed.

mod authz;
mod cel;
mod check_request;
mod dpop;
mod gateway;
mod questions;
mod seeds;
mod shared;
mod statements;

use claimgate::authn::{KeySet, PortableVerifier};
use claimgate::policy::Policy;
use serde_json::Value;

pub use cel::cel;
pub use check_request::check_request;
pub use dpop::dpop;
use gateway::{BelievesEverything, Gateway};
pub use questions::questions;
pub use seeds::{seeds, signed};
pub use shared::shared;
pub use statements::statements;

/// A credential, as `authorization` carries it, at a gateway with fixed keys. Only what was signed
/// may pass, byte for byte.
pub fn token(credential: &[u8]) {
    let gateway = Gateway::new(Box::new(PortableVerifier));
    if gateway.lets_pass(credential) {
        let token = token_of(credential).expect("what passes is a bearer token");
        assert!(signed().tokens.contains(&token), "accepted, and nobody signed it");
    }
}

/// The same where every signature is believed: what is behind the signature check must not panic
/// either, and nothing passes without the right issuer, audience and time.
pub fn claims(credential: &[u8]) {
    let gateway = Gateway::new(Box::new(BelievesEverything));
    if gateway.lets_pass(credential) {
        let token = token_of(credential).expect("what passes is a bearer token");
        let claims = gateway::payload(&token).expect("what passes has claims");
        assert!(signed().issuers().contains(&&claims["iss"]), "another issuer");
        let audience = Value::from(signed().audience.as_str());
        let for_us = |aud: &Value| aud == &audience;
        let many = claims["aud"].as_array().is_some_and(|list| list.iter().any(for_us));
        assert!(many || for_us(&claims["aud"]), "another audience");
        let ends = claims["exp"].as_f64().expect("a date");
        assert!(ends + gateway::CLOCK_SKEW > signed().now as f64, "expired");
    }
}

/// A key set's document. What it yields is small and can be followed by itself.
pub fn jwks(document: &[u8]) {
    if let Ok(set) = KeySet::default().succeed(document) {
        assert!(!set.is_empty() && set.len() <= 64, "{} keys", set.len());
        let next = set.succeed(document).expect("the same document");
        assert_eq!(set.len(), next.len());
    }
}

/// A configuration. What it yields can be written down, and errors name no value of the environment.
pub fn config(document: &[u8]) {
    const SECRET: &str = "a-secret-of-the-environment-0123456789";
    // The fuzzer finds the text in comparisons and writes it into documents; errors may repeat those.
    if document.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()) {
        return;
    }
    let said = match Policy::from_document(document, &|_| Some(SECRET.to_owned())) {
        Ok(policy) => policy.to_string(),
        Err(error) => error.to_string(),
    };
    assert!(!said.contains(SECRET), "{said}");
}

fn token_of(credential: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(credential).ok()?;
    let (_scheme, token) = text.trim_ascii().split_once(' ')?;
    Some(token.trim_ascii().to_owned())
}

#[cfg(test)]
mod tests;
