//! The evaluation request and its answer (OpenID AuthZEN Authorization API 1.0, sections 5 and 6).
//!
//! What is sent is all that a decision may depend on, and the encoded request is the cache key:
//! nothing goes in that is not configured, and equal questions encode to equal bytes. The
//! client's token never goes in.

use std::time::Duration;

use claimgate_authz_api::{
    ANONYMOUS, Action, EvaluationRequest, EvaluationResponse, Properties, Resource, Subject,
};

use super::{CheckError, Decision};
use crate::authn::{Caller, Principal};
use crate::cache_control::CacheControl;
use crate::policy::{CacheLimits, Service};
use crate::time::Timestamp;

/// Largest question that is sent.
const MAX_QUESTION: usize = 64 * 1024;
/// Largest answer that is read.
pub const MAX_ANSWER: usize = 256 * 1024;
/// Most roles, and longest one, that a header or a rule can use.
const MAX_ROLES: usize = 256;
const MAX_ROLE: usize = 256;

/// The question whether `caller` may do `method` to `template`.
pub fn encode(
    service: &Service,
    caller: &Caller,
    method: &str,
    template: &str,
) -> Result<Vec<u8>, CheckError> {
    let request = EvaluationRequest {
        subject: match caller {
            Caller::Anonymous => subject(ANONYMOUS, ANONYMOUS, Properties::new()),
            Caller::Identified(principal) => identified(service, principal)?,
        },
        action: Action { name: method.into(), properties: Properties::new() },
        resource: Resource {
            kind: "route".into(),
            id: template.into(),
            properties: Properties::new(),
        },
        context: Properties::new(),
    };
    let body = serde_json::to_vec(&request).map_err(|_| CheckError::TooLarge)?;
    if body.len() > MAX_QUESTION { Err(CheckError::TooLarge) } else { Ok(body) }
}

fn subject(kind: &str, id: &str, properties: Properties) -> Subject {
    Subject { kind: kind.into(), id: id.into(), properties }
}

fn identified(service: &Service, principal: &Principal) -> Result<Subject, CheckError> {
    let id = principal.subject().ok_or(CheckError::NoSubject)?;
    let claim = |(name, path): &(Box<str>, _)| {
        principal.claims().at(path).map(|value| (name.to_string(), value.to_value()))
    };
    let properties = service.subject_properties.iter().filter_map(claim).collect();
    Ok(subject(&service.subject_type, id, properties))
}

/// What the host received for a callout.
#[derive(Clone, Copy, Debug)]
pub struct CalloutResponse<'a> {
    /// `:status`.
    pub status: u16,
    /// `cache-control`, as it came.
    pub cache_control: Option<&'a [u8]>,
    /// The body.
    pub body: &'a [u8],
}

/// The decision in an answer. Its lifetime ends no later than the token it was asked for.
pub fn decode(
    response: CalloutResponse<'_>,
    limits: CacheLimits,
    token_ends: Timestamp,
    now: Timestamp,
) -> Result<Decision, CheckError> {
    match response.status {
        200 => {}
        504 => return Err(CheckError::Timeout),
        status @ 500.. => return Err(CheckError::Failed(status)),
        status @ 400..=499 => return Err(CheckError::Refused(status)),
        _ => return Err(CheckError::Malformed),
    }
    if response.body.len() > MAX_ANSWER {
        return Err(CheckError::Malformed);
    }
    let answer: EvaluationResponse =
        serde_json::from_slice(response.body).map_err(|_| CheckError::Malformed)?;
    let roles = answer.context.roles.map(checked_roles).transpose()?.map(Into::into);
    let lifetime = lifetime(response.cache_control, limits);
    Ok(Decision {
        allows: answer.decision,
        roles,
        usable_until: now.after(lifetime).min(token_ends),
    })
}

/// Roles are joined with commas in a header, so one that contains a comma, a space or a control
/// character would be read there as another role. An answer with such a role is not believed.
fn checked_roles(roles: Vec<String>) -> Result<Vec<Box<str>>, CheckError> {
    let fits = |role: &String| {
        !role.is_empty()
            && role.len() <= MAX_ROLE
            && role.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
    };
    if roles.len() > MAX_ROLES || !roles.iter().all(fits) {
        return Err(CheckError::Malformed);
    }
    Ok(roles.into_iter().map(Into::into).collect())
}

fn lifetime(cache_control: Option<&[u8]>, limits: CacheLimits) -> Duration {
    let lifetime = match cache_control.map(CacheControl::parse) {
        None => limits.default_ttl,
        Some(CacheControl { no_store: true, .. }) => Duration::ZERO,
        Some(CacheControl { max_age, .. }) => max_age.unwrap_or(limits.default_ttl),
    };
    lifetime.min(limits.max_ttl)
}

#[cfg(test)]
mod tests;
