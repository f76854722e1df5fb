//! Envoy's configuration: a listener per scenario, and two that play the services behind the filter.
//!
//! Every answer is a direct response, so that no other process takes part in what is measured.

use serde_json::{Value, json};

use crate::scenario::Scenario;
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
    let mut listeners = vec![identity_provider(site), decision_point(site)];
    for scenario in scenarios {
        let address = site.address(scenario.name)?;
        let route = answer("ok", &seen(reply));
        listeners.push(listener(scenario.name, address.port(), scenario.filters(site), &route));
    }
    Ok(json!({
        "admin": {"address": address(site.admin.number())},
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                cluster("idp", site.idp.number()),
                cluster("decision-point", site.decision_point.number()),
            ],
        },
    }))
}

fn identity_provider(site: &Site) -> Value {
    let route = answer(&site.signer.jwks().to_string(), &[("cache-control", "max-age=3600")]);
    listener("identity_provider", site.idp.number(), Vec::new(), &route)
}

fn decision_point(site: &Site) -> Value {
    let body = json!({"decision": true, "context": {"roles": ["user", "decided"]}});
    let route = answer(
        &body.to_string(),
        &[("cache-control", "max-age=300"), ("content-type", "application/json")],
    );
    listener("decision_point", site.decision_point.number(), Vec::new(), &route)
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

fn answer(body: &str, headers: &[(&str, &str)]) -> Value {
    let header = |(key, value): &(&str, &str)| json!({"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    let headers: Vec<Value> = headers.iter().map(header).collect();
    json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
        "response_headers_to_add": headers,
    })
}

fn listener(name: &str, port: u16, mut filters: Vec<Value>, route: &Value) -> Value {
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let http = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
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
