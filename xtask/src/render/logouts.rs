//! What the gateway of the pods has besides where an identity provider outside of the cluster tells authz-service of
//! logouts: one path, one method, one form of a bounded size.
//!
//! Anybody can send there. So it leads to nothing else of the decision point, carries no credential, and takes only a few of
//! the places that statements and decisions share there.

use super::{Row, row};

pub(super) fn rows() -> Vec<Row> {
    vec![
        before(GUARDED, POLICY),
        before(ROUTED, ROUTE),
        before(ROUTER, BUFFER),
        before(NEXT, CLUSTER),
    ]
}

/// Puts a text before another one.
fn before(anchor: &str, text: &str) -> Row {
    row(anchor, &format!("{text}{anchor}"), 1)
}

/// The filter's last route.
const GUARDED: &str =
    "                              - name: realm\n                                match: {prefix";
const POLICY: &str = "                              # Who sends it shows so by its signature, which authz-service checks.
                              - name: backchannel-logout
                                match: {path: /backchannel-logout, methods: [POST]}
                                token: none
                                rules: [{name: signed-statement, allow: {always: true}}]
";

/// Envoy's route to the identity provider.
const ROUTED: &str = "                        - name: realm\n                          match: {path_separated_prefix";
const ROUTE: &str = r#"                        - name: backchannel-logout
                          match:
                            path: /backchannel-logout
                            headers: [{name: ":method", string_match: {exact: POST}}]
                          # Nothing that could be taken for a credential.
                          request_headers_to_remove: [authorization, cookie, x-gateway-secret]
                          route: {cluster: authz-logouts, timeout: 3s}
                          # Whole or not at all: a sender who takes his time takes it here.
                          typed_per_filter_config:
                            envoy.filters.http.buffer:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute
                              buffer: {max_request_bytes: 16384}
"#;

/// The last of the gateway's filters; the probes' stands further to the left.
const ROUTER: &str = "                  - name: envoy.filters.http.router\n                    typed_config:\n                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n                      # No x-envoy";
const BUFFER: &str = r#"                  # For the one route that says so.
                  - name: envoy.filters.http.buffer
                    disabled: true
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
                      max_request_bytes: 16384
"#;

/// The cluster behind authz-service's.
const NEXT: &str = "    - name: customer-service\n";
const CLUSTER: &str = "    # authz-service once more, for what outsiders may send: few at once, so that decisions find a place.
    - name: authz-logouts
      type: STRICT_DNS
      connect_timeout: 0.25s
      per_connection_buffer_limit_bytes: *buffer
      load_assignment:
        cluster_name: authz-logouts
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: authz-service, port_value: 8003}}}}]}]
      circuit_breakers:
        thresholds: [{max_connections: 16, max_pending_requests: 16, max_requests: 16, max_retries: 1, track_remaining: true}]
      typed_extension_protocol_options: *http1

";
