//! What becomes of a gateway whose VM has trapped, with `components/fail-reload` and without.
//!
//! The filter must not trap, and has no request that would make it. The module here is the one that ships with
//! `tests/gateway/traps.wat` before it: that traps on a request with more than 80 headers, and has the filter's own code
//! answer everything else.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use claimgate_e2e::client::Request;
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_proc::{http_get, wait_until};
use serde_json::Value;
use xtask::gateway::{Choice, Gateway, manifests};
use xtask::wasm;

use crate::support::{Own, get, world};

/// From a gateway's start, or a change of its configuration, to the filter's answers.
const GUARDED: Duration = Duration::from_secs(30);
/// So many rounds, over new connections, that every worker has had some.
const EVERY_WORKER: usize = 40;

fn with(components: &[&str]) -> (Own, Vec<Value>) {
    static IMAGE: OnceLock<String> = OnceLock::new();
    let image = IMAGE.get_or_init(|| world().push(&wasm::build_trapping().unwrap()).unwrap());
    let choice = Choice { components, image: Some(image), ..Choice::default() };
    let manifests = world().chosen(&choice).unwrap();
    (Own::start(&manifests), manifests)
}

struct Callers<'g> {
    gateway: &'g Gateway,
    token: String,
}

impl Callers<'_> {
    fn of(gateway: &Gateway) -> Callers<'_> {
        let token = tokens::direct(world().stack(), &CUSTOMER_MANAGER).access_token;
        let callers = Callers { gateway, token };
        assert!(wait_until(GUARDED, || callers.is_guarded()), "it never was");
        callers
    }

    /// Asks for customers without a token and with one, and for products as a guest. Whatever becomes of the VM, an answer
    /// is the filter's or none: services, which refuse with 403 what did not pass it, are not even reached.
    fn round(&self) -> [u16; 3] {
        let asked = [("/customers", None), ("/customers", Some(&*self.token)), ("/products", None)];
        let said = asked.map(|(path, token)| get(self.gateway, path, token).status);
        for (said, good) in said.into_iter().zip([401, 200, 200]) {
            assert!(said == good || said == 503, "{said} instead of {good}");
        }
        said
    }

    fn is_guarded(&self) -> bool {
        (0..EVERY_WORKER).all(|_| self.round() == [401, 200, 200])
    }

    fn nobody_is_answered(&self) -> bool {
        (0..EVERY_WORKER).all(|_| self.round() == [503; 3])
    }

    fn trap(&self) {
        let many = (0..82).map(|number| format!("x-header-{number}"));
        let request = many.fold(Request::get("/products"), |one, name| one.header(name, "1"));
        assert_eq!(request.send(self.gateway.address()).status, 503, "it did not trap");
    }

    /// How many times Envoy has made a VM anew because it had trapped.
    fn reloads(&self) -> u64 {
        self.counted("wasm.claimgate.vm_reload_success")
    }

    fn counted(&self, name: &str) -> u64 {
        let path = format!("/stats?filter={name}");
        let (_, stats) = http_get(self.gateway.admin().unwrap(), &path).unwrap();
        let value = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name} in {stats}")).trim().parse().unwrap()
    }
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn after_a_trap_a_fresh_vm_guards_where_that_is_asked_for() {
    let (gateway, _) = with(&["components/fail-reload"]);
    let callers = Callers::of(&gateway);
    for trap in 1..=3 {
        callers.trap();
        // Envoy makes a VM anew at most once a second; a request that comes sooner is 503.
        assert!(wait_until(GUARDED, || callers.is_guarded()), "not after trap {trap}");
        assert!(callers.reloads() >= trap, "{} after trap {trap}", callers.reloads());
    }
    // A fresh VM takes over what the others have.
    assert_eq!(callers.counted("wasmcustom.claimgate.jwks_fetched"), 1);
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn without_it_a_worker_that_trapped_answers_503_until_its_configuration_changes() {
    let (gateway, manifests) = with(&[]);
    let callers = Callers::of(&gateway);
    // Each worker has a VM of its own: one trap takes one worker.
    let all = || {
        callers.trap();
        callers.nobody_is_answered()
    };
    assert!(wait_until(GUARDED, all), "some worker goes on");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(callers.round(), [503; 3]);
    }
    assert_eq!(callers.reloads(), 0);
    let policy = manifests::find(&manifests, "EnvoyExtensionPolicy", "claimgate").unwrap();
    let mut policy = policy.clone();
    policy["spec"]["wasm"][0]["config"]["unmatched"]["status"] = 410.into();
    gateway.apply(&policy).unwrap();
    assert!(wait_until(GUARDED, || callers.is_guarded()), "nor then");
}
