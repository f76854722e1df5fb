//! The answer to an evaluation request (OpenID AuthZEN Authorization API 1.0, section 6.2).
//!
//! It is a decision as a whole or none at all: where one part of it cannot be used as it is, nothing
//! of it is believed.

use std::rc::Rc;
use std::time::Duration;

use claimgate_authz_api::{EvaluationResponse, Properties};
use serde_json::Value;

use super::{CheckError, Decision, HeaderPair};
use crate::cache_control::CacheControl;
use crate::policy::{CacheLimits, Service};
use crate::time::Timestamp;
use crate::upstream::fits_header;

/// Largest answer that is read.
pub const MAX_ANSWER: usize = 256 * 1024;
/// Most roles, and longest one, that a header or a rule can use.
const MAX_ROLES: usize = 256;
const MAX_ROLE: usize = 256;

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
    service: &Service,
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
    let lifetime = lifetime(response.cache_control, service.cache);
    Ok(Decision {
        allows: answer.decision,
        roles,
        headers: headers(&service.response_headers, &answer.context.headers)?,
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

/// The members that go upstream as headers. Names of headers are one name in any case.
fn headers(wanted: &[Rc<str>], said: &Properties) -> Result<Box<[HeaderPair]>, CheckError> {
    let mut headers = Vec::new();
    for name in wanted {
        for (_, value) in said.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name)) {
            match value {
                Value::Null => {}
                Value::String(value) if fits_header(value) => {
                    headers.push((Rc::clone(name), value.as_str().into()));
                }
                _ => return Err(CheckError::Malformed),
            }
        }
    }
    // A name that was there twice, in two cases, has no one value.
    let twice = headers.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
    if twice { Err(CheckError::Malformed) } else { Ok(headers.into()) }
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
