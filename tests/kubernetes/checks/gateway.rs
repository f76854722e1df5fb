//! The gateway's configuration as an overlay makes it: the policy in it compiles, and says whose tokens
//! count there.

use claimgate::policy::Policy;
use serde_json::Value;

use crate::rendered::{OVERLAYS, Object, name, of_kind, overlay};

/// What Envoy is given, as text.
pub fn configuration(objects: &[Object]) -> String {
    let named = |map: &&Object| name(map).starts_with("envoy-");
    let maps: Vec<_> = of_kind(objects, "ConfigMap").filter(named).collect();
    let [map] = maps[..] else { panic!("{} ConfigMaps for Envoy", maps.len()) };
    map["data"]["envoy.yaml"].as_str().unwrap().to_owned()
}

/// The same, read.
pub fn envoy(objects: &[Object]) -> Value {
    serde_saphyr::from_str(&configuration(objects)).unwrap()
}

/// The first part that has this field, wherever it is.
pub fn with<'v>(value: &'v Value, field: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) if fields.contains_key(field) => Some(value),
        Value::Object(fields) => fields.values().find_map(|one| with(one, field)),
        Value::Array(items) => items.iter().find_map(|one| with(one, field)),
        _ => None,
    }
}

/// A cluster of Envoy's.
pub fn cluster(config: &Value, name: &str) -> Value {
    let clusters = config["static_resources"]["clusters"].as_array().unwrap();
    clusters.iter().find(|one| one["name"] == name).unwrap().clone()
}

#[test]
fn the_policy_of_every_overlay_compiles() {
    let env = |name: &str| (name == "AUTHZ_SERVICE_TOKEN").then(|| "not-a-real-secret".to_owned());
    for name in OVERLAYS {
        let config = envoy(&overlay(name));
        let policy = with(&config, "providers").unwrap();
        let compiled = Policy::from_document(policy.to_string().as_bytes(), &env);
        assert!(compiled.is_ok(), "{name}: {}", compiled.unwrap_err());
        // Beyond loopback authz-service asks who calls: without the credential nothing would be decided.
        let without = Policy::from_document(policy.to_string().as_bytes(), &|_| None);
        assert!(without.unwrap_err().to_string().contains("AUTHZ_SERVICE_TOKEN"), "{name}");
        let variables = &with(&config, "vm_config").unwrap()["vm_config"]["environment_variables"];
        assert_eq!(
            variables["host_env_keys"],
            serde_json::json!(["AUTHZ_SERVICE_TOKEN"]),
            "{name}"
        );
    }
}

#[test]
fn each_overlay_has_its_own_identity_provider() {
    for (name, host) in
        [("staging", "login.staging.example.com"), ("production", "login.example.com")]
    {
        let config = envoy(&overlay(name));
        let provider = &with(&config, "providers").unwrap()["providers"][0];
        let issuer = format!("https://{host}/realms/api-gateway-poc");
        assert_eq!(provider["issuer"], issuer);
        assert_eq!(provider["jwks"]["url"], format!("{issuer}/protocol/openid-connect/certs"));
        let idp = cluster(&config, "idp");
        let tls = &idp["transport_socket"]["typed_config"];
        assert_eq!(tls["sni"], host, "{name}");
        let trust = &tls["common_tls_context"]["validation_context"];
        assert_eq!(trust["match_typed_subject_alt_names"][0]["matcher"]["exact"], host, "{name}");
        assert_eq!(idp["health_checks"][0]["http_health_check"]["host"], host, "{name}");
    }
    let idp = cluster(&envoy(&overlay("dev")), "idp");
    assert!(idp.get("transport_socket").is_none());
}

/// What the pods listen on, and where they look for others, is what Services and containers say.
#[test]
fn the_gateways_upstreams_are_services_of_the_overlay() {
    for name in OVERLAYS {
        let objects = overlay(name);
        let config = envoy(&objects);
        for upstream in ["authz-service", "customer-service", "product-service"] {
            let text = cluster(&config, upstream)["load_assignment"].to_string();
            let service =
                of_kind(&objects, "Service").find(|one| one["metadata"]["name"] == upstream);
            let port = &service.unwrap()["spec"]["ports"][0]["port"];
            let expected = format!("{{\"address\":\"{upstream}\",\"port_value\":{port}}}");
            assert!(text.contains(&expected), "{name}: {text} has no {expected}");
        }
        let text = config.to_string();
        assert!(text.contains("\"address\":\"0.0.0.0\",\"port_value\":8080"), "{name}");
        assert!(text.contains("\"filename\":\"/etc/claimgate/plugin.wasm\""), "{name}");
        let admin = &config["admin"]["address"]["socket_address"]["address"];
        assert_eq!(admin, "127.0.0.1", "{name}: the admin port is for the pod itself");
    }
}
