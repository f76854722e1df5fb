//! What an issuer's discovery document (OpenID Connect Discovery 1.0) says about its keys, and
//! whether that may be followed.
//!
//! The document comes from the network. It must speak for the issuer it was asked about, and it
//! must not send the filter to a host that the configuration does not name, nor from `https` down
//! to `http`.

use serde_json::Value;

use super::InvalidDiscovery;
use crate::policy::{Discovery, Endpoint, split_url};

/// Largest document that is parsed.
const MAX_DOCUMENT: usize = 64 * 1024;

/// Where the keys are, as the document says.
pub(super) fn follow(discovery: &Discovery, document: &[u8]) -> Result<Endpoint, InvalidDiscovery> {
    let (issuer, uri) = read(document)?;
    if *issuer != *discovery.issuer {
        return Err(InvalidDiscovery::Issuer);
    }
    let (scheme, authority, path) = split_url(&uri).ok_or(InvalidDiscovery::JwksUri)?;
    let home = &discovery.document;
    if home.scheme == "https" && scheme == "http" {
        return Err(InvalidDiscovery::Downgrade);
    }
    let host = host(scheme, authority);
    let at_home = host == self::host(home.scheme, &home.authority);
    let elsewhere = discovery.elsewhere.as_ref();
    let cluster = if at_home {
        &home.cluster
    } else {
        let named = elsewhere.filter(|(_, name)| host == self::host(scheme, name));
        named.map(|(cluster, _)| cluster).ok_or(InvalidDiscovery::ForeignHost)?
    };
    Ok(Endpoint {
        cluster: cluster.clone(),
        scheme,
        authority: authority.into(),
        path: path.into(),
        timeout: home.timeout,
    })
}

/// `issuer` and `jwks_uri`.
fn read(document: &[u8]) -> Result<(String, String), InvalidDiscovery> {
    if document.len() > MAX_DOCUMENT {
        return Err(InvalidDiscovery::TooLarge);
    }
    let mut document: Value =
        serde_json::from_slice(document).map_err(|_| InvalidDiscovery::Malformed)?;
    let mut text = |name| match document.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(InvalidDiscovery::Malformed),
    };
    Ok((text("issuer")?, text("jwks_uri")?))
}

/// Host and port, comparable: without case, and with the port that the scheme implies.
fn host(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let implied = if scheme == "https" { "443" } else { "80" };
    if port { authority } else { format!("{authority}:{implied}") }
}

#[cfg(test)]
mod tests;
