//! The manifests beside `envoy/envoy.yaml`, of which they say the same in other words. Neither may change alone.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use xtask::gateway::manifests::{PLACEHOLDER, find, kind, name};
use xtask::workspace;

/// Every object of `guard` and `routes`, as it stands there.
fn manifests() -> Vec<Value> {
    let folder = workspace::root().join("kubernetes/gateway-api");
    let files = ["guard", "routes"].map(|name| fs::read_dir(folder.join(name)).unwrap());
    let files = files.into_iter().flatten().map(|entry| entry.unwrap().path());
    let is_object = |name: &str| name != "kustomization.yaml" && name != "images.yaml";
    let files = files.filter(|file| is_object(file.file_name().unwrap().to_str().unwrap()));
    files
        .flat_map(|file| -> Vec<Value> {
            serde_saphyr::from_multiple(&fs::read_to_string(&file).unwrap()).unwrap()
        })
        .collect()
}

fn read(file: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(workspace::root().join(file)).unwrap()).unwrap()
}

fn envoy() -> Value {
    read("envoy/envoy.yaml")
}

fn connection_manager() -> Value {
    connections(&envoy()).clone()
}

/// How the listener of the gateway takes connections.
fn connections(envoy: &Value) -> &Value {
    let listeners = envoy.pointer("/static_resources/listeners").unwrap().as_array().unwrap();
    let gateway = listeners.iter().find(|listener| listener["name"] == "gateway").unwrap();
    gateway.pointer("/filter_chains/0/filters/0/typed_config").unwrap()
}

fn one<'m>(manifests: &'m [Value], kind: &str, name: &str) -> &'m Value {
    find(manifests, kind, name).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn wasm() -> Value {
    one(&manifests(), "EnvoyExtensionPolicy", "claimgate")["spec"]["wasm"][0].clone()
}

/// What the policy has besides the one for pods: the secret, which there the routes add, and statements for
/// customer-service.
#[test]
fn the_policy_is_the_demo_s_and_what_is_said_here() {
    let pods = read("kubernetes/base/envoy.yaml");
    let filters = connections(&pods)["http_filters"].as_array().unwrap();
    let ours = filters.iter().find(|filter| filter["name"] == "claimgate").unwrap();
    let mut expected = ours["typed_config"]["config"]["configuration"]["value"].clone();
    expected["identity_headers"]["x-gateway-secret"] = json!({"secret_env": "GATEWAY_SECRET"});
    expected["signed_identity"] = json!({
        "issuer": "claimgate", "key_env": "IDENTITY_KEY",
        "include": {"roles": "decision", "claims": ["email", "email_verified"]},
    });
    for route in expected["routes"].as_array_mut().unwrap() {
        if route["name"] == "customers" || route["name"] == "customer" {
            route["identity_audience"] = "customer-service".into();
        }
    }
    assert_eq!(wasm()["config"], expected, "kubernetes/gateway-api/guard/filter.yaml differs");
}

#[test]
fn the_filter_compiles_it_with_the_variables_that_it_is_given() {
    let wasm = wasm();
    let keys: Vec<_> = wasm["env"]["hostKeys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_str().unwrap())
        .collect();
    let key = workspace::root().join("tests/testdata/keys/p256-1.pem");
    let variable = |name: &str| {
        let value = || match name {
            "IDENTITY_KEY" => fs::read_to_string(&key).unwrap(),
            _ => "sixteen-or-more-characters".to_owned(),
        };
        keys.contains(&name).then(value)
    };
    let document = wasm["config"].to_string();
    claimgate::policy::Policy::from_document(document.as_bytes(), &variable).unwrap();
    // And the proxies have them.
    let manifests = manifests();
    let proxy = one(&manifests, "EnvoyProxy", "claimgate");
    let container =
        proxy.pointer("/spec/provider/kubernetes/envoyDeployment/container/env").unwrap();
    for key in keys {
        let variables = container.as_array().unwrap();
        let there = variables.iter().find(|one| one["name"] == *key).unwrap();
        assert!(there["valueFrom"]["secretKeyRef"].is_object() && there.get("value").is_none());
    }
}

/// A name that nobody can register (RFC 2606), and a digest that nothing has.
#[test]
fn the_image_that_is_named_can_be_no_image() {
    let wasm = wasm();
    let image = wasm["code"]["image"]["url"].as_str().unwrap();
    assert_eq!(image, format!("{PLACEHOLDER}@sha256:{}", "0".repeat(64)));
    assert_eq!(PLACEHOLDER.split('/').next().unwrap().rsplit('.').next(), Some("invalid"));
    assert_eq!(wasm["failOpen"], false);
}

/// On a route a policy comes late, or never (docs/gateway-api.md).
#[test]
fn policies_guard_gateways_whole_and_all_of_them() {
    let manifests = manifests();
    let of_kind = |wanted: &'static str| manifests.iter().filter(move |one| kind(one) == wanted);
    let gateways: BTreeSet<_> = of_kind("Gateway").map(name).collect();
    assert_eq!(gateways, BTreeSet::from(["external", "internal"]));
    let policies =
        ["EnvoyExtensionPolicy", "ClientTrafficPolicy", "BackendTrafficPolicy", "SecurityPolicy"];
    for policy in policies {
        let policies: Vec<_> = of_kind(policy).collect();
        assert_eq!(policies.len(), 1, "{policy}");
        let targets = policies[0]["spec"]["targetRefs"].as_array().unwrap();
        let named: BTreeSet<_> = targets.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(named, gateways, "{policy}");
        let whole = |one: &Value| one["kind"] == "Gateway" && one.get("sectionName").is_none();
        assert!(targets.iter().all(whole), "{policy}");
    }
    for gateway in of_kind("Gateway") {
        for listener in gateway["spec"]["listeners"].as_array().unwrap() {
            assert_eq!(listener["protocol"], "HTTPS", "{gateway}");
            assert_eq!(listener["allowedRoutes"]["namespaces"]["from"], "Same", "{gateway}");
        }
    }
}

#[test]
fn routes_lead_where_envoy_s_lead() {
    let manifests = manifests();
    let expected = connection_manager();
    let expected =
        expected.pointer("/route_config/virtual_hosts/0/routes").unwrap().as_array().unwrap();
    let ours: Vec<_> = manifests.iter().filter(|one| kind(one) == "HTTPRoute").collect();
    assert_eq!(ours.len(), expected.len());
    for route in expected {
        let ours = one(&manifests, "HTTPRoute", route["name"].as_str().unwrap());
        let rules = ours["spec"]["rules"].as_array().unwrap();
        let (rule, filters) =
            (&rules[0], rules[0]["filters"].as_array().cloned().unwrap_or_default());
        assert_eq!(rules.len(), 1, "{ours}");
        let (kind, path) = ["path", "path_separated_prefix", "prefix"]
            .iter()
            .find_map(|kind| Some((*kind, route["match"].get(*kind)?)))
            .unwrap();
        let matched = &rule["matches"][0]["path"];
        assert_eq!(matched["value"], *path);
        assert_eq!(matched["type"], if kind == "path" { "Exact" } else { "PathPrefix" });
        if let Some(reply) = route.get("direct_response") {
            let answer = one(&manifests, "HTTPRouteFilter", name(ours));
            assert_eq!(answer["spec"]["directResponse"]["statusCode"], reply["status"]);
            continue;
        }
        let rewritten = filters.iter().find_map(|one| {
            let path = &one.get("urlRewrite")?["path"];
            path.get("replaceFullPath").or_else(|| path.get("replacePrefixMatch"))
        });
        assert_eq!(rewritten, route["route"].get("prefix_rewrite"), "{ours}");
        assert_eq!(rule["timeouts"]["request"], route["route"]["timeout"], "{ours}");
        assert_eq!(rule["backendRefs"][0]["name"], route["route"]["cluster"], "{ours}");
        let removed = filters.iter().find_map(|one| one["requestHeaderModifier"].get("remove"));
        assert_eq!(removed, route.get("request_headers_to_remove"), "{ours}");
    }
}

/// Without the filter nobody else would say that there is nothing.
#[test]
fn without_wasm_routes_match_the_templates_that_the_filter_knows() {
    let folder = workspace::root().join("kubernetes/gateway-api/variants/native");
    let text = fs::read_to_string(folder.join("routes.yaml")).unwrap();
    let routes: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let rules = routes.iter().flat_map(|one| one["spec"]["rules"].as_array().unwrap());
    let paths = rules.flat_map(|rule| rule["matches"].as_array().unwrap());
    let served: BTreeSet<_> = paths.map(|one| one["path"].to_string()).collect();
    let wasm = wasm();
    let templates = wasm["config"]["routes"].as_array().unwrap().iter();
    let templates = templates.filter_map(|route| route["match"]["path"].as_str());
    let expected: BTreeSet<_> = templates
        .filter(|template| *template != "/auth/me")
        .map(|template| match template.split_once('{') {
            None => json!({"type": "Exact", "value": template}).to_string(),
            Some((start, _)) => {
                let value = format!("{start}[^/;]+");
                json!({"type": "RegularExpression", "value": value}).to_string()
            }
        })
        .collect();
    assert_eq!(served, expected);
}

/// No route leads to the decision point: its cluster is the proxies' own.
#[test]
fn the_filter_s_clusters_are_envoy_s() {
    let manifests = manifests();
    let patches =
        one(&manifests, "EnvoyProxy", "claimgate")["spec"]["bootstrap"]["jsonPatches"].clone();
    let added = patches
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["path"] == "/static_resources/clusters/-");
    let names: Vec<_> = added.clone().map(|one| one["value"]["name"].clone()).collect();
    assert_eq!(names, ["idp", "authz-service"]);
    let policy = wasm()["config"].clone();
    assert_eq!(policy["providers"][0]["jwks"]["cluster"], names[0]);
    assert_eq!(policy["authorization"][0]["cluster"], names[1]);
    let envoy = envoy();
    let envoy = envoy.pointer("/static_resources/clusters").unwrap().as_array().unwrap();
    for cluster in added.map(|one| &one["value"]) {
        let mut expected = envoy.iter().find(|one| one["name"] == cluster["name"]).unwrap().clone();
        expected["type"] = "STRICT_DNS".into();
        let at = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let address = expected.pointer_mut(at).unwrap();
        let host = format!("{}.claimgate.svc.cluster.local", cluster["name"].as_str().unwrap());
        address["address"] = host.into();
        // The identity provider may be anybody's.
        if cluster["name"] == "idp" {
            expected.as_object_mut().unwrap().remove("health_checks");
        }
        assert_eq!(*cluster, expected);
    }
}

#[test]
fn the_log_has_what_envoy_s_has() {
    let manifests = manifests();
    let proxy = one(&manifests, "EnvoyProxy", "claimgate");
    let format = proxy.pointer("/spec/telemetry/accessLog/settings/0/format/json").unwrap();
    let envoy = connection_manager();
    assert_eq!(Some(format), envoy.pointer("/access_log/0/typed_config/log_format/json_format"));
}

#[test]
fn clients_may_send_what_envoy_lets_them() {
    let (manifests, envoy) = (manifests(), connection_manager());
    let clients = &one(&manifests, "ClientTrafficPolicy", "clients")["spec"];
    assert_eq!(clients["path"]["escapedSlashesAction"], "RejectRequest");
    assert_eq!(envoy["path_with_escaped_slashes_action"], "REJECT_REQUEST");
    assert_eq!(clients["headers"]["withUnderscoresAction"], "RejectRequest");
    let common = &envoy["common_http_protocol_options"];
    assert_eq!(common["headers_with_underscores_action"], "REJECT_REQUEST");
    let timeouts = &clients["timeout"]["http"];
    for (ours, theirs) in [
        (&timeouts["requestHeadersReceivedTimeout"], &envoy["request_headers_timeout"]),
        (&timeouts["requestReceivedTimeout"], &envoy["request_timeout"]),
        (&timeouts["streamIdleTimeout"], &envoy["stream_idle_timeout"]),
        (&timeouts["idleTimeout"], &common["idle_timeout"]),
    ] {
        assert_eq!(ours, theirs);
    }
    // What the filter sets is what a client must not.
    let removed = clients["headers"]["earlyRequestHeaders"]["remove"].as_array().unwrap();
    let wasm = wasm();
    let set = wasm["config"]["identity_headers"].as_object().unwrap().keys();
    for header in set.map(String::as_str).chain(["x-claimgate-identity"]) {
        assert!(removed.contains(&header.into()), "{header}");
    }
}
