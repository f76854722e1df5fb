//! A gateway that knows the keys of a file of `tests/testdata/jose`, at the time of its tokens.

use claimgate::authn::PortableVerifier;
use claimgate::engine::{Engine, StreamId};
use claimgate::pipeline::Step;
use claimgate::policy::Policy;
use claimgate::reply::Rejection;
use claimgate::request::{Pairs, RequestHead};
use claimgate::time::Timestamp;
use claimgate_corpus::text;
use serde_json::{Value, json};

/// A gateway for the tokens of one file.
pub struct Gateway {
    engine: Engine,
    now: Timestamp,
    next: StreamId,
}

impl Gateway {
    /// With the keys, issuer, audience and time of this file.
    pub fn of(file: &Value) -> Self {
        let policy = Policy::from_document(config(file).to_string().as_bytes(), &|_| None);
        let policy = policy.unwrap_or_else(|error| panic!("{error}"));
        Self {
            engine: Engine::new(policy, Box::new(PortableVerifier)),
            now: Timestamp::from_secs(file["now"].as_u64().unwrap()),
            next: 0,
        }
    }

    /// Whether a request with this token goes upstream; why not.
    pub fn take(&mut self, token: &str) -> Result<(), Rejection> {
        let credential = format!("Bearer {token}");
        let headers: [(&[u8], &[u8]); 4] = [
            (b":method", b"GET"),
            (b":path", b"/r"),
            (b":authority", b"shop"),
            (b"authorization", credential.as_bytes()),
        ];
        let policy = self.engine.policy();
        let (own, reads) = (&policy.own_headers, &policy.reads);
        let head = RequestHead::parse(Pairs::serialize(headers), own, reads).unwrap();
        self.next += 1;
        match self.engine.request(self.next, head, self.now) {
            Step::Forward(..) => Ok(()),
            Step::Reply(rejection, _) => Err(rejection),
            other => panic!("neither passed nor refused: {other:?}"),
        }
    }
}

fn config(file: &Value) -> Value {
    json!({
        "version": "v1",
        "providers": [{
            "name": "idp", "issuer": text(file, "issuer"), "audiences": [file["audience"]],
            "jwks": {"inline": file["jwks"].to_string()},
        }],
        "routes": [{
            "name": "r", "match": {"path": "/r"}, "token": "required",
            "rules": [{"name": "all", "allow": {"always": true}}],
        }],
    })
}
