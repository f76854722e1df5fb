//! Where a provider's tokens are in a request.

use serde::Deserialize;

/// One place: exactly one of `header`, `cookie` and `query`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenPlace {
    /// A request header, by its lower-case name. More than one of that name in a request, or one
    /// that holds no token in the form of `scheme`, is answered 400.
    #[serde(default)]
    pub header: Option<String>,
    /// The scheme that stands before the token in the header; case does not count. Default:
    /// `Bearer` for `authorization`, for any other header none, so that its value is the token.
    #[serde(default)]
    pub scheme: Option<String>,
    /// A cookie, by its name. Browsers send it whoever makes them, so with an unsafe method or an
    /// upgrade such a token counts only together with an allowed origin (see `allowed_origins`).
    #[serde(default)]
    pub cookie: Option<String>,
    /// A query parameter, by its name as it reads decoded. Needs `allow_query_token: true`. The
    /// parameter is taken out of the path before anything else, so that no log shows it; its value
    /// has to be the token as it is, without percent-encoding.
    #[serde(default)]
    pub query: Option<String>,
}
