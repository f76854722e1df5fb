//! Refusals for callers that speak gRPC: the same, as a status that a gRPC client understands.
//!
//! Envoy would translate the HTTP status by the table for proxies that know no gRPC, which makes an
//! internal error of a bad request and an outage of a limit.

use super::LocalReply;

/// A gRPC status code (<https://grpc.io/docs/guides/status-codes/>).
pub type GrpcStatus = u8;

const UNKNOWN: GrpcStatus = 2;
const INVALID_ARGUMENT: GrpcStatus = 3;
const PERMISSION_DENIED: GrpcStatus = 7;
const RESOURCE_EXHAUSTED: GrpcStatus = 8;
const UNIMPLEMENTED: GrpcStatus = 12;
const INTERNAL: GrpcStatus = 13;
const UNAVAILABLE: GrpcStatus = 14;
const UNAUTHENTICATED: GrpcStatus = 16;

/// Whether a request's `content-type` says that it is gRPC, as Envoy has it.
pub fn is_grpc(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
}

impl LocalReply {
    /// The reply for who speaks gRPC: a status and a message instead of a document. Headers such as
    /// a challenge stay.
    #[must_use]
    pub fn for_grpc(mut self) -> Self {
        self.grpc_status = Some(status(self.status));
        self.body = self.message.to_owned();
        self.headers.retain(|(name, _)| *name != "content-type");
        self
    }
}

/// What a method that nobody serves is to gRPC is not implemented.
const fn status(http: u16) -> GrpcStatus {
    match http {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 | 405 => UNIMPLEMENTED,
        429 => RESOURCE_EXHAUSTED,
        500 => INTERNAL,
        502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::AuthnError;
    use crate::reply::{Challenge, Rejection};

    #[test]
    fn content_types_of_grpc_are_told_from_those_that_look_like_it() {
        for yes in ["application/grpc", "application/grpc+proto"] {
            assert!(is_grpc(yes.as_bytes()), "{yes}");
        }
        for no in ["", "application/grpc-web", "application/grpcx", "application/json"] {
            assert!(!is_grpc(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_challenge_and_gives_up_its_document() {
        let reply = Rejection::credentials(AuthnError::Expired).reply(&Challenge::default());
        let reply = reply.for_grpc();
        assert_eq!((reply.status, reply.grpc_status), (401, Some(16)));
        assert_eq!(reply.body, "The token is not valid here.");
        let names: Vec<_> = reply.headers.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["cache-control", "www-authenticate"]);
    }
}
