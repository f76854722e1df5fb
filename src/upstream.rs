//! What changes in a request on its way upstream: headers that are ours are removed whoever sent
//! them, and set from a [`Permit`] alone.

use std::collections::HashSet;

use serde_json::Value;

use crate::authz::Permit;
use crate::config::RoleSource;
use crate::policy::{Header, HeaderSource, Policy, ProviderId};
use crate::request::Pairs;

/// Longest value of an identity header.
const MAX_VALUE: usize = 4096;

/// Names that a request needs as they are, or that are Envoy's.
const RESERVED: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
];

/// Removed from every request though nobody sets it: a client that sends it can make other
/// filters and services believe in another path (CVE-2023-27487).
const ORIGINAL_PATH: &str = "x-envoy-original-path";

/// The headers that only the filter may set. Names are compared after folding case and `_` to
/// `-`, because many servers do not tell those apart.
#[derive(Clone, Debug)]
pub struct OwnHeaders {
    names: HashSet<Vec<u8>>,
    shortest: usize,
    longest: usize,
}

impl OwnHeaders {
    /// The set of these names and of what is always removed.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names: HashSet<_> = names.chain([ORIGINAL_PATH]).map(|n| fold(n.as_bytes())).collect();
        let lengths = || names.iter().map(Vec::len);
        let (shortest, longest) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        Self { names, shortest, longest }
    }

    /// Whether a header of this name, in any spelling, is ours.
    pub fn claims(&self, name: &[u8]) -> bool {
        (self.shortest..=self.longest).contains(&name.len()) && self.names.contains(&fold(name))
    }

    /// The names in a serialized header map that are ours, as they are spelt there.
    pub fn spelt_in(&self, raw: &[u8]) -> Vec<String> {
        let names = Pairs::parse(raw).into_iter().flat_map(Pairs::iter).map(|(name, _)| name);
        let ours = names.filter(|name| self.claims(name));
        ours.filter_map(|name| String::from_utf8(name.to_vec()).ok()).collect()
    }

    /// Whether nobody may make this an identity header.
    pub fn is_reserved(name: &str) -> bool {
        RESERVED.contains(&name) || name.starts_with("x-envoy-")
    }
}

fn fold(name: &[u8]) -> Vec<u8> {
    let fold = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.iter().map(fold).collect()
}

/// What to do to the headers of a request that is forwarded: removals first, then settings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mutations {
    /// Names to remove, as they are spelt in the request.
    pub remove: Vec<String>,
    /// Names and values to set.
    pub set: Vec<(String, String)>,
}

/// The changes that follow from a permit. `identify` is false on routes that read no token:
/// there nobody is identified and the token is not ours to touch.
pub fn mutations(
    policy: &Policy,
    permit: &Permit<'_>,
    spoofed: Vec<String>,
    identify: bool,
) -> Mutations {
    let mut mutations = Mutations { remove: spoofed, set: Vec::new() };
    if !identify {
        return mutations;
    }
    if permit.caller().principal().is_some_and(|p| !forwards_token(policy, p.provider())) {
        mutations.remove.push("authorization".into());
    }
    let value = |header: &Header| value(policy, permit, header).filter(|value| fits(value));
    let set = policy.headers.iter().filter_map(|h| Some((h.name.to_string(), value(h)?)));
    mutations.set = set.collect();
    mutations
}

fn forwards_token(policy: &Policy, provider: ProviderId) -> bool {
    policy.providers.get(provider).is_some_and(|provider| provider.forward)
}

fn value(policy: &Policy, permit: &Permit<'_>, header: &Header) -> Option<String> {
    let Some(principal) = permit.caller().principal() else {
        return header.anonymous.as_deref().map(str::to_owned);
    };
    match &header.source {
        HeaderSource::Claim(path) => claim_text(principal.claims().at(path)?),
        HeaderSource::Roles(RoleSource::Decision) => Some(permit.decision_roles()?.join(",")),
        HeaderSource::Roles(RoleSource::Token) => {
            let path = policy.providers.get(principal.provider())?.roles_claim.as_ref()?;
            claim_text(principal.claims().at(path)?)
        }
    }
}

/// A claim as header text: scalars as they are, arrays of strings joined with commas. An array
/// with a member that contains a comma has no faithful form and is left out.
fn claim_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(members) => {
            let members = members.iter().map(|m| m.as_str().filter(|text| !text.contains(',')));
            members.collect::<Option<Vec<_>>>().map(|members| members.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// Whether a value can stand in a header as it is (RFC 9110 §5.5): no control characters, no
/// blanks around it, and not without bounds.
fn fits(value: &str) -> bool {
    value.len() <= MAX_VALUE && !value.chars().any(char::is_control) && value.trim() == value
}

#[cfg(test)]
mod tests;
