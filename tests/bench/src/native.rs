//! Envoy's own filters doing the same job: `jwt_authn`, then RBAC on a role in the token.

use serde_json::{Value, json};

use crate::site::Site;
use crate::tokens::{AUDIENCE, ISSUER};

/// What reaches the upstream; `jwt_authn` sends an array as base64 of its JSON, here `["user"]`.
pub const SETS: &[(&str, &str)] = &[
    ("x-user-email", "ada@bench.example"),
    ("x-user-name", "Ada Lovelace"),
    ("x-email-verified", "true"),
    ("x-user-roles", "WyJ1c2VyIl0="),
];

/// Verified tokens are kept, as many as Envoy keeps by default. The claims of `claim_to_headers` and
/// the role of RBAC are those of the filter's scenarios.
pub fn with_cache(site: &Site, _scenario: &str) -> Vec<Value> {
    let mut provider = provider(site);
    provider["jwt_cache_config"] = json!({});
    vec![jwt_authn(&provider), rbac()]
}

/// The same, but every token is verified again.
pub fn without_cache(site: &Site, _scenario: &str) -> Vec<Value> {
    vec![jwt_authn(&provider(site)), rbac()]
}

fn provider(site: &Site) -> Value {
    let claim = |header, claim| json!({"header_name": header, "claim_name": claim});
    json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": site.signer.jwks().to_string()},
        "payload_in_metadata": "payload",
        "claim_to_headers": [
            claim("x-user-email", "email"),
            claim("x-user-name", "name"),
            claim("x-email-verified", "email_verified"),
            claim("x-user-roles", "realm_access.roles"),
        ],
    })
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
