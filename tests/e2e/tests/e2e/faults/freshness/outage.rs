//! The feed away: from the beginning, for a while, for too long; and VMs that begin meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use claimgate_e2e::gate::Gate;
use xtask::run::Scratch;

use super::super::{Fault, becomes_everywhere, envoy_pid, expect_undecided, is_still_up};
use super::*;

/// Few seconds without word of the feed.
fn impatient(config: &mut Value) {
    polled(config);
    let feed = &mut edit::policy(config)["freshness"];
    feed["max_age"] = "3s".into();
    feed["timeout"] = "500ms".into();
    let routes = edit::policy(config)["routes"].as_array_mut().expect("routes");
    let open = routes.iter_mut().find(|route| route["name"] == "products-health").expect("a route");
    open["failure_mode"] = "allow".into();
}

struct Tokens {
    good: String,
    revoked: String,
}

impl Tokens {
    /// One of them is revoked, and everybody knows.
    fn of(stack: &Stack) -> Self {
        let mint = Mint::of(stack);
        let token = |jti: &str| mint.good(&with(&mint.claims(&USER), "jti", jti.into()));
        let tokens = Self { good: token("good"), revoked: token("revoked") };
        Admin::of(stack).revoke(&json!({"kind": "token", "jti": "revoked"}));
        is_known(stack, 1);
        becomes_everywhere(stack, &get("/products", Some(&tokens.revoked)), 401);
        tokens.hold(stack);
        tokens
    }

    /// What is known holds on every route.
    #[track_caller]
    fn hold(&self, stack: &Stack) {
        for path in ["/products", "/products/health", "/customers"] {
            for _ in 0..4 {
                expect(stack, &get(path, Some(&self.revoked)), 401);
            }
        }
        for _ in 0..4 {
            expect(stack, &get("/products", None), 200);
        }
    }
}

fn an_outage(fault: Fault) {
    let mut stack = own_stack(builder().administered().edit_envoy(impatient));
    let (tokens, envoy) = (Tokens::of(&stack), envoy_pid(&stack));
    let (good, open) = (get("/products", Some(&tokens.good)), "/products/health");
    expect(&stack, &good, 200);
    fault.strike(&stack, Part::Authz);
    let begun = Instant::now();
    tokens.hold(&stack);
    // One worker hears of it before the other.
    let undecided = |_| good.send(stack.address(Part::Envoy)).status == 503;
    assert!(wait_until(SOON, || (0..8).all(undecided)), "it goes on");
    let took = begun.elapsed();
    println!("undecided {took:?} after the service was {fault:?}");
    assert!(took > Duration::from_secs(1), "too soon: {took:?}");
    for _ in 0..8 {
        expect_undecided(&stack, &good);
        expect(&stack, &get(open, Some(&tokens.good)), 200);
    }
    tokens.hold(&stack);
    let gauge = |name: &str| gauge(&stack, &format!("wasmcustom.claimgate.{name}"));
    assert_eq!(gauge("freshness.healthy"), 0);
    assert!(gauge("freshness.age_seconds") >= 3 && gauge("freshness_failed") > 0);
    assert!(gauge("allowed_unchecked") >= 8 && gauge("unchecked") >= 8);
    let polled_before = polls(&stack);
    thread::sleep(Duration::from_secs(2));
    let polled = polls(&stack) - polled_before;
    assert!(polled <= 4, "{polled} polls in 2 s of a service that is away");
    fault.heal(&mut stack, Part::Authz);
    let begun = Instant::now();
    becomes(&stack, &good, 200);
    println!("good again {:?} after it was back", begun.elapsed());
    is_known(&stack, 1);
    tokens.hold(&stack);
    is_still_up(&stack, envoy);
}

#[test]
fn with_the_feed_killed_known_revocations_hold_and_the_rest_is_undecided_after_a_while() {
    an_outage(Fault::Killed);
}

#[test]
fn with_the_feed_frozen_known_revocations_hold_and_the_rest_is_undecided_after_a_while() {
    an_outage(Fault::Frozen);
}

#[test]
fn before_the_first_word_of_the_feed_requests_with_a_token_are_undecided() {
    let mut stack = own_stack(builder().administered().without(Part::Authz).edit_envoy(impatient));
    let mint = Mint::of(&stack);
    let token = mint.good(&mint.claims(&USER));
    let (good, open) = (get("/products", Some(&token)), get("/products/health", Some(&token)));
    for _ in 0..4 {
        expect_undecided(&stack, &good);
        expect(&stack, &open, 200);
        expect(&stack, &get("/products", None), 200);
    }
    stack.restart(Part::Authz).expect("it starts");
    becomes(&stack, &good, 200);
}

#[test]
fn the_first_requests_wait_for_the_first_word_of_the_feed() {
    let gate = Gate::holding("/v1/state?limit=2000");
    let patient = |config: &mut Value| {
        edit::policy(config)["freshness"]["timeout"] = "5s".into();
    };
    let builder = administered(2).edit_envoy(patient).edit_envoy(gate.before(CLUSTER));
    let stack = own_stack(builder);
    let mint = Mint::of(&stack);
    let token = mint.good(&mint.claims(&USER));
    let address = stack.address(Part::Envoy);
    assert!(gate.has(1, SOON), "nobody asks");
    thread::scope(|threads| {
        let waiting: Vec<_> = (0..50)
            .map(|_| threads.spawn(|| get("/products", Some(&token)).try_send(address)))
            .collect();
        let held = || gauge(&stack, "http.gateway.downstream_rq_active");
        let all_wait = wait_until(SOON, || held() >= 50);
        expect(&stack, &get("/products", None), 200);
        gate.open();
        assert!(all_wait, "only {} wait", held());
        for one in waiting {
            let reply = one.join().expect("a thread").expect("an answer");
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    });
    assert_eq!(gate.arrived(), 1, "one snapshot for all VMs");
}

/// A listener that Envoy reads from a file, so that it can be changed.
struct Listener {
    folder: Scratch,
}

impl Listener {
    fn new() -> Self {
        Self { folder: Scratch::new("listener").expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("listener.json")
    }

    /// An edit: the listener is read from the file.
    fn edit(&self) -> impl FnOnce(&mut Value) + 'static {
        let path = self.path();
        move |config| {
            let listener = config["static_resources"]["listeners"][0].take();
            config["static_resources"]["listeners"] = json!([]);
            write(&path, listener);
            let source = json!({"path": path, "watched_directory": {"path": path.parent()}});
            let source = json!({"path_config_source": source, "resource_api_version": "V3"});
            config["dynamic_resources"] = json!({"lds_config": source});
        }
    }

    /// Changes it as it runs.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read(self.path()).expect("a file");
        let mut config: Value = serde_json::from_slice(&text).expect("JSON");
        let listener = config["resources"][0].take();
        let mut around = json!({"static_resources": {"listeners": [listener]}});
        change(&mut around);
        write(&self.path(), around["static_resources"]["listeners"][0].take());
    }
}

/// Envoy looks when a file is moved into place.
fn write(path: &Path, mut listener: Value) {
    listener["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
    let config = json!({"resources": [listener]});
    let beside = path.with_extension("new");
    fs::write(&beside, config.to_string()).expect("a file");
    fs::rename(&beside, path).expect("a file");
}

fn updates(stack: &Stack) -> usize {
    gauge(stack, "listener_manager.listener_modified")
}

/// With the service away there is nobody to ask: what a new VM knows it has from the others.
fn a_new_vm_knows_after(change: impl Fn(&mut Value)) {
    let listener = Listener::new();
    let mut stack = own_stack(administered(2).edit_envoy(listener.edit()));
    let (tokens, envoy) = (Tokens::of(&stack), envoy_pid(&stack));
    Fault::Killed.strike(&stack, Part::Authz);
    let vms = || gauge(&stack, "wasm.envoy.wasm.runtime.v8.created");
    let (before, created) = (updates(&stack), vms());
    listener.change(change);
    assert!(wait_until(SOON, || updates(&stack) > before), "the listener is not changed");
    println!("{} new VMs", vms() - created);
    for _ in 0..4 {
        tokens.hold(&stack);
        expect(&stack, &get("/products", Some(&tokens.good)), 200);
    }
    Fault::Killed.heal(&mut stack, Part::Authz);
    is_known(&stack, 1);
    tokens.hold(&stack);
    is_still_up(&stack, envoy);
}

#[test]
fn known_revocations_hold_in_vms_that_were_made_while_the_service_is_away() {
    a_new_vm_knows_after(|config| {
        let vm = &mut edit::filter(config)["vm_config"];
        vm["configuration"] = json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue", "value": "another",
        });
    });
}

#[test]
fn known_revocations_hold_under_a_configuration_that_came_while_the_service_is_away() {
    a_new_vm_knows_after(|config| {
        edit::policy(config)["unmatched"]["status"] = 410.into();
    });
}
