//! What a NetworkPolicy that is left means beside those that stay.

use serde_json::Value;

use super::is;
use crate::deploy::cluster::namespace;

const DIRECTIONS: [(&str, &str); 2] = [("Ingress", "ingress"), ("Egress", "egress")];

/// Whether it has a rule that no wanted policy has for the same pods.
pub(super) fn allows_more(policy: &Value, wanted: &[Value]) -> bool {
    let beside = |one: &&Value| {
        is(one, "NetworkPolicy")
            && namespace(one) == namespace(policy)
            && one.pointer("/spec/podSelector") == policy.pointer("/spec/podSelector")
    };
    let beside: Vec<_> = wanted.iter().filter(beside).collect();
    DIRECTIONS.iter().any(|(_, direction)| {
        let is_said = |rule| beside.iter().any(|one| rules(one, direction).contains(rule));
        rules(policy, direction).iter().any(|rule| !is_said(rule))
    })
}

/// Whether without it pods may be open in a direction that it closes: nobody else closes that for all of them.
pub(super) fn is_last(policy: &Value, staying: &[&Value]) -> bool {
    is(policy, "NetworkPolicy")
        && DIRECTIONS.iter().any(|(direction, _)| {
            let by_another = staying.iter().any(|one| is_for_all(one) && closes(one, direction));
            closes(policy, direction) && !by_another
        })
}

fn rules<'v>(policy: &'v Value, direction: &str) -> &'v [Value] {
    let rules = policy.pointer(&format!("/spec/{direction}"));
    rules.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An empty selector.
fn is_for_all(policy: &Value) -> bool {
    let selector = policy.pointer("/spec/podSelector").and_then(Value::as_object);
    selector.is_some_and(serde_json::Map::is_empty)
}

/// Policies that the server has say which directions they are about.
fn closes(policy: &Value, direction: &str) -> bool {
    let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|one| one == direction))
}
