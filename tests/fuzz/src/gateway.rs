//! A gateway with fixed keys at a fixed time, new for every input.
//!
//! It must never answer for the filter: a request passes when the engine says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{Algorithm, Key, SignatureVerifier};
use claimgate::engine::Engine;
use claimgate::pipeline::Step;
use claimgate::policy::Policy;
use claimgate::request::{Pairs, RequestHead};
use claimgate::time::Timestamp;
use serde_json::{Value, json};

use crate::signed;

/// Seconds that clocks may differ.
pub(crate) const CLOCK_SKEW: f64 = 60.0;

pub(crate) struct Gateway(Engine);

impl Gateway {
    pub(crate) fn new(verifier: Box<dyn SignatureVerifier>) -> Self {
        let policy = Policy::from_document(config().to_string().as_bytes(), &|_| None);
        Self::under(policy.expect("a good policy"), verifier)
    }

    pub(crate) fn under(policy: Policy, verifier: Box<dyn SignatureVerifier>) -> Self {
        Self(Engine::new(policy, verifier))
    }

    /// Whether a request with this credential goes upstream.
    pub(crate) fn lets_pass(mut self, credential: &[u8]) -> bool {
        let headers = [
            (&b":method"[..], &b"GET"[..]),
            (b":path", b"/r"),
            (b":authority", b"shop"),
            (b"authorization", credential),
        ];
        let policy = self.0.policy();
        let reads = &policy.reads;
        let head = RequestHead::parse(Pairs::serialize(headers), &policy.own_headers, reads);
        let Some(head) = head else { return false };
        matches!(self.0.request(1, head, now()), Step::Forward(..))
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(signed().now)
}

pub(crate) fn config() -> Value {
    let issuer = &signed().issuer;
    json!({
        "version": "v1",
        "providers": [{
            "name": "idp", "issuer": issuer, "audiences": [signed().audience],
            "clock_skew": format!("{CLOCK_SKEW}s"), "roles_claim": "realm_access.roles",
            "jwks": {"inline": signed().jwks.to_string()},
        }],
        "routes": [{
            "name": "r", "match": {"path": "/r"}, "token": "required",
            "rules": [
                {"name": "blocked", "deny": {"claims": {"sub": ["mallory"]}}},
                {"name": "all", "allow": {"always": true}},
            ],
        }],
        "identity_headers": {"x-user-email": {"claim": "email"}, "x-user-roles": {"roles": "token"}},
    })
}

/// Says yes to every signature, so that what is behind the check can be reached.
#[derive(Debug)]
pub(crate) struct BelievesEverything;

impl SignatureVerifier for BelievesEverything {
    fn verify(&self, _: Algorithm, _: &Key, _: &[u8], _: &[u8]) -> bool {
        true
    }
}

/// A token with these claims, as `authorization` has it. What a token needs is added; the signature is
/// for who [believes everything](BelievesEverything).
pub(crate) fn credential(claims: Value) -> String {
    let mut whole = json!({
        "iss": signed().issuer, "aud": signed().audience, "sub": "alice", "exp": signed().now + 60,
    });
    if let (Value::Object(whole), Value::Object(claims)) = (&mut whole, claims) {
        for (name, value) in claims {
            whole.entry(name).or_insert(value);
        }
    }
    let header = json!({"alg": "RS256", "kid": "rsa"});
    let [header, claims] = [header, whole].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signature = "A".repeat(342);
    format!("Bearer {header}.{claims}.{signature}")
}

/// The claims of a token, read with nothing of the filter's.
pub(crate) fn payload(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
