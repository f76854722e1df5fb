//! Envoy's configuration: a listener per scenario, and one that plays the identity provider.
//!
//! Every answer is a direct response, so that no other process takes part in what is measured; only
//! decisions that are asked for come from one.

use serde_json::{Value, json};

use crate::scenario::Scenario;
use crate::signer::Algorithm;
use crate::site::Site;

/// What a scenario's listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 200 and two bytes.
    Plain,
    /// The same, with `seen-NAME` for each identity header and `authorization` that reached the route.
    Seen,
}

/// The whole configuration.
pub fn bootstrap(site: &Site, scenarios: &[Scenario], reply: Reply) -> anyhow::Result<Value> {
    let mut listeners = vec![identity_provider(site)];
    let mut clusters = vec![cluster("idp", site.idp.number()), cluster("feed", site.feed.port())];
    for scenario in scenarios {
        let address = site.address(scenario.name)?;
        let routes = [answer("/", "ok", &seen(reply))];
        listeners.push(listener(scenario.name, address.port(), scenario.filters(site), &routes));
        // One each, so that its counters say how often a scenario asked.
        clusters.push(cluster(scenario.name, site.decision_point.number()));
    }
    Ok(json!({
        "admin": {"address": address(site.admin.number())},
        "static_resources": {
            "listeners": listeners,
            "clusters": clusters,
        },
    }))
}

fn identity_provider(site: &Site) -> Value {
    let keys = |algorithm: Algorithm| {
        let keys = site.signer.jwks(algorithm).to_string();
        answer(&algorithm.keys_path(), &keys, &[("cache-control", "max-age=3600")])
    };
    let routes = Algorithm::ALL.map(keys);
    listener("identity_provider", site.idp.number(), Vec::new(), &routes)
}

fn seen(reply: Reply) -> Vec<(&'static str, &'static str)> {
    match reply {
        Reply::Plain => Vec::new(),
        Reply::Seen => vec![
            ("seen-x-user-email", "%REQ(x-user-email)%"),
            ("seen-x-user-name", "%REQ(x-user-name)%"),
            ("seen-x-email-verified", "%REQ(x-email-verified)%"),
            ("seen-x-user-roles", "%REQ(x-user-roles)%"),
            ("seen-authorization", "%REQ(authorization)%"),
        ],
    }
}

fn answer(prefix: &str, body: &str, headers: &[(&str, &str)]) -> Value {
    let header = |(key, value): &(&str, &str)| json!({"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    let headers: Vec<Value> = headers.iter().map(header).collect();
    json!({
        "match": {"prefix": prefix},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
        "response_headers_to_add": headers,
    })
}

fn listener(name: &str, port: u16, mut filters: Vec<Value>, routes: &[Value]) -> Value {
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let http = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        "http_filters": filters,
    });
    let network =
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": http});
    json!({"name": name, "address": address(port), "filter_chains": [{"filters": [network]}]})
}

fn cluster(name: &str, port: u16) -> Value {
    let endpoint = json!({"endpoint": {"address": address(port)}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
