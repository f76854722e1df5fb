//! How the keys are, as metrics.

use std::time::Duration;

use claimgate_abi::Answer;

use crate::gateway::Gateway;
use crate::policy::without_roles;
use crate::tokens::{Key, jwks};

#[test]
fn the_state_of_the_keys_is_there_to_see() {
    let mut gateway = Gateway::cold(&without_roles());
    let name = without_roles()["providers"][0]["name"].as_str().unwrap().to_owned();
    let metric = |what: &str| format!("claimgate.jwks.{name}.{what}");
    gateway.tick();
    assert_eq!(gateway.gauge(&metric("healthy")), None, "nobody needed keys yet");
    let stream = gateway.get("/products", &gateway.token());
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, "<html>"));
    gateway.unavailable(stream);
    assert_eq!(gateway.counted(&metric("failed.not_a_key_set")), 1);
    assert_eq!([gateway.gauge(&metric("healthy")), gateway.gauge(&metric("keys"))], [Some(0); 2]);
    gateway.advance(Duration::from_secs(1));
    gateway.get("/products", &gateway.token());
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one(), &Key::two()])));
    assert_eq!(gateway.gauge(&metric("healthy")), Some(1));
    assert_eq!(gateway.gauge(&metric("keys")), Some(2));
    gateway.advance(Duration::from_secs(17));
    gateway.tick();
    assert_eq!(gateway.gauge(&metric("age_seconds")), Some(17));
    gateway.advance(Duration::from_secs(280));
    gateway.tick();
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(502, ""));
    assert_eq!(gateway.counted(&metric("failed.status")), 1);
    assert_eq!(
        [gateway.gauge(&metric("healthy")), gateway.gauge(&metric("keys"))],
        [Some(0), Some(2)]
    );
    let defined = gateway.defined_metrics();
    let mut once = defined.to_vec();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), defined.len(), "each is defined once: {defined:?}");
}
