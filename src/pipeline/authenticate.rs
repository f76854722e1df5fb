//! Phase 2: from a raw token to a caller, through the token cache, waiting for keys at need.

use std::rc::Rc;

use super::Request;
use super::possession::check_sender;
use crate::authn::{
    AuthnError, Caller, Checks, KeyState, ParsedToken, RawToken, VerifiedToken, may_use_cookie,
    verify,
};
use crate::config::FailureMode;
use crate::engine::Shared;
use crate::freshness::Standing;
use crate::policy::{Policy, ProviderId};
use crate::reply::{Rejection, Unchecked};
use crate::request::RequestHead;
use crate::time::Timestamp;

/// Fetches one request waits for at most: one that had begun before it came, and one after.
pub(super) const MAX_WAITS: u8 = 2;

/// What keeps a request's caller from being known now.
pub(super) enum Obstacle {
    /// The credentials are not good, or cannot be checked.
    Refused(Rejection),
    /// The client's certificate has to be known first.
    AskCertificate,
    /// It has to be known first what is revoked.
    AwaitState,
    /// A fetch of keys has to end first.
    Wait { provider: ProviderId, waits_left: u8 },
}

impl From<Rejection> for Obstacle {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<AuthnError> for Obstacle {
    fn from(error: AuthnError) -> Self {
        Self::Refused(Rejection::credentials(error))
    }
}

/// The caller whom a token names.
pub(super) fn authenticate(
    request: &Request,
    token: RawToken<'_>,
    waits_left: u8,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Caller, Obstacle> {
    let verified = verified(token, waits_left, shared, now)?;
    check_standing(&verified, request.route.failure_mode, shared, now)?;
    check_place(&request.head, token, &verified, shared.policy())?;
    check_sender(request, token, &verified, shared, now)?;
    Ok(Caller::Identified(verified.into()))
}

/// Whether a token has been revoked since it was issued. Where nobody can tell whether it has, the
/// route says what to do; what is known to be revoked is refused on every route.
fn check_standing(
    verified: &VerifiedToken,
    failure_mode: FailureMode,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<(), Obstacle> {
    let reason = match shared.standing(verified, now) {
        Standing::Good => return Ok(()),
        Standing::Revoked => return Err(AuthnError::Revoked.into()),
        Standing::Wait => return Err(Obstacle::AwaitState),
        Standing::Stale => Unchecked::Stale,
        Standing::Unknown => Unchecked::NoState,
    };
    match failure_mode {
        FailureMode::Allow => Ok(()),
        FailureMode::Deny => Err(Rejection::Unchecked(reason).into()),
    }
}

/// Whether a token may be where it was. Asked of every request: what is known of a token says
/// nothing about how this request carries it.
fn check_place(
    head: &RequestHead,
    token: RawToken<'_>,
    verified: &VerifiedToken,
    policy: &Policy,
) -> Result<(), Obstacle> {
    let provider = policy.providers.get(verified.provider()).ok_or(AuthnError::Issuer)?;
    if !provider.places.contains(token.place()) {
        return Err(AuthnError::Place.into());
    }
    let in_cookie = policy.places.is_cookie(token.place());
    if in_cookie && !may_use_cookie(head, &provider.allowed_origins) {
        return Err(Obstacle::Refused(Rejection::CrossSite));
    }
    Ok(())
}

fn verified(
    token: RawToken<'_>,
    waits_left: u8,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Rc<VerifiedToken>, Obstacle> {
    if let Some(known) = shared.known_token(token, now) {
        return Ok(known?);
    }
    if shared.known_bad(token, now) {
        return Err(AuthnError::Signature.into());
    }
    let parsed = shared.parse(token)?;
    let issuer = parsed.claimed_issuer().ok_or(AuthnError::Issuer)?;
    let provider = shared.provider_of(issuer).ok_or(AuthnError::Issuer)?;
    let key_id = parsed.key_id().map(str::to_owned);
    let Some(checks) = shared.checks(provider, now) else {
        if shared.adopt_keys(provider, now) {
            return verified(token, waits_left, shared, now);
        }
        return Err(wait_for_keys(provider, waits_left, shared, now));
    };
    match verify_with(parsed, checks, shared, now) {
        Ok(verified) => {
            shared.remember_token(token, Rc::clone(&verified));
            Ok(verified)
        }
        // Another worker may know it already.
        Err(AuthnError::UnknownKey) if shared.adopt_keys(provider, now) => {
            verified(token, waits_left, shared, now)
        }
        Err(AuthnError::UnknownKey) => {
            Err(wait_for_key(key_id.as_deref(), provider, waits_left, shared, now))
        }
        Err(error) => {
            if error == AuthnError::Signature {
                shared.remember_bad(token, provider, now);
            }
            Err(error.into())
        }
    }
}

fn verify_with(
    parsed: ParsedToken<'_>,
    checks: Checks<'_>,
    shared: &Shared,
    now: Timestamp,
) -> Result<Rc<VerifiedToken>, AuthnError> {
    verify(parsed, checks, shared.verifier(), now)
}

/// There are no keys at all.
fn wait_for_keys(
    provider: ProviderId,
    waits_left: u8,
    shared: &mut Shared,
    now: Timestamp,
) -> Obstacle {
    match (shared.want_keys(provider, now), waits_left.checked_sub(1)) {
        (KeyState::Wait { .. }, Some(waits_left)) => Obstacle::Wait { provider, waits_left },
        _ => Obstacle::Refused(Rejection::NoKeys),
    }
}

/// There are keys, and not the one the token names.
fn wait_for_key(
    key_id: Option<&str>,
    provider: ProviderId,
    waits_left: u8,
    shared: &mut Shared,
    now: Timestamp,
) -> Obstacle {
    let Some(left) = waits_left.checked_sub(1) else {
        if shared.remember_unknown(provider, key_id, now) {
            return AuthnError::UnknownKey.into();
        }
        return Obstacle::Refused(Rejection::NoKeys);
    };
    match shared.want_key(provider, key_id, now) {
        KeyState::Wait { joined: true } => Obstacle::Wait { provider, waits_left: left },
        // A fetch that starts after the question answers it for good.
        KeyState::Wait { joined: false } => Obstacle::Wait { provider, waits_left: 0 },
        KeyState::Unknown => AuthnError::UnknownKey.into(),
        KeyState::Unavailable => Obstacle::Refused(Rejection::NoKeys),
    }
}
