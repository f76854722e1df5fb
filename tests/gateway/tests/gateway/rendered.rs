//! What Envoy Gateway makes of the manifests, rendered by its own code without a server.
//!
//! `golden/external.json` is all that Envoy is told about the external Gateway; `UPDATE_GOLDEN=1` rewrites it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xtask::gateway::host::NOT_ITS_OWN;
use xtask::gateway::manifests::{PLACEHOLDER, is, kind, render};
use xtask::run::{Scratch, capture};
use xtask::tools;

const FILTER: &str = "envoy.filters.http.wasm/envoyextensionpolicy/claimgate/claimgate/wasm/0";
const CORS: &str = "envoy.filters.http.cors";
const ROUTER: &str = "envoy.filters.http.router";

/// Listeners, routes and clusters of both Gateways.
fn xds(folders: &[&str], components: &[&str]) -> Value {
    let scratch = Scratch::new("egctl").unwrap();
    let image = format!("{PLACEHOLDER}@sha256:{}", "1".repeat(64));
    let mut manifests = render(folders, components, Some(&image)).unwrap();
    // Of several EnvoyProxys it takes the last for all Gateways.
    manifests.retain(|one| !NOT_ITS_OWN.contains(&kind(one)));
    manifests.sort_by_key(|one| is(one, "EnvoyProxy", "claimgate"));
    manifests.extend(around(scratch.path()));
    let text: Vec<_> = manifests.iter().map(ToString::to_string).collect();
    let file = scratch.path().join("all.yaml");
    fs::write(&file, text.join("\n---\n")).unwrap();
    let file = file.display().to_string();
    let args = [
        "x",
        "translate",
        "--from",
        "gateway-api",
        "--to",
        "xds",
        "-t",
        "all",
        "-o",
        "json",
        "-f",
        &file,
    ];
    let said = capture(&tools::egctl().unwrap(), &args, Duration::from_secs(60)).unwrap();
    let rendered: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    rendered["xds"].clone()
}

/// What is in a cluster besides.
fn around(folder: &Path) -> Vec<Value> {
    let (key, certificate) = (folder.join("key"), folder.join("certificate"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    openssl.args(["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=DNS:test"]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
    assert!(made.status.success());
    let [key, certificate] = [key, certificate].map(|file| fs::read_to_string(file).unwrap());
    let coded = |text: &str| STANDARD.encode(text);
    let secret = |namespace: &str, name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"tls.crt": coded(&certificate), "tls.key": coded(&key), "ca.crt": coded(&certificate)},
        })
    };
    let service = |(name, port): (&str, u16)| {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "claimgate"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": port, "protocol": "TCP"}]},
        })
    };
    let authority = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": certificate},
        "metadata": {"name": "authz-ca", "namespace": "claimgate"},
    });
    let services = [
        ("idp", 8180),
        ("authz-service", 8003),
        ("customer-service", 8001),
        ("product-service", 8002),
        ("product-service-canary", 8002),
    ];
    let secrets =
        ["external-tls", "internal-tls", "gateway-client"].map(|name| secret("claimgate", name));
    let known = [authority, secret("envoy-gateway-system", "envoy")];
    services.map(service).into_iter().chain(secrets).chain(known).collect()
}

fn base() -> &'static Value {
    static BASE: OnceLock<Value> = OnceLock::new();
    BASE.get_or_init(|| xds(&["base"], &[]))
}

/// The objects of a kind that one Gateway's Envoy is told of.
fn all<'x>(xds: &'x Value, gateway: &str, lists: &str, at: &str) -> Vec<&'x Value> {
    let parts = xds[gateway]["configs"].as_array().unwrap_or_else(|| panic!("no {gateway}"));
    let lists = parts.iter().filter_map(|part| part.get(lists)?.as_array());
    lists.flatten().map(|one| one.pointer(at).unwrap()).collect()
}

fn listener<'x>(xds: &'x Value, gateway: &str) -> &'x Value {
    let listeners = all(xds, gateway, "dynamicListeners", "/activeState/listener");
    listeners.into_iter().find(|one| one["name"] == format!("{gateway}/https")).unwrap()
}

fn connections<'x>(xds: &'x Value, gateway: &str) -> &'x Value {
    let filters = listener(xds, gateway)["filterChains"][0]["filters"].as_array().unwrap();
    &filters.last().unwrap()["typedConfig"]
}

/// Names of the HTTP filters, in order.
fn filters<'x>(xds: &'x Value, gateway: &str) -> Vec<&'x str> {
    let filters = connections(xds, gateway)["httpFilters"].as_array().unwrap();
    filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect()
}

fn filter<'x>(xds: &'x Value, gateway: &str) -> &'x Value {
    let filters = connections(xds, gateway)["httpFilters"].as_array().unwrap();
    filters.iter().find(|filter| filter["name"] == FILTER).unwrap()
}

fn routes<'x>(xds: &'x Value, gateway: &str) -> Vec<&'x Value> {
    let configurations = all(xds, gateway, "dynamicRouteConfigs", "/routeConfig");
    let hosts = configurations.into_iter().flat_map(|one| one["virtualHosts"].as_array().unwrap());
    hosts.flat_map(|host| host["routes"].as_array().unwrap()).collect()
}

fn clusters<'x>(xds: &'x Value, gateway: &str) -> Vec<&'x Value> {
    all(xds, gateway, "dynamicActiveClusters", "/cluster")
}

const GATEWAYS: [&str; 2] = ["claimgate/external", "claimgate/internal"];

#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn what_envoy_is_told_is_what_is_written_down() {
    let mut told = json!({
        "listener": listener(base(), "claimgate/external"),
        "routes": routes(base(), "claimgate/external"),
        "clusters": clusters(base(), "claimgate/external"),
    });
    // It stands in filter.yaml, and the next test compares it.
    let filters =
        told.pointer_mut("/listener/filterChains/0/filters/1/typedConfig/httpFilters").unwrap();
    for filter in filters.as_array_mut().unwrap() {
        if let Some(configuration) = filter.pointer_mut("/typedConfig/config/configuration/value") {
            *configuration = "…".into();
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/external.json");
    let text = format!("{told:#}\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == text, "differs from {}: UPDATE_GOLDEN=1 shows how", file.display());
}

#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn the_filter_comes_after_cors_and_before_everything_else_on_every_route() {
    let policy = render(&["guard"], &[], None).unwrap();
    let policy = policy.iter().find(|one| is(one, "EnvoyExtensionPolicy", "claimgate")).unwrap();
    for gateway in GATEWAYS {
        assert_eq!(filters(base(), gateway), [CORS, FILTER, ROUTER]);
        let filter = &filter(base(), gateway)["typedConfig"]["config"];
        assert_eq!(
            (&filter["rootId"], &filter["name"]),
            (&"claimgate".into(), &"claimgate".into())
        );
        assert_eq!(filter.get("failOpen"), None, "{filter}");
        assert_eq!(filter.get("failurePolicy"), None, "{filter}");
        let module = &filter["vmConfig"];
        assert_eq!(module["vmId"], "envoyextensionpolicy/claimgate/claimgate/wasm/0");
        let digest = module["code"]["remote"]["sha256"].as_str().unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let told: Value =
            serde_json::from_str(filter["configuration"]["value"].as_str().unwrap()).unwrap();
        assert_eq!(told, policy["spec"]["wasm"][0]["config"]);
        let routes = routes(base(), gateway);
        assert_eq!(routes.len(), 5);
        for route in routes {
            let enabled = &route["typedPerFilterConfig"][FILTER];
            assert_eq!(
                enabled["@type"], "type.googleapis.com/envoy.config.route.v3.FilterConfig",
                "{route}"
            );
            assert_eq!(enabled.get("disabled"), None, "{route}");
        }
    }
}

/// The filter's own clusters are part of the proxies; what routes lead to is what is served, and no more.
#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn no_cluster_of_a_route_is_there_for_the_filter_alone() {
    for gateway in GATEWAYS {
        let clusters = clusters(base(), gateway);
        let mut names: Vec<_> = clusters.iter().map(|one| one["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        let route = |name| format!("httproute/claimgate/{name}/rule/0");
        let mut expected = ["customers", "products", "realm", "who-am-i"].map(route).to_vec();
        expected.push("wasm_cluster".to_owned());
        assert_eq!(names, expected);
        let to_authz = routes(base(), gateway)
            .into_iter()
            .filter(|one| one["route"]["cluster"] == route("who-am-i"));
        let matches: Vec<_> = to_authz.map(|one| &one["match"]).collect();
        assert_eq!(matches, [&json!({"path": "/auth/me"})]);
    }
}

#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn a_vm_that_trapped_is_made_anew_where_that_is_asked_for() {
    let xds = xds(&["base"], &["components/fail-reload"]);
    for gateway in GATEWAYS {
        let filter = &filter(&xds, gateway)["typedConfig"]["config"];
        assert_eq!(filter["failurePolicy"], "FAIL_RELOAD", "{gateway}");
    }
}

/// What outsiders may send: one path, bounded, and by the filter all the same.
#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn logouts_from_outside_have_one_path_of_the_external_gateway() {
    let parts = ["guard", "routes"].map(|part| format!("components/logouts-from-outside/{part}"));
    let xds = xds(&["base"], &[&parts[0], &parts[1]]);
    let of = |gateway| {
        let is_it = |one: &&Value| one["name"].as_str().unwrap().contains("/backchannel-logout/");
        routes(&xds, gateway).into_iter().filter(is_it).collect::<Vec<_>>()
    };
    assert!(of("claimgate/internal").is_empty());
    let external = of("claimgate/external");
    let [route] = external[..] else { panic!("{external:?}") };
    assert_eq!(route["match"]["path"], "/backchannel-logout");
    let method = &route["match"]["headers"][0];
    assert_eq!(
        (&method["name"], &method["stringMatch"]["exact"]),
        (&":method".into(), &"POST".into())
    );
    let mut removed: Vec<_> = route["requestHeadersToRemove"].as_array().unwrap().iter().collect();
    removed.sort_by_key(|one| one.as_str());
    assert_eq!(removed, ["authorization", "cookie", "x-gateway-secret"]);
    assert!(route["typedPerFilterConfig"].get(FILTER).is_some(), "{route}");
    let buffer = "envoy.filters.http.buffer";
    let bound = &route["typedPerFilterConfig"][buffer]["buffer"]["maxRequestBytes"];
    assert_eq!(bound, 16_384, "{route}");
    assert!(filters(&xds, "claimgate/external").contains(&buffer));
    let clusters = clusters(&xds, "claimgate/external");
    let cluster = clusters.iter().find(|one| one["name"] == route["route"]["cluster"]).unwrap();
    let bounds = &cluster["circuitBreakers"]["thresholds"][0];
    assert_eq!((&bounds["maxConnections"], &bounds["maxRequests"]), (&16.into(), &16.into()));
    // Of the others nothing is different.
    let others = routes(&xds, "claimgate/external").len();
    assert_eq!(others, routes(base(), "claimgate/external").len() + 1);
}

#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn without_wasm_a_token_is_verified_before_authz_service_is_asked() {
    let xds = xds(&["variants/native"], &[]);
    for gateway in GATEWAYS {
        let asks = "envoy.filters.http.ext_authz/securitypolicy/claimgate/identified";
        let asks_for_one = format!("{asks}-for-one");
        let verifies = "envoy.filters.http.jwt_authn";
        assert_eq!(filters(&xds, gateway), [CORS, verifies, asks, &*asks_for_one, ROUTER]);
        let cors: BTreeSet<_> = routes(&xds, gateway)
            .into_iter()
            .map(|route| route["typedPerFilterConfig"][CORS].to_string())
            .collect();
        assert_eq!(cors.len(), 1, "{cors:?}");
        for route in routes(&xds, gateway) {
            let name = route["name"].as_str().unwrap().split('/').nth(2).unwrap();
            let guards = route["typedPerFilterConfig"].as_object().unwrap().keys();
            let guards: Vec<_> =
                guards.filter(|guard| *guard != CORS).map(String::as_str).collect();
            // Of one customer policies know the template alone.
            let is_one = route["match"].get("safeRegex").is_some();
            let expected = match name {
                "customers" if is_one => vec![&*asks_for_one, verifies],
                "customers" => vec![asks, verifies],
                "products" | "who-am-i" => vec![verifies],
                _ => vec![],
            };
            assert_eq!(guards, expected, "{name}");
        }
    }
}

#[test]
#[ignore = "needs egctl: cargo xtask test-gateway"]
fn a_canary_gets_its_share_and_is_guarded_like_the_rest() {
    let xds = xds(&["variants/canary"], &[]);
    for gateway in GATEWAYS {
        let routes = routes(&xds, gateway);
        let products =
            routes.iter().find(|one| one["match"]["pathSeparatedPrefix"] == "/products").unwrap();
        assert!(products["typedPerFilterConfig"].get(FILTER).is_some());
        let of_route = clusters(&xds, gateway).into_iter();
        let products = of_route.filter(|one| one["name"].as_str().unwrap().contains("/products/"));
        assert_eq!(products.count(), 1);
        let endpoints = all(&xds, gateway, "dynamicEndpointConfigs", "/endpointConfig");
        let products = endpoints
            .iter()
            .find(|one| one["clusterName"].as_str().is_some_and(|name| name.contains("/products/")))
            .unwrap();
        let weights = products["endpoints"].as_array().unwrap().iter();
        let weights: Vec<_> = weights.map(|one| &one["loadBalancingWeight"]).collect();
        assert_eq!(weights, [90, 10]);
    }
}
