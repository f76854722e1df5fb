//! What is tried without being enforced, and what the access log is told about requests.

use claimgate::pipeline::{Passed, Step};
use claimgate::telemetry::Account;
use serde_json::{Value, json};

use crate::support::*;

/// After the tests' clock begins, and before.
const LATER: &str = "2027-02-01";
const OVER: &str = "2027-01-15";

const NO: &str = r#"{"decision":false}"#;

fn world(rules: &Value, route_more: Value, service_more: Value) -> World {
    let mut config = config(json!([route("optional", rules.clone(), route_more)]));
    let more = service_more.as_object().unwrap().clone();
    config["authorization"][0].as_object_mut().unwrap().extend(more);
    config["identity_headers"] = json!({"x-user-email": {"claim": "email", "anonymous": "nobody"}});
    config["access_log"] = json!({"subject_key_env": "LOG_KEY"});
    World::in_environment(&config, &|name| (name == "LOG_KEY").then(|| "k".repeat(16)))
}

fn with_keys(mut world: World) -> World {
    let (stream, _) = world.with_token(&ONE.token(&claims(json!({}))));
    if world.engine.fetches_due(world.now) == [0] {
        world.publish(&[&ONE]);
    }
    world.engine.forget(stream);
    world
}

/// How a request ends, and what the log is told.
fn end(step: &Step) -> (&'static str, Option<&Account>) {
    match step {
        Step::Forward(_, passed, account, ..) => (passed.outcome(), account.as_deref()),
        Step::Reply(rejection, account) => (rejection.outcome(), Some(account)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_in_shadow_leaves_the_decision_to_those_after_it() {
    let rules = json!([
        {"name": "new", "deny": {"claims": {"azp": "shop"}}, "mode": "shadow", "until": LATER},
        {"name": "all", "allow": {"claims": {"sub": {"present": true}}}},
    ]);
    let mut world = with_keys(world(&rules, json!({}), json!({})));
    let (_, step) = world.with_token(&ONE.token(&claims(json!({}))));
    let (outcome, account) = end(&step);
    assert_eq!(outcome, "allowed");
    assert!(account.unwrap().would_deny);
    assert_eq!(forwarded(&step).1, [("x-user-email", "alice@example.com")]);
    let (_, step) = world.with_token(&ONE.token(&claims(json!({"azp": "other"}))));
    assert!(end(&step).1.is_none(), "nothing would have been refused");
}

#[test]
fn an_allow_rule_in_shadow_lets_nobody_in() {
    let rules =
        json!([{"name": "new", "allow": {"always": true}, "mode": "shadow", "until": LATER}]);
    let (_, step) = world(&rules, json!({}), json!({})).get("/r", &[]);
    assert_eq!(end(&step).0, "forbidden");
}

#[test]
fn a_route_in_shadow_forwards_what_it_would_refuse_as_nobodys() {
    let rules = json!([{"name": "staff", "allow": {"claims": {"staff": "true"}}}]);
    let shadow = json!({"mode": "shadow", "until": LATER});
    let mut world = with_keys(world(&rules, shadow, json!({})));
    let token = ONE.token(&claims(json!({})));
    let bearer = format!("Bearer {token}");
    let (_, step) = world.get("/r", &[("authorization", &bearer), ("x-user-email", "a@b")]);
    assert!(matches!(step, Step::Forward(_, Passed::Waived, ..)), "{step:?}");
    let (removed, set) = forwarded(&step);
    assert_eq!((removed, set), (vec!["x-user-email", "authorization"], vec![]));
    let account = end(&step).1.unwrap();
    assert!(account.would_deny && account.subject.is_some());
    let (_, step) = world.get("/r", &[]);
    assert_eq!((end(&step).0, forwarded(&step).1), ("waived", vec![]), "not even as anonymous");
    let (_, step) = world.with_token(&ONE.token(&claims(json!({"staff": true}))));
    assert_eq!(forwarded(&step).1, [("x-user-email", "alice@example.com")]);
}

#[test]
fn no_shadow_covers_credentials() {
    let rules = json!([{"name": "staff", "allow": {"claims": {"staff": "true"}}}]);
    let shadow = json!({"mode": "shadow", "until": LATER});
    let mut world = with_keys(world(&rules, shadow, json!({})));
    for token in [
        FOREIGN.token(&claims(json!({}))),
        ONE.token(&claims(json!({"exp": START - 120}))),
        ONE.token(&claims(json!({"aud": "other"}))),
        "not.a.token".to_owned(),
    ] {
        let (_, step) = world.with_token(&token);
        assert_eq!(end(&step).0, "credentials");
    }
    let (_, step) = world.get("/r/../r", &[]);
    assert_eq!(end(&step).0, "bad_path");
}

#[test]
fn a_decision_point_in_shadow_is_asked_and_overruled() {
    let shadow = json!({"mode": "shadow", "until": LATER});
    let blocked = json!([
        {"name": "blocked", "deny": {"headers": {"x-blocked": {"present": true}}}},
        {"name": "permitted", "allow": {"decision": true}},
    ]);
    let mut world = world(&blocked, json!({}), shadow);
    let (stream, step) = world.get("/r", &[]);
    asked(&step);
    assert_eq!(end(&world.answer(stream, 200, None, NO)).0, "waived");
    let (stream, _) = world.get("/r", &[]);
    assert_eq!(end(&world.answer(stream, 200, None, r#"{"decision":true}"#)).0, "allowed");
    let (stream, _) = world.get("/r", &[]);
    assert_eq!(end(&world.no_answer(stream)).0, "waived", "nor does an outage refuse");
    let (_, step) = world.get("/r", &[("x-blocked", "1")]);
    assert_eq!(end(&step).0, "forbidden", "what a yes would not change is refused");
}

#[test]
fn a_share_of_the_subjects_is_enforced_and_everybody_without_one() {
    let rules = json!([{"name": "staff", "allow": {"claims": {"staff": "true"}}}]);
    let shadow = json!({"mode": "shadow", "until": LATER, "percent": 30});
    let mut world = with_keys(world(&rules, shadow, json!({})));
    let mut refused = 0;
    for subject in 0..100 {
        let token = ONE.token(&claims(json!({"sub": format!("user-{subject}")})));
        let outcomes = [0; 2].map(|_| end(&world.with_token(&token).1).0);
        assert_eq!(outcomes[0], outcomes[1]);
        refused += usize::from(outcomes[0] == "forbidden");
    }
    assert!((15..=45).contains(&refused), "{refused} of 100");
    assert_eq!(end(&world.get("/r", &[]).1).0, "forbidden", "nobody's share");
    let no_subject = ONE.token(&claims(json!({"sub": null})));
    assert_eq!(end(&world.with_token(&no_subject).1).0, "forbidden");
}

#[test]
fn a_shadow_that_is_over_is_none() {
    let nobody = json!({"name": "nobody", "deny": {"always": true}});
    let shadow = json!({"mode": "shadow", "until": OVER});
    let (_, step) = world(&json!([nobody]), shadow, json!({})).get("/r", &[]);
    assert_eq!(end(&step).0, "forbidden");
    let rules = json!([
        {"name": "nobody", "deny": {"always": true}, "mode": "shadow", "until": OVER},
        {"name": "all", "allow": {"always": true}},
    ]);
    let (_, step) = world(&rules, json!({}), json!({})).get("/r", &[]);
    assert_eq!(end(&step).0, "forbidden");
}

#[test]
fn the_log_is_told_route_rule_and_who() {
    let rules = json!([
        {"name": "staff", "allow": {"claims": {"staff": "true"}}},
        {"name": "blocked", "deny": {"claims": {"azp": "bad"}}},
        {"name": "permitted", "allow": {"decision": true}},
    ]);
    let mut world = with_keys(world(&rules, json!({"access_log": true}), json!({})));
    let mut line = |changes: Value, answer: Option<&str>| {
        let (stream, mut step) = world.with_token(&ONE.token(&claims(changes)));
        if let Some(answer) = answer {
            step = world.answer(stream, 200, Some("max-age=60"), answer);
        }
        let (outcome, account) = end(&step);
        let line = account.unwrap().line(outcome, "");
        let mut line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["subject"].take().as_str().unwrap().len(), 32);
        assert_eq!(line["route"].take(), "r");
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        [text("outcome"), text("rule"), text("cache")].join(" ")
    };
    assert_eq!(line(json!({"staff": true}), None), "allowed staff none");
    assert_eq!(line(json!({"azp": "bad"}), None), "forbidden blocked none");
    assert_eq!(line(json!({}), Some(NO)), "forbidden - miss");
    assert_eq!(line(json!({}), None), "forbidden - hit");
}

#[test]
fn what_a_route_does_not_log_is_told_only_when_it_is_refused() {
    let rules = json!([{"name": "get", "allow": {"headers": {"x-in": {"present": true}}}}]);
    let mut world = world(&rules, json!({}), json!({}));
    let (_, step) = world.get("/r", &[("x-in", "1")]);
    assert!(end(&step).1.is_none());
    let (_, step) = world.get("/r", &[]);
    let told = end(&step).1.unwrap().line("forbidden", "no_rule");
    let expected = r#"{"outcome":"forbidden","reason":"no_rule","route":"r","cache":"none"}"#;
    assert_eq!(told, expected);
}

#[test]
fn no_shadow_covers_a_question_that_cannot_be_sent() {
    let shadow = json!({"mode": "shadow", "until": LATER});
    for (route, service) in [(shadow.clone(), json!({})), (json!({}), shadow)] {
        let mut service = service;
        service["request"] = json!({"context": {"x": {"header": "x-tenant"}}});
        let mut world = world(&by_decision(), route, service);
        let (_, step) = world.get("/r", &[("x-tenant", "a"), ("x-tenant", "b")]);
        assert_eq!(end(&step).0, "forbidden", "{step:?}");
    }
}

/// The log of a decision point names a subject by the id that it is asked about.
#[test]
fn a_subject_is_logged_by_the_name_it_is_asked_about() {
    let by_email = json!({"request": {"subject": {"id": {"claim": "email"}}}});
    let mut hashes = Vec::new();
    for service in [by_email, json!({})] {
        let route = json!({"access_log": true});
        let mut world = with_keys(world(&by_decision(), route, service));
        for changes in [json!({}), json!({"email": "bob@example.com"})] {
            let (stream, _) = world.with_token(&ONE.token(&claims(changes)));
            let step = world.answer(stream, 200, None, NO);
            hashes.push(end(&step).1.unwrap().subject.clone().unwrap());
        }
    }
    let [alice, bob, by_sub, same_sub] = &hashes[..] else { panic!() };
    assert!(alice != bob && by_sub == same_sub && by_sub != alice);
}
