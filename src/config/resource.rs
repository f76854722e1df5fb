//! What clients are told about the gateway as a protected resource.

use serde::Deserialize;

/// Protected resource metadata (RFC 9728), served to everybody by the filter itself at
/// `/.well-known/oauth-protected-resource`, followed by the path of `resource` if it has one. The
/// document goes before any route, and every challenge names it (`resource_metadata`).
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProtectedResource {
    /// The resource identifier: a URL on `public_origin`. Default: `public_origin`.
    #[serde(default)]
    pub resource: Option<String>,
    /// Issuers that clients may get tokens from. Default: the issuers of `providers`, but for those
    /// with `secret_env` or `tenants`; needed where that leaves none.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for. Default: those that rules name.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Name for people. Default: none.
    #[serde(default)]
    pub resource_name: Option<String>,
    /// URL of a page for developers. Default: none.
    #[serde(default)]
    pub resource_documentation: Option<String>,
}
