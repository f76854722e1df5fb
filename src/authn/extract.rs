//! Finding the token in a request: `authorization: Bearer <token>` (RFC 6750 §2.1).
//!
//! It looks at form only, and at as little of it as it can: a token that has been verified before is
//! found by its text. Two credentials are one too many, whichever of them is good: Envoy joins
//! repeated `authorization` headers with a comma, so a comma counts as two.

use super::AuthnError;
use crate::request::Credentials;

/// A token as it was sent: the text behind the scheme. Nothing about it has been checked, not
/// even that it is one token; [`RawToken::check_form`] does that, once, for a token nobody has
/// verified before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawToken<'h>(&'h str);

impl<'h> RawToken<'h> {
    /// The token as it was sent. Never for a log.
    pub const fn as_str(self) -> &'h str {
        self.0
    }

    /// Whether it is one token, of the characters that one may have.
    pub fn check_form(self) -> Result<(), AuthnError> {
        match self.0.bytes().find(|byte| !is_token_byte(*byte)) {
            None => Ok(()),
            Some(_) if self.0.contains(',') => Err(AuthnError::Several),
            Some(_) => Err(AuthnError::NotBearer),
        }
    }
}

/// The bearer token of a request; `None` when it carries no credentials at all.
pub fn bearer_token(credentials: Credentials<'_>) -> Result<Option<RawToken<'_>>, AuthnError> {
    let value = match credentials {
        Credentials::Absent => return Ok(None),
        Credentials::Several => return Err(AuthnError::Several),
        Credentials::One(value) => value,
    };
    let malformed = || {
        if value.contains(&b',') { AuthnError::Several } else { AuthnError::NotBearer }
    };
    let text = std::str::from_utf8(value).map_err(|_| malformed())?;
    let (scheme, token) = text.trim_ascii().split_once(' ').ok_or_else(malformed)?;
    let token = token.trim_ascii();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(malformed());
    }
    Ok(Some(RawToken(token)))
}

/// The alphabet of `b64token` (RFC 6750 §2.1).
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_ignores_case_and_spaces_around_the_token() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", " Bearer a.b.c"] {
            let token = bearer_token(Credentials::One(value.as_bytes())).unwrap().unwrap();
            assert_eq!((token.as_str(), token.check_form()), ("a.b.c", Ok(())));
        }
    }

    #[test]
    fn no_credentials_are_no_error() {
        assert_eq!(bearer_token(Credentials::Absent), Ok(None));
    }

    #[test]
    fn anything_but_one_bearer_token_is_refused() {
        let table: &[(&[u8], AuthnError)] = &[
            (b"", AuthnError::NotBearer),
            (b"Bearer", AuthnError::NotBearer),
            (b"Bearer ", AuthnError::NotBearer),
            (b"a.b.c", AuthnError::NotBearer),
            (b"Basic dTpw", AuthnError::NotBearer),
            (b"Bearer a b", AuthnError::NotBearer),
            (b"Bearer a\xffb", AuthnError::NotBearer),
            (b"Bearer a;b", AuthnError::NotBearer),
            (b"Bearer a.b.c,Bearer d.e.f", AuthnError::Several),
            (b"Bearer a.b.c, Basic dTpw", AuthnError::Several),
        ];
        for (value, error) in table {
            let checked =
                bearer_token(Credentials::One(value)).and_then(|token| token.unwrap().check_form());
            assert_eq!(checked, Err(*error), "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(bearer_token(Credentials::Several), Err(AuthnError::Several));
    }
}
