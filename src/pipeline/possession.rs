//! Still phase 2: whether who sends a bound token is who it is bound to (RFC 9449 §7, RFC 8705 §3).
//!
//! Asked of every request, whatever is known of its token: possession is shown each time. The
//! certificate is looked at first, because a proof is used up by being good.

use super::authenticate::Obstacle;
use super::{Fact, Request};
use crate::authn::dpop::DpopError;
use crate::authn::{AuthnError, Confirmation, Presented, RawToken, Thumbprint, VerifiedToken};
use crate::engine::{ProofFor, Shared};
use crate::reply::Rejection;
use crate::request::{Credentials, Wanted, canonical_path};
use crate::time::Timestamp;

/// Whether the sender has shown all that the token, its scheme and the route ask for.
pub(super) fn check_sender(
    request: &Request,
    token: RawToken<'_>,
    verified: &VerifiedToken,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<(), Obstacle> {
    let confirmation = verified.confirmation();
    if !confirmation.is_bound() {
        let must_be = request.route.bound || token.presented() == Presented::Dpop;
        return if must_be { Err(AuthnError::Unbound.into()) } else { Ok(()) };
    }
    check_certificate(request, confirmation)?;
    match (confirmation.key(), token.presented()) {
        (None, Presented::Dpop) => Err(AuthnError::Unbound.into()),
        (None, Presented::Bearer | Presented::Otherwise) => Ok(()),
        (Some(_), Presented::Bearer) => Err(AuthnError::BoundToKey.into()),
        (Some(key), Presented::Dpop | Presented::Otherwise) => {
            use_proof(request, token, key, shared, now)
        }
    }
}

fn check_certificate(request: &Request, confirmation: &Confirmation) -> Result<(), Obstacle> {
    match (confirmation.wants_certificate(), request.certificate) {
        (false, _) => Ok(()),
        (true, Fact::NotAsked) => Err(Obstacle::AskCertificate),
        (true, Fact::Known(presented)) => Ok(confirmation.check_certificate(presented)?),
    }
}

fn use_proof(
    request: &Request,
    token: RawToken<'_>,
    key: Thumbprint,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<(), Obstacle> {
    let head = &request.head;
    let proof = match head.once(Wanted::Dpop) {
        Credentials::Absent => Err(DpopError::Missing),
        Credentials::Several => Err(DpopError::Several),
        Credentials::One(proof) => std::str::from_utf8(proof).map_err(|_| DpopError::Malformed),
    };
    let path = canonical_path(head.path_and_query().unwrap_or_default());
    let request = ProofFor {
        key,
        method: head.method().unwrap_or_default(),
        path: path.map_err(Rejection::NotCanonical)?,
        token: token.as_str(),
    };
    Ok(shared.use_proof(proof.map_err(AuthnError::from)?, request, now)?)
}
