//! What changes in a request on its way upstream: headers that are ours are removed whoever sent
//! them, and set from a [`Permit`] alone.

pub mod signed;

use std::borrow::Cow;
use std::rc::Rc;

use crate::authn::{Caller, Json, Principal};
use crate::authz::{Permit, Waiver};
use crate::config::RoleSource;
use crate::policy::{Header, HeaderSource, Policy, ProviderId};
use crate::request::{Pairs, RequestHead, Wanted};

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
pub struct OwnHeaders(Vec<Box<[u8]>>);

impl OwnHeaders {
    /// The set of these names and of what is always removed.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.chain([ORIGINAL_PATH]).map(|name| name.bytes().map(fold).collect()).collect())
    }

    /// Whether a header of this name, in any spelling, is ours. Asked for every header of every
    /// request: there are few names of ours, and lengths seldom agree.
    pub fn claims(&self, name: &[u8]) -> bool {
        let is = |own: &[u8]| own.iter().zip(name).all(|(own, byte)| *own == fold(*byte));
        self.0.iter().any(|own| own.len() == name.len() && is(own))
    }

    /// The names in a serialized header map that are ours, as they are spelt there; `None` when
    /// it cannot be read to its end.
    pub fn spelt_in(&self, raw: &[u8]) -> Option<Vec<String>> {
        let pairs = Pairs::parse(raw)?;
        let names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
        let ours = names.iter().filter(|name| self.claims(name));
        let ours = ours.map(|name| String::from_utf8(name.to_vec()).ok()).collect();
        if names.len() == pairs.count() { ours } else { None }
    }

    /// Whether nobody may make this an identity header.
    pub fn is_reserved(name: &str) -> bool {
        RESERVED.contains(&name) || name.starts_with("x-envoy-")
    }
}

const fn fold(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// What to do to the headers of a request that is forwarded: removals first, then settings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mutations {
    /// Names to remove, as they are spelt in the request.
    pub remove: Vec<Cow<'static, str>>,
    /// Names and values to set.
    pub set: Vec<(Rc<str>, Rc<str>)>,
}

/// The changes that follow from a permit. `identify` is false on routes that read no token:
/// there nobody is identified and the token is not ours to touch.
pub fn mutations(
    policy: &Policy,
    permit: &Permit<'_>,
    head: &RequestHead,
    identify: bool,
) -> Mutations {
    let remove = head.spoofed().iter().cloned().map(Cow::Owned).collect();
    let mut mutations = Mutations { remove, set: Vec::new() };
    match permit.caller().principal() {
        _ if !identify => mutations.put_query_back(policy, head),
        None => {
            let set = policy.headers.iter();
            let set = set.filter_map(|h| Some((Rc::clone(&h.name), h.of_nobody()?)));
            mutations.set = set.collect();
        }
        Some(principal) => {
            mutations.set = identity(policy, permit, principal);
            if forwards_token(policy, principal.provider()) {
                mutations.put_query_back(policy, head);
            } else {
                mutations.take_token_out(policy, head);
            }
        }
    }
    mutations.set.extend_from_slice(permit.decision_headers());
    mutations
}

/// The changes to a request that a shadow lets through: nobody is identified by it, and what is ours
/// is taken out as from every other.
pub fn waived(policy: &Policy, _: &Waiver, caller: &Caller, head: &RequestHead) -> Mutations {
    let remove = head.spoofed().iter().cloned().map(Cow::Owned).collect();
    let mut mutations = Mutations { remove, set: Vec::new() };
    match caller.principal() {
        Some(principal) if !forwards_token(policy, principal.provider()) => {
            mutations.take_token_out(policy, head);
        }
        _ => mutations.put_query_back(policy, head),
    }
    mutations
}

impl Mutations {
    /// Takes the token out of all places that hold it. Out of the path it is already: that was
    /// done before anybody could log it.
    fn take_token_out(&mut self, policy: &Policy, head: &RequestHead) {
        self.remove.extend(policy.places.headers_in(head));
        if head.all(Wanted::Dpop).next().is_some() {
            self.remove.push(Cow::Borrowed("dpop"));
        }
        if let Some(cookies) = policy.places.other_cookies(head) {
            self.remove.push(Cow::Borrowed("cookie"));
            if !cookies.is_empty() {
                self.set.push(("cookie".into(), cookies.into()));
            }
        }
    }

    /// Where the token stays in the request, the path gets it back.
    fn put_query_back(&mut self, policy: &Policy, head: &RequestHead) {
        let taken = policy.places.scrubbed_path(head).and(head.path_and_query());
        if let Some(Ok(path)) = taken.map(std::str::from_utf8) {
            self.set.push((":path".into(), path.into()));
        }
    }
}

fn forwards_token(policy: &Policy, provider: ProviderId) -> bool {
    policy.providers.get(provider).is_some_and(|provider| provider.forward)
}

/// The headers that say who the principal is: claims as they were prepared with the token, roles
/// of the decision point as they were prepared with its answer.
fn identity(
    policy: &Policy,
    permit: &Permit<'_>,
    principal: &Principal,
) -> Vec<(Rc<str>, Rc<str>)> {
    let prepared = principal.header_values(|| {
        policy.headers.iter().map(|header| claim_value(policy, principal, header)).collect()
    });
    let pair = |(header, prepared): (&Header, &Option<Rc<str>>)| {
        let value = match header.source {
            HeaderSource::Roles(RoleSource::Decision) => permit.decision_roles(),
            HeaderSource::Roles(RoleSource::Token)
            | HeaderSource::Claim(_)
            | HeaderSource::Flag(_)
            | HeaderSource::Secret(_) => prepared.as_ref(),
        };
        Some((Rc::clone(&header.name), Rc::clone(value?)))
    };
    policy.headers.iter().zip(prepared).filter_map(pair).collect()
}

/// The value of a header that depends on the token alone, or on nothing.
fn claim_value(policy: &Policy, principal: &Principal, header: &Header) -> Option<Rc<str>> {
    let path = match &header.source {
        HeaderSource::Claim(path) => path,
        HeaderSource::Secret(secret) => return Some(secret.share()),
        HeaderSource::Flag(path) => {
            return principal.claims().at(path)?.as_bool().map(|flag| flag.to_string().into());
        }
        HeaderSource::Roles(RoleSource::Decision) => return None,
        HeaderSource::Roles(RoleSource::Token) => {
            policy.providers.get(principal.provider())?.roles_claim.as_ref()?
        }
    };
    claim_text(principal.claims().at(path)?).filter(|value| fits_header(value)).map(Into::into)
}

/// A claim as header text: scalars as they are, arrays of strings joined with commas. An array
/// with a member that contains a comma has no faithful form and is left out.
fn claim_text(value: Json<'_>) -> Option<Cow<'_, str>> {
    match value {
        Json::Text(text) => Some(text.into()),
        Json::Bool(value) => Some(value.to_string().into()),
        Json::Number(value) => Some(value.to_string().into()),
        Json::Array(members) => {
            let members = members.values().map(|m| m.as_str().filter(|text| !text.contains(',')));
            members.collect::<Option<Vec<_>>>().map(|members| members.join(",").into())
        }
        Json::Null | Json::Object(_) => None,
    }
}

/// Whether a value can stand in a header as it is (RFC 9110 §5.5): no control characters, no
/// blanks around it, and not without bounds.
pub fn fits_header(value: &str) -> bool {
    value.len() <= MAX_VALUE && !value.chars().any(char::is_control) && value.trim() == value
}

#[cfg(test)]
mod tests;
