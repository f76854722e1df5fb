//! Issuers with tenants, and who the subject is.

use claimgate::authn::AuthnError;
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

fn configured(provider: Value) -> Value {
    let mut config = config(json!([
        route("required", allow_all(), json!({})),
        {"name": "asks", "match": {"path": "/asks"}, "token": "required", "rules": by_decision()},
    ]));
    config["identity_headers"] = json!({});
    config["authorization"][0]["request"]["subject"]["properties"] =
        json!({"iss": {"claim": "iss"}});
    config["providers"][0].as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    config
}

#[test]
fn a_template_takes_the_tenants_that_are_named_and_nothing_like_them() {
    let mut world = World::new(&configured(json!({
        "issuer": "https://login.test/{tenant}/v2.0", "tenants": ["one", "t.wo"],
    })));
    let (stream, _) =
        world.with_token(&ONE.token(&claims(json!({"iss": "https://login.test/one/v2.0"}))));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&ONE]);
    world.engine.forget(stream);
    let mut outcome =
        |iss: Value| match world.with_token(&ONE.token(&claims(json!({"iss": iss})))).1 {
            Step::Forward(..) => Ok(()),
            Step::Reply(Rejection::Credentials { error, .. }, _) => Err(error),
            other => panic!("{other:?}"),
        };
    for tenant in ["one", "t.wo"] {
        assert_eq!(outcome(json!(format!("https://login.test/{tenant}/v2.0"))), Ok(()));
    }
    for other in [
        "https://login.test/three/v2.0",
        "https://login.test/{tenant}/v2.0",
        "https://login.test/txwo/v2.0",
        "https://login.test/One/v2.0",
        "https://login.test/one/v2.0/",
        "https://login.test/one/v2.0#",
        "https://login.test/x/one/v2.0",
        "https://login.test//v2.0",
        "https://evil.test/one/v2.0",
    ] {
        assert_eq!(outcome(json!(other)), Err(AuthnError::Issuer), "{other}");
    }
    for odd in [json!(null), json!(["https://login.test/one/v2.0"]), json!(1)] {
        assert_eq!(outcome(odd.clone()), Err(AuthnError::Issuer), "{odd}");
    }
}

#[test]
fn one_subject_of_two_tenants_is_two_questions() {
    let mut world = World::new(&configured(json!({
        "issuer": "https://login.test/{tenant}", "tenants": ["a", "b"],
    })));
    let token =
        |tenant: &str| ONE.token(&claims(json!({"iss": format!("https://login.test/{tenant}")})));
    let (stream, _) = world.with_token(&token("a"));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&ONE]);
    world.engine.forget(stream);
    for tenant in ["a", "b"] {
        let bearer = format!("Bearer {}", token(tenant));
        let (stream, step) = world.get("/asks", &[("authorization", &bearer)]);
        let iss = &asked(&step)["subject"]["properties"]["iss"];
        assert_eq!(*iss, format!("https://login.test/{tenant}"));
        let step = world.answer(stream, 200, Some("max-age=60"), r#"{"decision": true}"#);
        assert!(matches!(step, Step::Forward(..)));
    }
}

#[test]
fn the_subject_is_the_claim_that_the_provider_names() {
    let mut world = World::with_keys(&configured(json!({"subject_claim": "account.id"})));
    let mut subject = |claim: Value| {
        let bearer = format!("Bearer {}", ONE.token(&claims(json!({"account": {"id": claim}}))));
        let (_, step) = world.get("/asks", &[("authorization", &bearer)]);
        match step {
            Step::Ask(..) => Some(asked(&step)["subject"]["id"].clone()),
            step => {
                assert_eq!(refused(&step).0, 403);
                None
            }
        }
    };
    assert_eq!(subject(json!("u-1")), Some(json!("u-1")));
    for none in [json!(""), json!(1), json!(null), json!(["u-1"])] {
        assert_eq!(subject(none.clone()), None, "{none}");
    }
}
