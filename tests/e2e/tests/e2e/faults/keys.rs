//! Keys that change, and keys that nobody has: valid tokens never fail for it, and the identity
//! provider is asked a few times only, whatever the traffic.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use claimgate_e2e::SOON;
use claimgate_e2e::client::Request;
use claimgate_e2e::edit;
use claimgate_e2e::gate::Gate;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use claimgate_proc::wait_until;
use xtask::stack::{Part, Stack};

use super::{becomes, expect, gauge, get};

const THREADS: usize = 8;
/// Between the beginnings of two requests of a thread: five hundred a second all together.
const PACE: Duration = Duration::from_millis(16);

fn admin(stack: &Stack, request: &Request) -> claimgate_e2e::client::Reply {
    request.send(([127, 0, 0, 1], stack.ports().idp_admin).into())
}

/// How often the provider's keys have been fetched since it started.
pub(super) fn fetches(stack: &Stack) -> u64 {
    admin(stack, &Request::get("/stats")).json()["jwks_requests"].as_u64().expect("a count")
}

/// The new signing key's id.
fn rotate(stack: &Stack) -> String {
    let reply = admin(stack, &Request::new("POST", "/keys/rotate"));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["kid"].as_str().expect("a kid").to_owned()
}

fn retire(stack: &Stack, kid: &str) {
    let reply = admin(stack, &Request::new("DELETE", format!("/keys/{kid}")));
    assert_eq!(reply.status, 204, "{reply:?}");
}

fn access(stack: &Stack) -> String {
    tokens::direct(stack, &CUSTOMER_MANAGER).access_token
}

/// Requests with all of these tokens in turn, from several threads, until it is stopped.
struct Traffic<'a> {
    stack: &'a Stack,
    tokens: Mutex<Vec<String>>,
    stopped: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl<'a> Traffic<'a> {
    fn with(stack: &'a Stack, token: String) -> Self {
        Self {
            stack,
            tokens: Mutex::new(vec![token]),
            stopped: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            failed: Mutex::default(),
        }
    }

    fn run(&self) {
        let begun = Instant::now();
        for round in 0.. {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            let token = {
                let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                tokens[round % tokens.len()].clone()
            };
            let paths = ["/products", "/customers/health", "/products/1", "/customers"];
            let path = paths[round % paths.len()];
            self.note(path, get(path, Some(&token)).try_send(self.stack.address(Part::Envoy)));
            let next = PACE * u32::try_from(round + 1).expect("not that many");
            thread::sleep(next.saturating_sub(begun.elapsed()));
        }
    }

    fn note(&self, path: &str, reply: std::io::Result<claimgate_e2e::client::Reply>) {
        match reply {
            Ok(reply) if reply.status == 200 => {}
            other => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.push(format!("{path}: {other:?}"));
            }
        }
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        change(&mut self.tokens.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Until this many more have been answered.
    #[track_caller]
    fn go_on(&self, count: usize) {
        let target = self.answered.load(Ordering::SeqCst) + count;
        let done = || self.answered.load(Ordering::SeqCst) >= target;
        assert!(wait_until(SOON * 2, done), "the traffic stands still");
    }

    /// Runs beside `script`; stopped also when that panics, so that the test ends.
    fn beside(&self, script: impl FnOnce()) {
        struct Stop<'s>(&'s AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        thread::scope(|threads| {
            let _stop = Stop(&self.stopped);
            for _ in 0..THREADS {
                threads.spawn(|| self.run());
            }
            script();
        });
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = self.answered.load(Ordering::SeqCst);
        assert!(failed.is_empty(), "{} of {answered} failed: {:?}", failed.len(), failed.first());
    }
}

/// The id of the first signing key.
fn first_key(stack: &Stack) -> String {
    let keys = tokens::published_keys(stack)["keys"].clone();
    let first = keys.as_array().expect("keys").iter().find(|key| key["use"] == "sig");
    first.expect("a signing key")["kid"].as_str().expect("a kid").to_owned()
}

fn refreshed_every(refresh: &'static str) -> impl FnOnce(&mut serde_json::Value) + 'static {
    move |config| {
        edit::policy(config)["providers"][0]["jwks"]["refresh"] = refresh.into();
    }
}

/// Each worker needs the keys, and they are fetched once for all.
#[test]
fn keys_rotated_under_traffic_fail_no_request_and_cost_one_fetch_each() {
    let stack = own_stack(builder().edit_envoy(refreshed_every("1h")));
    let (first, base) = (first_key(&stack), fetches(&stack));
    let fetched = || fetches(&stack) - base;
    let traffic = Traffic::with(&stack, access(&stack));
    traffic.beside(|| {
        traffic.go_on(500);
        assert_eq!(fetched(), 1, "the first keys");
        for event in [2, 3] {
            rotate(&stack);
            traffic.change(|tokens| tokens.push(access(&stack)));
            traffic.go_on(500);
            assert_eq!(fetched(), event, "one more for a new key");
        }
        // From here on its tokens are not valid any more.
        traffic.change(|tokens| drop(tokens.remove(0)));
        traffic.go_on(2 * THREADS);
        retire(&stack, &first);
        traffic.go_on(500);
        assert_eq!(fetched(), 3, "nobody asks for what is gone");
        rotate(&stack);
        traffic.change(|tokens| tokens.push(access(&stack)));
        traffic.go_on(500);
        assert_eq!(fetched(), 4);
    });
}

#[test]
fn the_tokens_of_a_retired_key_end_on_every_worker_with_one_refresh() {
    let stack = own_stack(builder().edit_envoy(refreshed_every("4s")));
    let (first, old) = (first_key(&stack), access(&stack));
    let traffic = Traffic::with(&stack, old.clone());
    traffic.beside(|| {
        traffic.go_on(200);
        rotate(&stack);
        traffic.change(|tokens| *tokens = vec![access(&stack)]);
        traffic.go_on(2 * THREADS + 200);
        let (base, begun) = (fetches(&stack), Instant::now());
        retire(&stack, &first);
        // The next refresh sees it gone; another one has to begin before it has failed to.
        let refused =
            || get("/products", Some(&old)).send(stack.address(Part::Envoy)).status == 401;
        assert!(wait_until(SOON, refused), "it is still accepted");
        // A fetch for the refresh, and one for the name that is unknown from then on.
        let refreshes = begun.elapsed().as_secs() / 3 + 1;
        let fetched = fetches(&stack) - base;
        assert!((1..=refreshes + 1).contains(&fetched), "{fetched} fetches");
        // Within the second in which every worker looks, and for good.
        let everywhere = || (0..20).all(|_| refused());
        assert!(wait_until(SOON, everywhere), "a worker still accepts it");
        assert!((0..50).all(|_| refused()));
    });
    for (name, least) in [("healthy", 1), ("keys", 1), ("age_seconds", 0)] {
        let name = format!("wasmcustom.claimgate.jwks.keycloak.{name}");
        assert!(gauge(&stack, &name) >= least, "{name}");
    }
}

#[test]
fn the_tokens_of_a_retired_key_end_with_the_next_fetch() {
    let stack = own_stack(builder().workers(1));
    let mint = Mint::of(&stack);
    let old = mint.header()["kid"].as_str().expect("a kid").to_owned();
    let before = access(&stack);
    expect(&stack, &get("/customers", Some(&before)), 200);
    rotate(&stack);
    retire(&stack, &old);
    let after = access(&stack);
    expect(&stack, &get("/customers", Some(&after)), 200);
    for path in ["/customers", "/products", "/auth/me"] {
        expect(&stack, &get(path, Some(&before)), 401);
        expect(&stack, &get(path, Some(&mint.good(&mint.claims(&USER)))), 401);
    }
    expect(&stack, &get("/customers", Some(&after)), 200);
}

/// 1 000 tokens from eight threads, each naming a key that nobody has.
fn flood(stack: &Stack, mint: &Mint) {
    thread::scope(|threads| {
        for thread in 0..8 {
            threads.spawn(move || {
                for index in 0..125 {
                    let kid = format!("unknown-{thread}-{index}");
                    let header = with(&mint.header(), "kid", kid.into());
                    let token = mint.token(&header, &mint.claims(&USER));
                    let path = ["/products", "/customers"][index % 2];
                    expect(stack, &get(path, Some(&token)), 401);
                }
            });
        }
    });
}

#[test]
fn a_flood_of_unknown_keys_costs_few_fetches_and_no_valid_request() {
    let stack = own_stack(builder());
    let mint = Mint::of(&stack);
    let traffic = Traffic::with(&stack, access(&stack));
    traffic.beside(|| {
        traffic.go_on(50);
        let (base, begun) = (fetches(&stack), Instant::now());
        flood(&stack, &mint);
        traffic.go_on(20);
        // Five in a burst and one more each five seconds, for all workers together.
        let refilled = begun.elapsed().as_secs() / 5 + 1;
        let fetched = fetches(&stack) - base;
        assert!((1..=5 + refilled).contains(&fetched), "{fetched} fetches");
    });
}

/// The budget that a flood used up comes back.
#[test]
fn after_a_flood_of_unknown_keys_a_new_key_is_soon_found() {
    let stack = own_stack(builder());
    let mint = Mint::of(&stack);
    flood(&stack, &mint);
    rotate(&stack);
    let token = access(&stack);
    for _ in 0..8 {
        becomes(&stack, &get("/customers", Some(&token)), 200);
    }
}

#[test]
fn a_burst_before_the_first_keys_is_answered_in_full_and_costs_few_fetches() {
    const BURST: usize = 200;
    let gate = Gate::holding("/protocol/openid-connect/certs");
    // The fetch takes as long as it takes to hold them all.
    let patient = |config: &mut serde_json::Value| {
        edit::policy(config)["providers"][0]["jwks"]["timeout"] = "10s".into();
    };
    let stack = own_stack(builder().edit_envoy(gate.before("idp")).edit_envoy(patient));
    let (token, base) = (access(&stack), fetches(&stack));
    let address = stack.address(Part::Envoy);
    let held = || gauge(&stack, "http.gateway.downstream_rq_active");
    thread::scope(|threads| {
        let requests: Vec<_> = (0..BURST)
            .map(|index| {
                let path = ["/customers/health", "/products", "/products/1"][index % 3];
                let request = get(path, Some(&token));
                threads.spawn(move || (path, request.try_send(address)))
            })
            .collect();
        let all_wait = wait_until(SOON, || held() >= BURST);
        let (asked, waiting) = (gate.arrived(), held());
        gate.open();
        assert!(all_wait, "only {waiting} wait");
        assert_eq!(asked, 1, "fetches for {waiting} requests");
        let replies = requests.into_iter().map(|request| request.join().expect("a reply"));
        let failed: Vec<_> = replies
            .filter(|(_, reply)| !reply.as_ref().is_ok_and(|reply| reply.status == 200))
            .map(|(path, reply)| (path, reply.map(|reply| (reply.status, reply.text()))))
            .collect();
        assert!(failed.is_empty(), "{} of {BURST} failed: {:?}", failed.len(), failed.first());
    });
    assert_eq!(fetches(&stack) - base, 1);
}
