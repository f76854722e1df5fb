//! What must not be seen outside, and what must not pile up.

use std::collections::HashSet;
use std::time::Duration;

use claimgate_abi::{Answer, Effect};

use crate::gateway::{Gateway, deny, permit, request};
use crate::policy::demo;
use crate::tokens::{EMAIL, Key, SUBJECT, claims, jwks};

/// A little of everything that can go wrong, with one token; the token.
fn trouble(gateway: &mut Gateway) -> String {
    let token = gateway.token();
    gateway.get("/customers?secret=in-the-url", &token);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(500, EMAIL));
    gateway.advance(Duration::from_secs(2));
    let stream = gateway.get("/customers", &token);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::broken());
    gateway.unavailable(stream);
    for _ in 0..2 {
        for answer in [deny(), Answer::new(200, EMAIL), Answer::broken()] {
            gateway.get("/customers", &token);
            let call = gateway.only_call();
            gateway.answer(call.token, answer);
        }
        let forged = Key::foreign().sign(&claims(gateway.now()));
        gateway.get("/customers", &forged);
        gateway.send(request("/customers").with("authorization", "Basic c2VjcmV0"));
    }
    token
}

#[test]
fn no_log_line_reply_or_metric_says_who_asked_for_what() {
    let mut gateway = Gateway::cold(&demo());
    let token = trouble(&mut gateway);
    let signature = token.rsplit('.').next().unwrap();
    let secrets = [signature, EMAIL, SUBJECT, "Ada L.", "in-the-url", "c2VjcmV0"];
    for effect in gateway.effects() {
        let said = match effect {
            Effect::Log { text, .. } => text.clone(),
            Effect::Reply { reply, .. } => format!("{reply:?}"),
            Effect::Count { name } => name.clone(),
            _ => continue,
        };
        assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
    }
    assert!(gateway.effects().iter().any(|effect| matches!(effect, Effect::Log { .. })));
}

#[test]
fn an_outage_is_one_warning_a_second_and_not_one_a_request() {
    let mut gateway = Gateway::warm(&demo());
    gateway.remove_cluster("authz-service");
    let token = gateway.token();
    for _ in 0..3 {
        let streams: Vec<_> = (0..100).map(|_| gateway.get("/customers", &token)).collect();
        gateway.deliver_queue();
        for stream in streams {
            gateway.unavailable(stream);
        }
        gateway.advance(Duration::from_secs(1));
    }
    let warnings = gateway.logs().iter().filter(|line| line.starts_with("3 ")).count();
    assert_eq!(warnings, 3);
    assert_eq!(gateway.counted("claimgate.undecided"), 300, "the counters have them all");
}

#[test]
fn a_metric_is_defined_once_whatever_is_counted() {
    let mut gateway = Gateway::cold(&demo());
    trouble(&mut gateway);
    let defined = gateway.defined_metrics();
    let different: HashSet<_> = defined.iter().collect();
    assert_eq!(different.len(), defined.len(), "{defined:?}");
}

#[test]
fn a_new_configuration_defines_no_metric_again() {
    let mut gateway = Gateway::cold(&demo());
    for _ in 0..3 {
        gateway.send(request("/customers"));
        let (root, accepted) = gateway.vm.root(demo().to_string().as_bytes());
        assert!(accepted);
        gateway.root = root;
    }
    let defined = gateway.defined_metrics();
    let different: HashSet<_> = defined.iter().collect();
    assert_eq!(different.len(), defined.len(), "Envoy keeps every number for ever: {defined:?}");
}

#[test]
fn memory_does_not_grow_with_requests_that_are_over() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let round = |gateway: &mut Gateway| {
        for answer in [deny(), permit(&["user"])].iter().cycle().take(500) {
            let (ends, leaves) =
                (gateway.get("/customers", &token), gateway.get("/customers", &token));
            gateway.close(leaves);
            for call in gateway.in_flight() {
                gateway.answer(call.token, answer.clone());
            }
            gateway.close(ends);
        }
        gateway.memory()
    };
    round(&mut gateway);
    let before = round(&mut gateway);
    let after = (0..4).map(|_| round(&mut gateway)).max().unwrap();
    assert_eq!(before, after, "pages of 64 KiB");
}
