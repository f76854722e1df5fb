//! `GET /.well-known/authzen-configuration`, AuthZEN 1.0 section 9: what this decision point
//! offers and where, below the URL that its operator says it is reached at.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use claimgate_authz_api::{
    EVALUATION_PATH, EVALUATIONS_PATH, SEARCH_ACTION_PATH, SEARCH_RESOURCE_PATH,
    SEARCH_SUBJECT_PATH,
};
use serde_json::json;

use super::Service;

/// The well-known path, before which the host stands and after which the base URL's own path.
const PATH: &str = "/.well-known/authzen-configuration";

/// The base URL of a decision point: its identifier in the metadata. `http` or `https`, without
/// user, query and fragment (section 9.1.1), without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    base: String,
    path: String,
}

/// A base URL that cannot be a decision point's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--public-url: must be an http or https URL with a host, without user, query and fragment")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// Accepts `text` if it has the form of a base URL.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let host =
            uri.authority().is_some_and(|it| !it.host().is_empty() && !it.as_str().contains('@'));
        // Braces would be a pattern for the router, not a path.
        if !known || !host || text.contains(['?', '#', '{', '}']) {
            return Err(InvalidPublicUrl);
        }
        let base = text.trim_end_matches('/').to_owned();
        Ok(Self { base, path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Where the metadata is found: the well-known path with the base URL's path after it.
    fn metadata_path(&self) -> String {
        format!("{PATH}{}", self.path)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

/// The document, at the well-known path and where a base URL with a path has it.
pub(super) fn routes(url: &PublicUrl) -> Router<Arc<Service>> {
    let routes = Router::new().route(PATH, get(metadata));
    if url.path.is_empty() { routes } else { routes.route(&url.metadata_path(), get(metadata)) }
}

async fn metadata(State(service): State<Arc<Service>>) -> Response {
    let base = &service.public_url;
    let body = Json(json!({
        "policy_decision_point": base.to_string(),
        "access_evaluation_endpoint": format!("{base}{EVALUATION_PATH}"),
        "access_evaluations_endpoint": format!("{base}{EVALUATIONS_PATH}"),
        "search_subject_endpoint": format!("{base}{SEARCH_SUBJECT_PATH}"),
        "search_resource_endpoint": format!("{base}{SEARCH_RESOURCE_PATH}"),
        "search_action_endpoint": format!("{base}{SEARCH_ACTION_PATH}"),
    }));
    ([(CACHE_CONTROL, "max-age=300")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_behind_the_well_known_one() {
        let url = PublicUrl::parse("https://pdp.example.com/tenant1/").unwrap();
        assert_eq!(url.to_string(), "https://pdp.example.com/tenant1");
        assert_eq!(url.metadata_path(), "/.well-known/authzen-configuration/tenant1");
        let url = PublicUrl::parse("http://127.0.0.1:8003").unwrap();
        assert_eq!(url.metadata_path(), PATH);
    }

    #[test]
    fn what_cannot_identify_a_decision_point_is_refused() {
        for text in [
            "",
            "pdp.example.com",
            "/pdp",
            "ftp://pdp.example.com",
            "https://",
            "https:///x",
            "https://user@pdp.example.com",
            "https://pdp.example.com/?a",
            "https://pdp.example.com/#a",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(InvalidPublicUrl), "{text}");
        }
    }
}
