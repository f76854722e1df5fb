//! What an expression may look at, and what it says it looks at.

use crate::authn::{ClaimPath, Claims};
use crate::policy::Template;
use crate::request::{RequestHead, Wanted};

/// What one evaluation may look at. What is `None` is missing, and makes unknown what needs it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'a> {
    /// The claims of the verified token.
    pub claims: Option<&'a Claims>,
    /// Who the caller is.
    pub subject: Option<&'a str>,
    /// Name of the provider whose token it is.
    pub provider: Option<&'a str>,
    /// Where that provider keeps roles in its tokens.
    pub roles_claim: Option<&'a ClaimPath>,
    /// The request.
    pub head: Option<&'a RequestHead>,
    /// Its path, without the query.
    pub path: Option<&'a str>,
    /// The route's path template.
    pub template: Option<&'a Template>,
}

/// Has a header read, by its name; under what it is found, or why nobody may look at it.
pub type Header<'h> = &'h mut dyn FnMut(&str) -> Result<Wanted, String>;

/// What the answer of an expression depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Something of the caller's token.
    pub token: bool,
    /// The roles that the token says its caller has.
    pub roles: bool,
    /// Something of the request.
    pub request: bool,
    /// Parameters of the path, by name.
    pub params: Vec<Box<str>>,
}

impl Reads {
    /// Whether the answer is the same for every request with one token.
    pub const fn token_only(&self) -> bool {
        !self.request
    }
}
