//! A provider whose key set is no key set. Without good keys a token is undecided; with them
//! nothing changes: a bad document never replaces a good one.
//!
//! Every lie is a provider of its own, so none of them waits for another's pauses.

use std::time::Duration;

use claimgate_e2e::SOON;
use claimgate_e2e::edit;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::USER;
use claimgate_proc::wait_until;
use serde_json::{Value, json};

use super::liar::{Liar, Lie};
use super::{KEYS_BOUND, becomes, expect, expect_guest, expect_undecided_within, get};

/// What is wrong with each provider's key set.
const LIES: [&str; 13] = [
    "status-500",
    "status-404",
    "html",
    "no-keys",
    "only-enc",
    "no-list",
    "broken-keys",
    "huge",
    "ten-megabytes",
    "too-slow",
    "cut",
    "silent",
    "hang-up",
];

/// `good` is what the document should be.
fn lie(name: &str, good: &Value) -> Lie {
    let text = good.to_string();
    let encryption = good["keys"].as_array().expect("keys").iter();
    let encryption: Vec<_> = encryption.filter(|key| key["use"] == "enc").collect();
    match name {
        "status-500" => Lie::answer(500, "", text),
        "status-404" => Lie::answer(404, "", text),
        "html" => Lie::answer(200, "content-type: text/html\r\n", "<html>keys</html>"),
        "no-keys" => Lie::json(r#"{"keys":[]}"#),
        "only-enc" => Lie::json(json!({"keys": encryption}).to_string()),
        "no-list" => Lie::json(r#"{"keys":{}}"#),
        "huge" => Lie::json(with(good, "pad", "x".repeat(300 * 1024).into()).to_string()),
        "broken-keys" => Lie::json(r#"{"keys":[7,{"kty":"RSA","n":"AQAB","e":"!"},{"kty":"EC"}]}"#),
        "ten-megabytes" => Lie::json(with(good, "pad", "x".repeat(10 << 20).into()).to_string()),
        // A fetch may take 2 s.
        "too-slow" => Lie::json(text).late(Duration::from_millis(2_500)),
        "cut" => Lie::json(text).short_of(1).then_hang_up(),
        "silent" => Lie::silence(),
        "hang-up" => Lie::silence().then_hang_up(),
        other => panic!("no lie {other:?}"),
    }
}

struct Scene {
    stack: OwnStack,
    liar: Liar,
    mint: Mint,
    good: Value,
}

fn issuer(name: &str) -> String {
    format!("http://liar.test/{name}")
}

fn certs(name: &str) -> String {
    format!("/{name}/certs")
}

/// One provider for each lie, with keys that are looked for again each second.
fn providers(config: &mut Value) {
    let policy = edit::policy(config);
    let provider = |name: &&str| {
        let url = format!("http://liar.test{}", certs(name));
        json!({
            "name": name,
            "issuer": issuer(name),
            "audiences": ["account"],
            "jwks": {"cluster": "idp", "url": url, "refresh": "1s"},
        })
    };
    policy["providers"] = LIES.iter().map(provider).collect();
    let properties = &mut policy["authorization"][0]["request"]["subject"]["properties"];
    properties["iss"] = json!({"claim": "iss"});
}

impl Scene {
    fn set() -> Self {
        let liar = Liar::start();
        let builder = builder().edit_envoy(providers);
        let stack = own_stack(builder.edit_envoy(liar.instead_of("idp")));
        let (mint, good) = (Mint::of(&stack), tokens::published_keys(&stack));
        Self { stack, liar, mint, good }
    }

    /// A token nobody has seen before.
    fn token(&self, name: &str, id: &str) -> String {
        let claims = with(&self.mint.claims(&USER), "iss", issuer(name).into());
        self.mint.good(&with(&claims, "jti", id.into()))
    }

    fn tell_the_truth(&self) {
        let truth = Lie::json(self.good.to_string());
        LIES.iter().for_each(|name| self.liar.tell(&certs(name), truth.clone()));
    }

    fn lie(&self) {
        LIES.iter().for_each(|name| self.liar.tell(&certs(name), lie(name, &self.good)));
    }

    fn everybody_is_known(&self, id: &str) {
        for name in LIES {
            let token = self.token(name, id);
            expect(&self.stack, &get("/products", Some(&token)), 200);
            expect(&self.stack, &get("/customers/health", Some(&token)), 200);
        }
    }
}

#[test]
fn without_good_keys_a_token_is_undecided_until_there_are_some() {
    let scene = Scene::set();
    scene.lie();
    for name in LIES {
        let token = scene.token(name, "early");
        for path in ["/products", "/customers/health", "/customers", "/auth/me"] {
            expect_undecided_within(KEYS_BOUND, &scene.stack, &get(path, Some(&token)));
        }
        assert!(scene.liar.asked(&certs(name)) > 0, "{name}: nobody was asked");
    }
    expect(&scene.stack, &get("/products", None), 200);
    expect_guest(&scene.stack, &get("/auth/me", None));
    scene.tell_the_truth();
    for name in LIES {
        becomes(&scene.stack, &get("/products", Some(&scene.token(name, "late"))), 200);
    }
}

#[test]
fn a_bad_key_set_never_replaces_a_good_one() {
    let scene = Scene::set();
    scene.tell_the_truth();
    scene.everybody_is_known("before");
    scene.lie();
    let asked = LIES.map(|name| scene.liar.asked(&certs(name)));
    // The next one begins when the one before has ended, so the second says that a lie was heard.
    let heard = |times: usize| {
        let all = || {
            scene.everybody_is_known("seen");
            let now = LIES.iter().map(|name| scene.liar.asked(&certs(name)));
            now.zip(asked).all(|(now, before)| now > before + times)
        };
        assert!(wait_until(SOON * 2, all), "keys are not looked for again");
    };
    for times in [1, 2] {
        heard(times);
        scene.everybody_is_known(&format!("new-{times}"));
    }
    scene.tell_the_truth();
    scene.everybody_is_known("after");
}

/// For as long as a request may wait for keys that are on their way.
#[test]
fn keys_that_come_late_are_still_waited_for() {
    let scene = Scene::set();
    let truth = Lie::json(scene.good.to_string());
    scene.liar.tell(&certs("silent"), truth.late(Duration::from_millis(500)));
    let token = scene.token("silent", "patient");
    expect(&scene.stack, &get("/customers/health", Some(&token)), 200);
}
