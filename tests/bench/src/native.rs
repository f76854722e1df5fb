//! Envoy's own filters doing the same job: `jwt_authn`, then RBAC on a role in the token or
//! `ext_authz`.

use serde_json::{Value, json};

use crate::signer::Algorithm;
use crate::site::{self, Site};
use crate::tokens::{AUDIENCE, ISSUER};

/// What reaches the upstream; `jwt_authn` sends an array as base64 of its JSON, here `["user"]`.
pub const SETS: &[(&str, &str)] = &[
    ("x-user-email", "ada@bench.example"),
    ("x-user-name", "Ada Lovelace"),
    ("x-email-verified", "true"),
    ("x-user-roles", "WyJ1c2VyIl0="),
];

/// Room for every token of a scenario with many; Envoy's default is 100.
const CACHE_SIZE: u32 = 2000;

/// `jwt_authn` with its token cache, and nothing else.
pub fn token(site: &Site, _scenario: &str) -> Vec<Value> {
    vec![jwt_authn(&cache(provider(site, Algorithm::Rs256)))]
}

/// With its token cache. The claims of `claim_to_headers` and the role of RBAC are those of the
/// filter's scenarios.
pub fn cached(site: &Site, _scenario: &str) -> Vec<Value> {
    let provider = provider(site, Algorithm::Rs256);
    vec![jwt_authn(&cache(with_role(with_headers(provider)))), rbac()]
}

/// The same, but every token is verified again.
pub fn uncached(site: &Site, algorithm: Algorithm) -> Vec<Value> {
    vec![jwt_authn(&with_role(with_headers(provider(site, algorithm)))), rbac()]
}

/// With its token cache and the same headers, then `ext_authz` over HTTP, which sets the roles.
pub fn ext_authz(site: &Site, scenario: &str) -> Vec<Value> {
    let provider = cache(with_headers(provider(site, Algorithm::Rs256)));
    vec![jwt_authn(&provider), ask(site, scenario)]
}

fn provider(site: &Site, algorithm: Algorithm) -> Value {
    json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": site.signer.jwks(algorithm).to_string()},
    })
}

fn cache(mut provider: Value) -> Value {
    provider["jwt_cache_config"] = json!({"jwt_cache_size": CACHE_SIZE});
    provider
}

fn with_headers(mut provider: Value) -> Value {
    provider["claim_to_headers"] = json!([
        claim("x-user-email", "email"),
        claim("x-user-name", "name"),
        claim("x-email-verified", "email_verified"),
    ]);
    provider
}

/// The fourth header, and what RBAC looks at.
fn with_role(mut provider: Value) -> Value {
    provider["payload_in_metadata"] = json!("payload");
    if let Some(headers) = provider["claim_to_headers"].as_array_mut() {
        headers.push(claim("x-user-roles", "realm_access.roles"));
    }
    provider
}

fn claim(header: &str, claim: &str) -> Value {
    json!({"header_name": header, "claim_name": claim})
}

fn jwt_authn(provider: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"bench": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
        },
    })
}

fn rbac() -> Value {
    let has_role = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "payload"}, {"key": "realm_access"}, {"key": "roles"}],
        "value": {"list_match": {"one_of": {"string_match": {"exact": "user"}}}},
    });
    let principal = json!({"sourced_metadata": {"metadata_matcher": has_role}});
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {
                "action": "ALLOW",
                "policies": {"has-role": {"permissions": [{"any": true}], "principals": [principal]}},
            },
        },
    })
}

fn ask(site: &Site, scenario: &str) -> Value {
    let exactly = |names: &[&str]| json!({"patterns": names.iter().map(|name| json!({"exact": name})).collect::<Vec<_>>()});
    let uri = format!("http://{}", site::local(&site.decision_point));
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": uri, "cluster": scenario, "timeout": "1s"},
                "path_prefix": "/authz/roles",
                "authorization_response": {"allowed_upstream_headers": exactly(&["x-user-roles"])},
            },
            "allowed_headers": exactly(&["x-user-email", "x-email-verified"]),
        },
    })
}
