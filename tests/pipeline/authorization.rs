//! Rules, the decision point and its failures, and what its answers are kept for.

use claimgate::authz::CheckError;
use claimgate::pipeline::{Passed, Step};
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

const YES: &str = r#"{"decision":true,"context":{"roles":["user"]}}"#;
const NO: &str = r#"{"decision":false,"context":{"roles":["user"]}}"#;

fn good() -> String {
    ONE.token(&claims(json!({})))
}

fn world(rules: Value, more: Value) -> World {
    World::with_keys(&config(json!([route("optional", rules, more)])))
}

/// The outcome of rules for a token with these claims, the decision point saying no.
fn status(rules: &Value, changes: Value) -> u16 {
    let mut world = world(rules.clone(), json!({"roles_on_failure": "absent"}));
    let (stream, step) = world.with_token(&ONE.token(&claims(changes)));
    let step =
        if matches!(step, Step::Ask(..)) { world.answer(stream, 200, None, NO) } else { step };
    if matches!(step, Step::Forward(..)) { 200 } else { refused(&step).0 }
}

#[test]
fn the_question_is_the_interop_payload_and_what_is_configured() {
    let mut world = world(by_decision(), json!({}));
    let (_, step) = world.with_token(&good());
    assert_eq!(
        asked(&step),
        json!({
            "subject": {"type": "identity", "id": "alice", "properties": {"email": "alice@example.com"}},
            "action": {"name": "GET"},
            "resource": {"type": "route", "id": "/r"},
            "context": {},
        })
    );
    let (_, step) = world.get("/r", &[]);
    assert_eq!(asked(&step)["subject"], json!({"type": "anonymous", "id": "anonymous"}));
}

#[test]
fn a_rule_that_one_token_rules_out_counts_for_the_next() {
    let rules = json!([
        {"name": "other", "allow": {"claims": {"azp": ["none"]}}},
        {"name": "blocked", "deny": {"claims": {"azp": ["legacy"]}}},
        {"name": "asked", "deny": {"decision": false}},
        {"name": "rest", "allow": {"always": true}},
    ]);
    let mut world = world(rules, json!({}));
    let [good, blocked] =
        ["app", "legacy"].map(|client| ONE.token(&claims(json!({"azp": client}))));
    for answer in [YES, NO, YES] {
        let (stream, step) = world.with_token(&good);
        asked(&step);
        let step = world.answer(stream, 200, None, answer);
        assert_eq!(matches!(step, Step::Forward(..)), answer == YES, "{step:?}");
        let (status, rejection) = refused(&world.with_token(&blocked).1);
        assert_eq!(
            (status, rejection),
            (403, Rejection::Forbidden { rule: Some("blocked".into()) })
        );
    }
}

#[test]
fn first_match_wins_and_no_match_is_no() {
    let deny_then_allow = json!([
        {"name": "blocked", "deny": {"claims": {"azp": ["legacy", "old"]}}},
        {"name": "rest", "allow": {"always": true}},
    ]);
    assert_eq!(status(&deny_then_allow, json!({})), 200);
    assert_eq!(status(&deny_then_allow, json!({"azp": "old"})), 403);
    let allow_then_deny = json!([
        {"name": "rest", "allow": {"always": true}},
        {"name": "blocked", "deny": {"claims": {"azp": ["old"]}}},
    ]);
    assert_eq!(status(&allow_then_deny, json!({"azp": "old"})), 200);
    let no_match = json!([{"name": "some", "allow": {"claims": {"azp": ["other"]}}}]);
    assert_eq!(status(&no_match, json!({})), 403);
}

#[test]
fn all_conditions_of_a_rule_have_to_hold() {
    let rules = json!([{"name": "both", "allow": {
        "claims": {"azp": ["shop"]}, "roles": {"any_of": ["admin"], "from": "token"},
    }}]);
    let with_role = json!({"realm_access": {"roles": ["user", "admin"]}});
    assert_eq!(status(&rules, with_role), 200);
    assert_eq!(status(&rules, json!({})), 403);
    assert_eq!(status(&rules, json!({"realm_access": {"roles": ["user"]}})), 403);
    assert_eq!(status(&rules, json!({"realm_access": {"roles": ["admin"]}, "azp": "x"})), 403);
    assert_eq!(status(&rules, json!({"realm_access": "admin"})), 403);
}

#[test]
fn the_decision_point_is_asked_only_when_its_rule_is_reached() {
    let rules = json!([
        {"name": "blocked", "deny": {"claims": {"azp": ["old"]}}},
        {"name": "permitted", "allow": {"decision": true, "claims": {"azp": ["shop"]}}},
    ]);
    let mut world = world(rules, json!({}));
    for azp in ["old", "unknown"] {
        let (_, step) = world.with_token(&ONE.token(&claims(json!({"azp": azp}))));
        assert_eq!(refused(&step).0, 403, "{azp}: refused without a call");
    }
    asked(&world.with_token(&good()).1);
}

#[test]
fn a_denial_is_403_and_says_nothing_else() {
    let rules = json!([{"name": "no-guests", "deny": {"decision": false}}]);
    let mut world = world(rules, json!({}));
    let (stream, _) = world.with_token(&good());
    let step = world.answer(stream, 200, None, NO);
    assert_eq!(refused(&step), (403, Rejection::Forbidden { rule: Some("no-guests".into()) }));
    assert!(!reply(&step).body.contains("guests"));
    assert!(reply(&step).details.contains("no-guests"));
}

#[test]
fn roles_of_the_decision_can_decide() {
    let rules =
        json!([{"name": "managers", "allow": {"roles": {"any_of": ["user"], "from": "decision"}}}]);
    let mut managers = world(rules.clone(), json!({}));
    let (stream, _) = managers.with_token(&good());
    forwarded(&managers.answer(stream, 200, None, NO));
    let (stream, _) = managers.with_token(&good());
    let step = managers.answer(stream, 200, None, r#"{"decision":true}"#);
    assert_eq!(refused(&step).0, 403, "roles that nobody named are unknown");
}

#[test]
fn without_an_answer_the_failure_mode_decides() {
    let deny = |mode: Value| {
        let mut world = world(by_decision(), mode);
        let (stream, _) = world.with_token(&good());
        world.no_answer(stream)
    };
    let step = deny(json!({}));
    let undecided =
        Rejection::Undecided { rule: "permitted".into(), error: CheckError::Unreachable };
    assert_eq!(refused(&step), (503, undecided));
    assert!(reply(&step).headers.iter().any(|(name, _)| *name == "retry-after"));

    let step = deny(json!({"failure_mode": "allow"}));
    assert!(matches!(step, Step::Forward(_, Passed::Assumed, ..)), "{step:?}");
    let set = forwarded(&step).1;
    assert_eq!(set, [("x-user-email", "alice@example.com")], "roles are absent, never guessed");
}

#[test]
fn a_failure_mode_covers_only_what_no_client_can_provoke() {
    for (status, body, passes) in [
        (500, "", true),
        (503, "", true),
        (504, "", true),
        (200, "{}", true),
        (400, "", false),
        (401, "", false),
        (404, "", false),
        (413, "", false),
    ] {
        let mut world = world(by_decision(), json!({"failure_mode": "allow"}));
        let (stream, _) = world.with_token(&good());
        let step = world.answer(stream, status, None, body);
        assert_eq!(matches!(step, Step::Forward(..)), passes, "{status} {body}: {step:?}");
    }
}

#[test]
fn a_deny_rule_fires_when_it_cannot_be_told() {
    let rules = json!([
        {"name": "refused", "deny": {"decision": false}},
        {"name": "rest", "allow": {"always": true}},
    ]);
    for mode in ["deny", "allow"] {
        let mut world = world(rules.clone(), json!({"failure_mode": mode}));
        let (stream, _) = world.with_token(&good());
        assert_eq!(refused(&world.no_answer(stream)).0, 503, "{mode}");
        let (stream, _) = world.with_token(&good());
        assert_eq!(refused(&world.answer(stream, 200, None, NO)).0, 403);
        let (stream, _) = world.with_token(&good());
        forwarded(&world.answer(stream, 200, None, YES));
    }
}

#[test]
fn a_later_rule_may_still_allow_what_an_answer_is_missing_for() {
    let rules = json!([
        {"name": "permitted", "allow": {"decision": true}},
        {"name": "staff", "allow": {"claims": {"azp": ["shop"]}}},
    ]);
    let mut world = world(rules, json!({"roles_on_failure": "absent"}));
    let (stream, _) = world.with_token(&good());
    forwarded(&world.no_answer(stream));
}

#[test]
fn a_token_without_subject_cannot_be_asked_about_and_is_no_outage() {
    for sub in [json!(null), json!("")] {
        for mode in ["deny", "allow"] {
            let mut world = world(by_decision(), json!({"failure_mode": mode}));
            let (_, step) = world.with_token(&ONE.token(&claims(json!({"sub": sub}))));
            assert_eq!(refused(&step).0, 403, "{sub} {mode}");
        }
    }
}

#[test]
fn roles_for_a_header_are_asked_for_after_an_allow_and_may_be_absent_where_said() {
    let mut world = world(allow_all(), json!({"roles_on_failure": "absent"}));
    let (_, step) = world.get("/r", &[]);
    assert_eq!(forwarded(&step).1, [("x-user-roles", "guest")], "guests need nobody's answer");
    let (stream, step) = world.with_token(&good());
    asked(&step);
    let step = world.no_answer(stream);
    assert!(matches!(step, Step::Forward(_, Passed::WithoutRoles, ..)));
    assert_eq!(forwarded(&step).1, [("x-user-email", "alice@example.com")]);
    let (stream, _) = world.with_token(&good());
    let step = world.answer(stream, 200, None, NO);
    assert!(forwarded(&step).1.contains(&("x-user-roles", "user")), "the rule had allowed it");
}

#[test]
fn roles_for_a_header_are_the_failure_modes_business_by_default() {
    let mut world = world(allow_all(), json!({}));
    let (stream, _) = world.with_token(&good());
    assert_eq!(refused(&world.no_answer(stream)).0, 503);
}

#[test]
fn a_decision_is_kept_as_long_as_it_may_be_and_no_longer() {
    let mut world = world(by_decision(), json!({}));
    let (stream, _) = world.with_token(&good());
    forwarded(&world.answer(stream, 200, Some("max-age=5"), YES));
    for _ in 0..4 {
        forwarded(&world.with_token(&good()).1);
        world.later(1);
    }
    forwarded(&world.with_token(&good()).1);
    world.later(1);
    asked(&world.with_token(&good()).1);
}

#[test]
fn a_newer_decision_takes_the_place_of_the_one_a_token_was_given() {
    let mut world = world(by_decision(), json!({}));
    let (stream, _) = world.with_token(&good());
    forwarded(&world.answer(stream, 200, Some("max-age=5"), YES));
    (0..3).for_each(|_| drop(forwarded(&world.with_token(&good()).1)));
    world.later(5);
    let (stream, step) = world.with_token(&good());
    asked(&step);
    assert_eq!(refused(&world.answer(stream, 200, Some("max-age=5"), NO)).0, 403);
    for _ in 0..3 {
        assert_eq!(refused(&world.with_token(&good()).1).0, 403);
    }
}

#[test]
fn a_token_is_given_one_decision_for_each_route_and_method() {
    let routes: Vec<_> = (0..20)
        .map(|n| {
            let path = format!("/r{n}");
            json!({"name": path[1..], "match": {"path": path}, "token": "required", "rules": by_decision()})
        })
        .chain([route("required", by_decision(), json!({}))])
        .collect();
    let mut world = World::with_keys(&config(json!(routes)));
    let bearer = format!("Bearer {}", good());
    let send = |world: &mut World, method, n: usize| {
        let path = format!("/r{n}");
        world.send(&[(":method", method), (":path", &path), ("authorization", &bearer)])
    };
    let answers = [("GET", YES), ("POST", NO)];
    for n in 0..20 {
        for (method, answer) in answers {
            let (stream, step) = send(&mut world, method, n);
            asked(&step);
            world.answer(stream, 200, Some("max-age=60"), answer);
        }
    }
    // More than a token remembers, twice over and back: each is still its own.
    for n in (0..20).chain((0..20).rev()) {
        for (method, answer) in answers {
            let (_, step) = send(&mut world, method, n);
            assert_eq!(matches!(step, Step::Forward(..)), answer == YES, "{method} {n}");
        }
    }
}

#[test]
fn a_decision_without_lifetime_or_with_no_store_is_not_kept() {
    for cache_control in [None, Some("no-store"), Some("max-age=5, no-cache"), Some("max-age=x")] {
        let mut world = world(by_decision(), json!({}));
        let (stream, _) = world.with_token(&good());
        forwarded(&world.answer(stream, 200, cache_control, YES));
        asked(&world.with_token(&good()).1);
    }
}

#[test]
fn a_decision_never_outlives_the_token_it_was_asked_for() {
    let mut world = world(by_decision(), json!({}));
    let short = ONE.token(&claims(json!({"exp": START - 50})));
    let (stream, _) = world.with_token(&short);
    forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
    world.later(9);
    forwarded(&world.with_token(&good()).1);
    world.later(1);
    asked(&world.with_token(&good()).1);
}

#[test]
fn a_decision_is_for_the_same_question_only() {
    let mut world = world(by_decision(), json!({}));
    let (stream, _) = world.with_token(&good());
    forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
    asked(&world.with_token(&ONE.token(&claims(json!({"sub": "bob"})))).1);
    asked(&world.with_token(&ONE.token(&claims(json!({"email": "other@example.com"})))).1);
    asked(&world.get("/r", &[]).1);
    let bearer = format!("Bearer {}", good());
    let (_, step) = world.send(&[(":method", "PUT"), (":path", "/r"), ("authorization", &bearer)]);
    asked(&step);
}

#[test]
fn errors_are_never_kept_and_denials_are() {
    let mut world = world(by_decision(), json!({}));
    let (stream, _) = world.with_token(&good());
    assert_eq!(refused(&world.answer(stream, 500, Some("max-age=60"), YES)).0, 503);
    let (stream, step) = world.with_token(&good());
    asked(&step);
    assert_eq!(refused(&world.answer(stream, 200, Some("max-age=60"), NO)).0, 403);
    assert_eq!(refused(&world.with_token(&good()).1).0, 403, "without a call");
}

/// A caller whose roles are a burden must not be able to leave them behind.
#[test]
fn what_a_caller_brings_about_does_not_rid_it_of_its_roles() {
    for more in [json!({"roles_on_failure": "absent"}), json!({"failure_mode": "allow"})] {
        let mut config = config(json!([route("optional", allow_all(), more)]));
        config["authorization"][0]["request"]["context"] = json!({"x": {"header": "x-tenant"}});
        let mut world = World::with_keys(&config);
        let bearer = format!("Bearer {}", good());
        let large = "x".repeat(65 * 1024);
        for tenants in [&["a", "b"][..], &[&large]] {
            let tenants = tenants.iter().map(|tenant| ("x-tenant", *tenant));
            let headers: Vec<_> =
                [("authorization", &*bearer)].into_iter().chain(tenants).collect();
            assert_eq!(refused(&world.get("/r", &headers).1).0, 403);
        }
        let nameless = ONE.token(&claims(json!({"sub": null})));
        assert_eq!(refused(&world.with_token(&nameless).1).0, 403);
        let (stream, _) = world.with_token(&good());
        assert_eq!(refused(&world.answer(stream, 400, None, "")).0, 503);
        let (stream, _) = world.with_token(&good());
        assert!(matches!(world.no_answer(stream), Step::Forward(_, Passed::WithoutRoles, ..)));
    }
}

#[test]
fn a_rule_that_would_have_allowed_anyway_assumes_nothing() {
    let rules = |client: &str| {
        let either = json!([{"claims": {"azp": [client]}}, {"decision": true}]);
        json!([{"name": "either", "allow": {"any": either}}])
    };
    for (client, mode, expected) in [
        ("shop", "deny", Passed::WithoutRoles),
        ("shop", "allow", Passed::WithoutRoles),
        ("other", "allow", Passed::Assumed),
    ] {
        let mut world =
            world(rules(client), json!({"failure_mode": mode, "roles_on_failure": "absent"}));
        let (stream, _) = world.with_token(&good());
        let Step::Forward(_, passed, ..) = world.no_answer(stream) else {
            panic!("{client} {mode}")
        };
        assert_eq!(passed, expected, "{client} {mode}");
    }
}

#[test]
fn a_token_that_ends_while_its_request_waits_is_refused() {
    let mut world = world(by_decision(), json!({}));
    let (stream, step) = world.with_token(&good());
    asked(&step);
    // Its end, and the minute that clocks may differ.
    world.later(360);
    assert_eq!(refused(&world.answer(stream, 200, None, YES)).0, 401);
}

/// A request that asks the host for an address goes on at once, however many wait for an answer.
#[test]
fn who_does_not_wait_finds_room_though_the_waiting_room_is_full() {
    let near = json!([{"name": "near", "allow": {"client_address": ["10.0.0.0/8"]}}]);
    let mut near = route("none", near, json!({}));
    (near["name"], near["match"]) = (json!("near"), json!({"path": "/near"}));
    let mut config = config(json!([route("optional", by_decision(), json!({})), near]));
    config["trusted_client_address"] = json!(true);
    let mut world = World::with_keys(&config);
    let token = good();
    while !matches!(world.with_token(&token).1, Step::Reply(Rejection::Overloaded, _)) {}
    let (stream, step) = world.get("/near", &[]);
    assert!(matches!(step, Step::AskAddress), "{step:?}");
    forwarded(&world.address(stream, "10.1.2.3".parse().ok()));
}

/// What one request with a token cannot do says nothing of what the next one lacks.
#[test]
fn the_scope_that_a_request_lacks_is_named_whatever_came_before_it() {
    let rules = json!([{"name": "write", "allow": {"methods": ["POST"], "scopes": ["w"]}}]);
    let mut world = world(rules, json!({}));
    let bearer = format!("Bearer {}", good());
    for _ in 0..2 {
        let send = |world: &mut World, method: &str| {
            let head = [
                (":method", method),
                (":path", "/r"),
                (":authority", "shop"),
                ("authorization", &*bearer),
            ];
            refused(&world.send(&head).1).1
        };
        assert!(matches!(send(&mut world, "GET"), Rejection::Forbidden { .. }));
        assert!(matches!(send(&mut world, "POST"), Rejection::Scope(_)));
    }
}
