//! Every refusal the filter can give, and the reply a client gets for it: the only such table.
//!
//! A reply never says more than a client may know: no claim, no token, no path, no rule's name.
//! What exactly was wrong goes into the response code details, for the operator's access log.

mod challenge;
mod grpc;

use std::rc::Rc;

use crate::authn::AuthnError;
use crate::authn::dpop::DpopError;
use crate::authz::CheckError;
use crate::request::NotCanonical;

pub use challenge::Challenge;
pub use grpc::{GrpcStatus, is_grpc};

/// Why a request is refused, split by whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The client's: its path could mean one thing here and another upstream. 400.
    NotCanonical(NotCanonical),
    /// The client's: nothing is served under this path. The policy's `unmatched` status.
    NoRoute {
        /// That status.
        status: u16,
    },
    /// The client's: the path is served, with these methods. 405 (RFC 9110 §15.5.6).
    Method {
        /// Those methods.
        allow: Vec<String>,
    },
    /// The client's: credentials are missing or not good. 401 or 400 (RFC 6750 §3).
    Credentials {
        /// Which of these it is, and why.
        error: AuthnError,
        /// Scopes that the route wants.
        scope: Option<Rc<str>>,
    },
    /// The client's: its token is in a cookie, and nothing says that the page that made a browser
    /// send it may. 403.
    CrossSite,
    /// The policy's: a rule refuses, or none allows. 403.
    Forbidden {
        /// The rule, if it was one.
        rule: Option<String>,
    },
    /// The policy's: no rule allows, and one might have with these scopes. 403 (RFC 6750 §3.1).
    Scope(Rc<str>),
    /// Nobody's here: the issuer's keys cannot be had. 503.
    NoKeys,
    /// Nobody's here: it cannot be told whether the token has been revoked. 503.
    Unchecked(Unchecked),
    /// Nobody's here: the decision point did not decide. 503.
    Undecided {
        /// The rule that needed it.
        rule: String,
        /// Why it did not.
        error: CheckError,
    },
    /// Ours: too many requests wait already. 503.
    Overloaded,
    /// Ours: who the caller is could not be signed. 500.
    Unsigned,
    /// Ours: something that cannot happen did. 500.
    Internal,
}

/// Why it cannot be told whether a token has been revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// Nobody has said yet what is.
    NoState,
    /// It has been too long that anybody did.
    Stale,
}

/// A reply that the filter gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u16,
    /// Status for who speaks gRPC: `for_grpc` has been called.
    pub grpc_status: Option<GrpcStatus>,
    /// Headers beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// An `application/problem+json` document (RFC 9457), or nothing; in gRPC a plain message.
    pub body: String,
    /// The same in a few words.
    pub message: &'static str,
    /// Response code details: stable words for the access log.
    pub details: String,
}

/// How long a client should wait before it asks again when we could not decide.
const RETRY_AFTER: &str = "1";

impl Rejection {
    /// A refusal for credentials.
    pub const fn credentials(error: AuthnError) -> Self {
        Self::Credentials { error, scope: None }
    }

    /// The same refusal, where it challenges with the scopes that the route wants.
    #[must_use]
    pub fn wanting(self, scope: Option<&Rc<str>>) -> Self {
        match self {
            Self::Credentials { error, .. } => Self::Credentials { error, scope: scope.cloned() },
            other => other,
        }
    }

    /// The reply for this refusal.
    pub fn reply(&self, challenge: &Challenge<'_>) -> LocalReply {
        let details = self.details();
        match self {
            Self::NotCanonical(_) => problem(400, "The path is not in canonical form.", details),
            Self::NoRoute { status } => LocalReply { details, ..LocalReply::new(*status) },
            Self::Method { allow } => problem(405, "The method is not allowed here.", details)
                .with("allow", allow.join(", ")),
            Self::Credentials { error, scope } => {
                credentials(*error, scope.as_deref(), challenge, details)
            }
            Self::CrossSite => {
                problem(403, "A request with this cookie needs an allowed origin.", details)
            }
            Self::Forbidden { .. } => problem(403, "The request is not permitted.", details),
            Self::Scope(scope) => {
                let text = "The token does not grant the scopes that are needed.";
                let error = Some(("insufficient_scope", text));
                problem(403, text, details).challenging(challenge, error, Some(scope))
            }
            Self::NoKeys | Self::Unchecked(_) | Self::Undecided { .. } => {
                problem(503, "The request could not be decided.", details)
                    .with("retry-after", RETRY_AFTER.into())
            }
            Self::Overloaded => problem(503, "Too many requests are waiting.", details)
                .with("retry-after", RETRY_AFTER.into()),
            Self::Unsigned | Self::Internal => {
                problem(500, "The request could not be handled.", details)
            }
        }
    }

    /// Stable name of the outcome, for metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::NotCanonical(_) => "bad_path",
            Self::NoRoute { .. } => "no_route",
            Self::Method { .. } => "method",
            Self::Credentials { .. } => "credentials",
            Self::CrossSite => "cross_site",
            Self::Forbidden { .. } => "forbidden",
            Self::Scope(_) => "scope",
            Self::NoKeys => "no_keys",
            Self::Unchecked(_) => "unchecked",
            Self::Undecided { .. } => "undecided",
            Self::Overloaded => "overloaded",
            Self::Unsigned => "unsigned",
            Self::Internal => "internal",
        }
    }

    /// Stable word for what exactly was wrong, where the outcome leaves that open. Empty otherwise.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotCanonical(why) => why.reason(),
            Self::Credentials { error, .. } => error.reason(),
            Self::Forbidden { rule: Some(_) } => "rule",
            Self::Forbidden { rule: None } => "no_rule",
            Self::Undecided { error, .. } => error.reason(),
            Self::Unchecked(Unchecked::NoState) => "no_state",
            Self::Unchecked(Unchecked::Stale) => "stale",
            Self::NoRoute { .. } | Self::Method { .. } | Self::NoKeys => "",
            Self::CrossSite
            | Self::Scope(_)
            | Self::Overloaded
            | Self::Unsigned
            | Self::Internal => "",
        }
    }

    /// The rule that refused, or could not be decided.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Forbidden { rule } => rule.as_deref(),
            Self::Undecided { rule, .. } => Some(rule),
            Self::NotCanonical(_)
            | Self::NoRoute { .. }
            | Self::Method { .. }
            | Self::Credentials { .. }
            | Self::CrossSite
            | Self::Scope(_)
            | Self::NoKeys
            | Self::Unchecked(_)
            | Self::Overloaded
            | Self::Unsigned
            | Self::Internal => None,
        }
    }

    fn details(&self) -> String {
        let reason =
            if matches!(self, Self::Forbidden { rule: Some(_) }) { "" } else { self.reason() };
        let parts = [self.outcome(), self.rule().unwrap_or_default(), reason];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.fold("claimgate".to_owned(), |details, part| details + "." + part)
    }
}

/// RFC 6750 §3.1: no error code where there were no credentials at all, `invalid_request` with
/// 400 where there was not exactly one bearer token, else `invalid_token`. One text for all of
/// the latter: which check failed would help nobody but an attacker.
fn credentials(
    error: AuthnError,
    scope: Option<&str>,
    challenge: &Challenge<'_>,
    details: String,
) -> LocalReply {
    match error {
        AuthnError::Proof(error) => proof(error, challenge, details),
        AuthnError::Missing => {
            problem(401, "A bearer token is required.", details).challenging(challenge, None, scope)
        }
        AuthnError::Several | AuthnError::NotBearer | AuthnError::TooLong => {
            let text = "Exactly one bearer token is expected.";
            let error = Some(("invalid_request", text));
            problem(400, text, details).challenging(challenge, error, scope)
        }
        AuthnError::Malformed
        | AuthnError::Algorithm
        | AuthnError::Critical
        | AuthnError::TokenType
        | AuthnError::Issuer
        | AuthnError::UnknownKey
        | AuthnError::Signature
        | AuthnError::Audience
        | AuthnError::Expired
        | AuthnError::NotYetValid
        | AuthnError::Claim
        | AuthnError::Party
        | AuthnError::RequiredClaim
        | AuthnError::Lifetime
        | AuthnError::Place
        | AuthnError::Confirmation
        | AuthnError::Unbound
        | AuthnError::BoundToKey
        | AuthnError::Certificate
        | AuthnError::Revoked => {
            let text = "The token is not valid here.";
            let error = Some(("invalid_token", text));
            problem(401, text, details).challenging(challenge, error, scope)
        }
    }
}

/// What was wrong with a proof goes into its own challenge (RFC 9449 §7.1), with the nonce to use
/// where one is wanted (§9). Where no proof would have been taken it is not the client's fault.
fn proof(error: DpopError, challenge: &Challenge<'_>, details: String) -> LocalReply {
    let Some(code) = error.code() else {
        let text = "Too many proofs are remembered.";
        return problem(503, text, details).with("retry-after", RETRY_AFTER.into());
    };
    let text = "A proof of possession for this request is required.";
    let reply = problem(401, text, details)
        .with("www-authenticate", challenge.dpop(Some((code, text)), None));
    let keeper = challenge.proofs.and_then(|proofs| proofs.nonces.as_ref());
    match keeper.filter(|_| error == DpopError::Nonce) {
        Some(keeper) => reply.with("dpop-nonce", keeper.current(challenge.now)),
        None => reply,
    }
}

fn problem(status: u16, detail: &'static str, details: String) -> LocalReply {
    let title = title(status);
    let body = format!(
        "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\"}}"
    );
    let headers = vec![
        ("content-type", "application/problem+json".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ];
    LocalReply { headers, body, details, message: detail, ..LocalReply::new(status) }
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

/// The protected resource metadata (RFC 9728 §3.2), for everybody and from any page: it says nothing
/// that is not public. Browsers ask first (Fetch, CORS-preflight) when a client adds headers of its
/// own. `None` for other methods.
pub fn metadata(document: &str, method: &str) -> Option<LocalReply> {
    let (status, body) = match method {
        "GET" => (200, document),
        "HEAD" => (200, ""),
        "OPTIONS" => (204, ""),
        _ => return None,
    };
    let reply = LocalReply {
        headers: vec![("access-control-allow-origin", "*".to_owned())],
        body: body.to_owned(),
        details: "claimgate.metadata".to_owned(),
        ..LocalReply::new(status)
    };
    Some(match status {
        204 => reply.with("access-control-allow-headers", "*".into()),
        _ => reply
            .with("content-type", "application/json".into())
            .with("cache-control", "max-age=300".into()),
    })
}

impl LocalReply {
    fn new(status: u16) -> Self {
        let (headers, body, details) = Default::default();
        Self { status, grpc_status: None, headers, body, message: "", details }
    }

    /// With a challenge of each scheme that would be taken; the error belongs to the first.
    fn challenging(
        self,
        challenge: &Challenge<'_>,
        error: Option<(&str, &str)>,
        scope: Option<&str>,
    ) -> Self {
        let reply = self.with("www-authenticate", challenge.bearer(error, scope));
        match challenge.proofs {
            Some(_) => reply.with("www-authenticate", challenge.dpop(None, scope)),
            None => reply,
        }
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[cfg(test)]
mod tests;
