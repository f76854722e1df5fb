//! The answer to an evaluation request (OpenID AuthZEN Authorization API 1.0, section 6.2).
//!
//! It is a decision as a whole or none at all: where one part of it cannot be used as it is, nothing
//! of it is believed.

use std::rc::Rc;
use std::time::Duration;

use claimgate_authz_api::{EvaluationResponse, Properties};
use serde_json::Value;

use super::{CheckError, Decision, HeaderPair, Stamp};
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

/// What Envoy writes itself when it could not reach an upstream, and why.
const NO_UPSTREAM: &str = "upstream connect error or disconnect/reset before headers";
const NO_CONNECTION: [&str; 2] = ["connection failure", "connection termination"];

impl CalloutResponse<'_> {
    /// Whether it is Envoy's word that there was no connection, or none any more before the answer:
    /// then the question may be put again. Nothing in the headers tells Envoy's 503 from another's.
    pub fn is_no_connection(&self) -> bool {
        let text = || std::str::from_utf8(self.body).ok()?.strip_prefix(NO_UPSTREAM);
        let says = |text: &str| NO_CONNECTION.iter().any(|reason| text.contains(reason));
        self.status == 503 && text().is_some_and(says)
    }
}

/// What bounds a decision beside its answer.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// The state that it rests on.
    pub stamp: Stamp,
    /// When the token ends that it was asked for.
    pub token_ends: Timestamp,
}

/// The decision in an answer. It is of no use when the token ends that it was asked for.
pub fn decode(
    response: CalloutResponse<'_>,
    service: &Service,
    lifetime: Lifetime,
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
    let times = Times::of(response.cache_control, answer.decision, &service.cache);
    let until = |after: Duration| now.after(after).min(lifetime.token_ends);
    Ok(Decision {
        allows: answer.decision,
        roles,
        headers: headers(&service.response_headers, &answer.context.headers)?,
        stamp: lifetime.stamp,
        usable_until: until(times.fresh),
        revalidate_until: until(times.fresh + times.revalidate),
        stands_in_until: until(times.fresh + times.stand_in),
    })
}

/// How long an answer is good for what. One that never is fresh never is old either.
struct Times {
    fresh: Duration,
    revalidate: Duration,
    stand_in: Duration,
}

impl Times {
    /// What the answer says, or else the policy; never more than the policy allows.
    fn of(cache_control: Option<&[u8]>, allows: bool, limits: &CacheLimits) -> Self {
        let says = cache_control.map(CacheControl::parse).unwrap_or_default();
        let default = if allows { limits.default_ttl } else { limits.deny_default };
        let longest = if allows { limits.max_ttl } else { limits.deny_ttl };
        let fresh = says.max_age.unwrap_or(default).min(longest);
        let old = |says: Option<Duration>, limit: Duration| says.map_or(limit, |s| s.min(limit));
        if says.no_store || fresh.is_zero() {
            let none = Duration::ZERO;
            return Self { fresh: none, revalidate: none, stand_in: none };
        }
        Self {
            fresh,
            revalidate: old(says.stale_while_revalidate, limits.stale_while_revalidate),
            stand_in: old(says.stale_if_error, limits.max_stale),
        }
    }
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

#[cfg(test)]
mod tests;
