//! Finding the token in a request: `authorization: Bearer <token>` (RFC 6750 §2.1).
//!
//! It looks at form only. Two credentials are one too many, whichever of them is good: Envoy joins
//! repeated `authorization` headers with a comma, so a comma counts as two.

use super::AuthnError;
use crate::request::Credentials;

/// A token as it was sent. Nothing about it has been checked but its alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawToken(Box<str>);

impl RawToken {
    /// The token as it was sent. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bearer token of a request; `None` when it carries no credentials at all.
pub fn bearer_token(credentials: Credentials<'_>) -> Result<Option<RawToken>, AuthnError> {
    let value = match credentials {
        Credentials::Absent => return Ok(None),
        Credentials::Several => return Err(AuthnError::Several),
        Credentials::One(value) => value,
    };
    if value.contains(&b',') {
        return Err(AuthnError::Several);
    }
    let text = std::str::from_utf8(value).map_err(|_| AuthnError::NotBearer)?;
    let (scheme, token) = text.trim_ascii().split_once(' ').ok_or(AuthnError::NotBearer)?;
    let token = token.trim_ascii();
    if !scheme.eq_ignore_ascii_case("bearer")
        || token.is_empty()
        || !token.bytes().all(is_token_byte)
    {
        return Err(AuthnError::NotBearer);
    }
    Ok(Some(RawToken(token.into())))
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
            assert_eq!(token.as_str(), "a.b.c");
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
            assert_eq!(bearer_token(Credentials::One(value)), Err(*error));
        }
        assert_eq!(bearer_token(Credentials::Several), Err(AuthnError::Several));
    }
}
