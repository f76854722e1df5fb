//! Changes to the rendered Envoy configuration, for [`xtask::stack::Builder::edit_envoy`].
//!
//! What ships is tested as it is wherever that is possible; an edit takes away one lock to show
//! that the next one holds, or puts an upstream of ours where a service was.

use serde_json::{Value, json};

use crate::echo::Echo;

/// The connection manager.
pub fn manager(config: &mut Value) -> &mut Value {
    &mut config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// The Wasm filter's `config`: `vm_config`, `configuration`, `failure_policy`.
pub fn filter(config: &mut Value) -> &mut Value {
    &mut named(&mut manager(config)["http_filters"], "claimgate")["typed_config"]["config"]
}

/// The policy that the filter is given.
pub fn policy(config: &mut Value) -> &mut Value {
    &mut filter(config)["configuration"]["value"]
}

/// A cluster, by name.
pub fn cluster<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
    named(&mut config["static_resources"]["clusters"], name)
}

/// A route of Envoy, by name.
pub fn route<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
    named(&mut manager(config)["route_config"]["virtual_hosts"][0]["routes"], name)
}

/// Where a cluster's only endpoint is.
pub fn cluster_port(config: &mut Value, name: &str) -> u16 {
    let port = socket(config, name)["port_value"].as_u64();
    port.and_then(|port| u16::try_from(port).ok()).expect("a port")
}

/// Points a cluster's only endpoint elsewhere.
pub fn set_cluster_port(config: &mut Value, name: &str, port: u16) {
    socket(config, name)["port_value"] = port.into();
}

/// The decision point may take this long: for tests that hold its answer back.
pub fn decision_timeout(config: &mut Value, timeout: &str) {
    policy(config)["authorization"][0]["timeout"] = timeout.into();
}

/// The decision point is asked whatever becomes of it.
pub fn asks_for_ever(config: &mut Value) {
    policy(config)["authorization"][0]["breaker"] = json!({"failures": 0});
}

/// Every route that has an upstream goes to the echo, which also gets trailers. The clusters that
/// the filter itself calls stay as they are.
pub fn all_routes_to(echo: &Echo) -> impl FnOnce(&mut Value) + 'static {
    let port = echo.address().port();
    move |config| all_routes_to_port(config, port)
}

/// The same, to whatever listens there.
pub fn all_routes_to_port(config: &mut Value, port: u16) {
    for name in ["who-am-i", "realm", "customers", "products"] {
        route(config, name)["route"]["cluster"] = "echo".into();
    }
    let clusters = config["static_resources"]["clusters"].as_array_mut().expect("clusters");
    clusters.push(echo_cluster(port));
}

fn echo_cluster(port: u16) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    json!({
        "name": "echo",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "echo",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
            },
        },
    })
}

/// Envoy's own check of underscores off: the filter's has to do.
pub fn allow_underscores(config: &mut Value) {
    let options = &mut manager(config)["common_http_protocol_options"];
    options["headers_with_underscores_action"] = "ALLOW".into();
}

/// Envoy's own treatment of paths off: the filter's check has to do.
pub fn keep_paths(config: &mut Value) {
    let manager = manager(config);
    manager["normalize_path"] = false.into();
    manager["merge_slashes"] = false.into();
    manager["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED".into();
}

/// HTTP/1 trailers reach the filter; Envoy drops them by default.
pub fn http1_trailers(config: &mut Value) {
    manager(config)["http_protocol_options"] = json!({"enable_trailers": true});
}

fn socket<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
    let endpoints = &mut cluster(config, name)["load_assignment"]["endpoints"];
    &mut endpoints[0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
}

fn named<'a>(list: &'a mut Value, name: &str) -> &'a mut Value {
    let mut entries = list.as_array_mut().expect("a list").iter_mut();
    entries.find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no entry {name:?}"))
}
