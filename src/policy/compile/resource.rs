//! Protected resource metadata, from what is configured and nothing that a request says.

use serde_json::{Map, Value};

use super::{Result, each, needs};
use crate::authn::{Algorithm, Place, Places};
use crate::config::{Config, ProtectedResource};
use crate::policy::resource::WELL_KNOWN;
use crate::policy::{Metadata, ProofPolicy, Route, split_url};
use crate::request::canonical_path;

/// The origin under which clients reach the gateway, without a slash at its end.
pub(super) fn public_origin(config: &Config) -> Result<Option<Box<str>>> {
    let Some(origin) = config.public_origin.as_deref() else { return Ok(None) };
    let lower = origin.to_ascii_lowercase();
    match split_url(origin) {
        Some((_, host, "/"))
            if !origin.ends_with('/') && lower == origin && !host.contains('"') =>
        {
            Ok(Some(origin.into()))
        }
        _ => {
            let what = "an origin such as `https://api.example.com`, in lower case without a path";
            Err(needs("public_origin", what))
        }
    }
}

pub(super) fn metadata<'r>(
    config: &Config,
    origin: Option<&str>,
    places: &Places,
    proofs: Option<&ProofPolicy>,
    routes: impl Iterator<Item = &'r Route>,
) -> Result<Option<Metadata>> {
    let Some(resource) = &config.protected_resource else { return Ok(None) };
    let origin =
        origin.ok_or_else(|| needs("public_origin", "a value for `protected_resource`"))?;
    let identifier = resource.resource.as_deref().unwrap_or(origin);
    let path = path_on(origin, identifier)?;
    let path = format!("{WELL_KNOWN}{path}");
    let document = document(config, resource, identifier, places, proofs, routes)?;
    Ok(Some(Metadata {
        url: format!("{origin}{path}").into(),
        path: path.into(),
        document: document.to_string().into(),
    }))
}

/// What follows the origin in a resource identifier: nothing, or a canonical path.
fn path_on<'i>(origin: &str, identifier: &'i str) -> Result<&'i str> {
    let path = identifier.strip_prefix(origin).unwrap_or("?");
    // Challenges quote it.
    let plain = !path.ends_with('/') && !path.contains(['?', '"']);
    if path.is_empty() || (plain && canonical_path(path.as_bytes()).is_ok()) {
        return Ok(path);
    }
    let what =
        "a URL on `public_origin`, with a canonical path that does not end with `/`, or none";
    Err(needs("protected_resource.resource", what))
}

fn document<'r>(
    config: &Config,
    resource: &ProtectedResource,
    identifier: &str,
    places: &Places,
    proofs: Option<&ProofPolicy>,
    routes: impl Iterator<Item = &'r Route>,
) -> Result<Value> {
    // By name, so that the document is the same however the map is made.
    let mut document = Map::new();
    document.insert("authorization_servers".into(), servers(config, resource)?);
    document.insert("bearer_methods_supported".into(), methods(places).into());
    if let Some(proofs) = proofs {
        let names = proofs.algorithms.iter().map(Algorithm::name);
        document.insert("dpop_signing_alg_values_supported".into(), names.collect());
    }
    document.insert("resource".into(), identifier.into());
    if let Some(page) = &resource.resource_documentation {
        if split_url(page).is_none() {
            let at = "protected_resource.resource_documentation";
            return Err(needs(at, "an absolute `http` or `https` URL"));
        }
        document.insert("resource_documentation".into(), page.as_str().into());
    }
    if let Some(name) = &resource.resource_name {
        document.insert("resource_name".into(), name.as_str().into());
    }
    let scopes = scopes(resource, routes)?;
    if !scopes.is_empty() {
        document.insert("scopes_supported".into(), scopes.into());
    }
    Ok(Value::Object(document))
}

fn servers(config: &Config, resource: &ProtectedResource) -> Result<Value> {
    let at = "protected_resource.authorization_servers";
    let named = &resource.authorization_servers;
    each(named, at, "an issuer, an absolute `http` or `https` URL", &|url| {
        split_url(url).is_some()
    })?;
    let published = config.providers.iter();
    let published = published.filter(|p| p.secret_env.is_none() && p.tenants.is_empty());
    let issuers = published.map(|provider| &provider.issuer).filter(|i| split_url(i).is_some());
    let servers: Vec<_> = if named.is_empty() { issuers.collect() } else { named.iter().collect() };
    if servers.is_empty() {
        return Err(needs(at, "at least one issuer, as no provider has one that is a URL"));
    }
    Ok(servers.into_iter().map(String::as_str).collect())
}

/// As they are named, or else all that rules ask for, each once.
fn scopes<'r>(
    resource: &ProtectedResource,
    routes: impl Iterator<Item = &'r Route>,
) -> Result<Vec<String>> {
    let mut scopes = resource.scopes_supported.clone();
    each(&scopes, "protected_resource.scopes_supported", SCOPE, &is_scope)?;
    if scopes.is_empty() {
        let asked = routes.flat_map(|route| &route.rules).filter_map(|rule| rule.scopes());
        for scope in asked.flat_map(|text| text.split(' ')) {
            if !scopes.iter().any(|one| one == scope) {
                scopes.push(scope.to_owned());
            }
        }
    }
    Ok(scopes)
}

/// RFC 9728 §2: `header` is the one of RFC 6750 §2.1; other headers and cookies have no name there.
fn methods(places: &Places) -> Vec<&'static str> {
    let header = places.has(|place| {
        matches!(place, Place::Header { scheme: Some(scheme), .. }
            if scheme.eq_ignore_ascii_case("bearer"))
    });
    let query = places.has(|place| matches!(place, Place::Query(_)));
    header.then_some("header").into_iter().chain(query.then_some("query")).collect()
}

/// What a scope needs to be.
pub(super) const SCOPE: &str = "a scope without spaces";

/// A scope (RFC 6749 §3.3): printable ASCII but space, `"` and `\\`.
pub(super) fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'))
}
