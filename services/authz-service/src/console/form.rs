//! Forms as they are sent. What they say is out of reach until it is clear that this console's own
//! page sent them: a token that only that page has, and the browser's word where it comes from.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};

use super::Console;
use super::door::Visitor;
use super::random::same;
use super::show::Refused;
use super::sign_in::SignIn;
use crate::wire::problem::Problem;

const FOREIGN: &str = "This form did not come from this console, or is too old. Nothing was \
                       changed. Open the page again and send it anew.";

/// A form of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Gives a role.
    Grant,
    /// Takes one away.
    Withdraw,
    /// Revokes a subject's tokens of before now.
    RevokeSubject,
    /// Revokes a session or a token.
    Revoke,
    /// Ends the visitor's own session.
    SignOut,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Withdraw => "withdraw",
            Self::RevokeSubject => "revoke-subject",
            Self::Revoke => "revoke",
            Self::SignOut => "sign-out",
        }
    }
}

impl Visitor {
    /// The token of this form in this session; `None` for who can only look.
    pub(super) fn token(&self, form: Form) -> Option<String> {
        Some(self.forms.as_ref()?.derive("form", form.name()))
    }
}

/// A form that was sent, by whoever.
pub(super) struct Sent {
    visitor: Visitor,
    headers: HeaderMap,
    fields: Vec<(String, String)>,
}

impl FromRequest<Arc<Console>> for Sent {
    type Rejection = Refused;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Refused> {
        let headers = request.headers().clone();
        let visitor = request.extensions().get::<Visitor>().cloned();
        let nobody = || Problem::new(StatusCode::FORBIDDEN, FOREIGN);
        let visitor = visitor.ok_or_else(nobody)?;
        let form = axum::extract::Form::<Vec<(String, String)>>::from_request(request, console);
        let fields = form.await.map_err(|rejection| {
            let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let (status, detail) = if too_large {
                (StatusCode::PAYLOAD_TOO_LARGE, "The form is too large.")
            } else {
                (StatusCode::BAD_REQUEST, "The form cannot be read.")
            };
            Problem::new(status, detail)
        })?;
        Ok(Self { visitor, headers, fields: fields.0 })
    }
}

impl Sent {
    /// What the form says, and who says it, if it is `form` of this console's own page.
    pub(super) fn read(self, console: &Console, form: Form) -> Result<(Visitor, Fields), Problem> {
        let own = console.sign_in.as_ref().map(SignIn::origin);
        let said = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let is_own = own.is_some() && said(ORIGIN.as_str()) == own;
        let is_near = said("sec-fetch-site").is_none_or(|site| site == "same-origin");
        let fields = Fields::new(self.fields)?;
        let expected = self.visitor.token(form);
        let shown = fields.0.get("token").zip(expected);
        let is_theirs = shown.is_some_and(|(shown, expected)| same(shown, &expected));
        if is_own && is_near && is_theirs {
            return Ok((self.visitor, fields));
        }
        console.admin().service.metrics.refused_login("form");
        Err(Problem::new(StatusCode::FORBIDDEN, FOREIGN))
    }
}

/// What a form says.
pub(super) struct Fields(HashMap<String, String>);

impl Fields {
    fn new(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut fields = HashMap::new();
        for (name, value) in pairs {
            let value = value.trim().to_owned();
            if value.chars().any(char::is_control) || fields.insert(name, value).is_some() {
                return Err(Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read."));
            }
        }
        Ok(Self(fields))
    }

    /// The field, unless it is empty.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The field, which must not be empty.
    pub(super) fn required(&self, name: &str, what: &str) -> Result<&str, Problem> {
        let missing = || Problem::new(StatusCode::BAD_REQUEST, format!("{what} is missing."));
        self.optional(name).ok_or_else(missing)
    }
}
