//! `envoy/envoy.yaml` with this stack's ports.
//!
//! What may change is listed here and nowhere else: listening and upstream ports, by the contract's
//! number, and the two URLs of the identity provider. It must never change a rule or a limit; a
//! test that needs another one edits the result.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::ports::Ports;
use crate::workspace;

/// The configuration as Envoy reads it; Envoy takes it as JSON.
pub fn render(ports: &Ports) -> Result<Value> {
    let file = workspace::root().join("envoy/envoy.yaml");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut config: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is not YAML", file.display()))?;
    let contract = Ports::contract();
    let numbers = [
        (contract.gateway, ports.gateway),
        (contract.envoy_admin, ports.envoy_admin),
        (contract.idp, ports.idp),
        (contract.customers, ports.customers),
        (contract.products, ports.products),
        (contract.authz, ports.authz),
    ];
    let urls = (contract.issuer(), ports.issuer());
    replace(&mut config, &numbers, &urls);
    Ok(config)
}

/// Has the filter heed the authorization service's feed, and so the logouts that it is told of. What is for everybody
/// goes on when nobody knows of any.
pub(super) fn heed_logouts(config: &mut Value) {
    let policy =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    let filters = config.pointer_mut(policy).and_then(Value::as_array_mut);
    let ours = filters.and_then(|filters| {
        filters.iter_mut().find(|one| one.get("name").is_some_and(|name| name == "claimgate"))
    });
    let policy = ours.and_then(|ours| ours.pointer_mut("/typed_config/config/configuration/value"));
    let Some(policy) = policy.and_then(Value::as_object_mut) else { return };
    policy.insert("freshness".into(), json!({"cluster": "authz-service"}));
    for route in policy.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(route) = route.as_object_mut() else { continue };
        if route.contains_key("roles_on_failure") {
            route.insert("failure_mode".into(), "allow".into());
        }
    }
}

fn replace(value: &mut Value, ports: &[(u16, u16)], urls: &(String, String)) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_u64() {
                    Some(number) if name == "port_value" => *field = port(number, ports),
                    _ => replace(field, ports, urls),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, ports, urls)),
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(&urls.0) {
                *text = format!("{}{rest}", urls.1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A port that is not in the table stays: Envoy fails to bind or to connect, which is seen.
fn port(number: u64, ports: &[(u16, u16)]) -> Value {
    let known = ports.iter().find(|(from, _)| u64::from(*from) == number);
    known.map_or_else(|| number.into(), |(_, to)| (*to).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get(name));
                fields.values().for_each(|field| strings(field, name, found));
            }
            Value::Array(items) => items.iter().for_each(|item| strings(item, name, found)),
            _ => {}
        }
    }

    #[test]
    fn on_the_contracts_ports_nothing_changes() {
        let text = fs::read_to_string(workspace::root().join("envoy/envoy.yaml")).unwrap();
        let untouched: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(render(&Ports::contract()).unwrap(), untouched);
    }

    #[test]
    fn on_free_ports_no_port_of_the_contract_is_left() {
        let ports = Ports::free().unwrap();
        let config = render(&ports).unwrap();
        let mut numbers = Vec::new();
        strings(&config, "port_value", &mut numbers);
        let mut numbers: Vec<u64> = numbers.into_iter().filter_map(Value::as_u64).collect();
        numbers.sort_unstable();
        let Ports { gateway, envoy_admin, idp, customers, products, authz, .. } = ports;
        let mut all = [gateway, envoy_admin, idp, customers, products, authz].map(u64::from);
        all.sort_unstable();
        assert_eq!(numbers, all);
    }

    #[test]
    fn the_policy_names_the_stacks_own_issuer() {
        let ports = Ports::free().unwrap();
        let config = render(&ports).unwrap();
        let (mut issuers, mut urls) = (Vec::new(), Vec::new());
        strings(&config, "issuer", &mut issuers);
        strings(&config, "url", &mut urls);
        assert_eq!(issuers, [&Value::from(ports.issuer())]);
        let certs = format!("{}/protocol/openid-connect/certs", ports.issuer());
        assert_eq!(urls, [&Value::from(certs)]);
    }
}
