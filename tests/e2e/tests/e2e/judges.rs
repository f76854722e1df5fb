//! The built module and Envoy's own `jwt_authn` as judges of the same tokens, in one Envoy, with the
//! same issuer, audience, keys and tolerance.
//!
//! `corpus` and `signatures` show the host's verifier what `tests/pipeline` shows the portable one;
//! `differential` compares the two judges.

mod corpus;
mod differential;
mod generated;
mod parts;
mod rules;
mod samples;
mod signatures;

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use claimgate_corpus::hostile::World;
use claimgate_corpus::sign::{self, Signer};
use claimgate_e2e::bare::{self, Bare};
use claimgate_e2e::client::Request;
use claimgate_e2e::mint::now;
use serde_json::json;

/// Those of the files in tests/testdata/jose.
const ISSUER: &str = "https://idp.test/realms/demo";
const AUDIENCE: &str = "account";
/// Seconds that clocks may differ, for both: enough to ask thousands of times.
const TOLERANCE: u64 = 300;
/// At a time. Both judges are in one process with two workers.
const CONNECTIONS: usize = 8;

/// Lives until this process ends, like the shared stacks.
fn judges() -> &'static Bare {
    static JUDGES: OnceLock<Bare> = OnceLock::new();
    JUDGES.get_or_init(|| {
        let keys = sign::jwks().to_string();
        let policy = json!({
            "version": "v1",
            "providers": [{
                "name": "idp", "issuer": ISSUER, "audiences": [AUDIENCE],
                "clock_skew": format!("{TOLERANCE}s"), "jwks": {"inline": keys},
            }],
            "routes": [{
                "name": "r", "match": {"path": "/r"}, "token": "required",
                "rules": [{"name": "all", "allow": {"always": true}}],
            }],
        });
        let provider = json!({
            "issuer": ISSUER, "audiences": [AUDIENCE], "clock_skew_seconds": TOLERANCE,
            "local_jwks": {"inline_string": keys},
        });
        Bare::start(&[
            ("claimgate", bare::claimgate(&policy)),
            ("jwt_authn", bare::jwt_authn(&provider)),
        ])
    })
}

fn world() -> World {
    World {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        now: now(),
        signer: Signer::new(),
    }
}

/// The status for each credential, sent in `authorization`.
fn statuses(judge: &str, credentials: &[String]) -> Vec<u16> {
    statuses_of(judges().address(judge), "authorization", credentials)
}

/// The status for each value of this header.
fn statuses_of(address: SocketAddr, header: &str, values: &[String]) -> Vec<u16> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut found = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(value) = values.get(index) else { return found };
            let reply = Request::get("/r").header(header, value).send(address);
            found.push((index, reply.status));
        }
    };
    let mut found: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a judgement")).collect()
    });
    // In the order of the values, whoever asked for which.
    found.sort_unstable();
    found.into_iter().map(|(_, status)| status).collect()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
