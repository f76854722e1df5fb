//! Who a request is decided for.

use std::rc::Rc;

use super::{Claims, HeaderValues, VerifiedToken};
use crate::authz::DecisionMemo;
use crate::policy::ProviderId;
use crate::time::Timestamp;

/// Who asks: nobody in particular, or somebody a verified token names.
#[derive(Clone, Debug)]
pub enum Caller {
    /// The request carries no token, or its route reads none.
    Anonymous,
    /// A verified token names them.
    Identified(Principal),
}

/// Somebody a verified token names. Identity is provider and subject together: two providers may
/// use the same subject for different people.
#[derive(Clone, Debug)]
pub struct Principal(Rc<VerifiedToken>);

impl Caller {
    /// The principal, unless the caller is anonymous.
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous => None,
            Self::Identified(principal) => Some(principal),
        }
    }
}

impl From<Rc<VerifiedToken>> for Principal {
    fn from(token: Rc<VerifiedToken>) -> Self {
        Self(token)
    }
}

impl Principal {
    /// The token that names them.
    pub const fn token(&self) -> &Rc<VerifiedToken> {
        &self.0
    }

    /// The provider whose token it was.
    pub fn provider(&self) -> ProviderId {
        self.0.provider()
    }

    /// Who it is: the subject of the token, if it has one.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject()
    }

    /// The claims of the token.
    pub fn claims(&self) -> &Claims {
        self.0.claims()
    }

    /// The header values made from the token's claims; `make` makes them the first time.
    pub fn header_values(&self, make: impl FnOnce() -> HeaderValues) -> &[Option<Rc<str>>] {
        self.0.header_values(make)
    }

    /// Decisions that the token has been given.
    pub fn decisions(&self) -> &DecisionMemo {
        self.0.decisions()
    }

    /// When the token ends. Nothing derived from it may live longer.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at()
    }
}
