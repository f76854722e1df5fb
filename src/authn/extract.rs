//! Finding the token in a request: in `authorization: Bearer <token>` (RFC 6750 §2.1) and in
//! whatever other places the policy names.
//!
//! It looks at form only, and at as little of it as it can: a token that has been verified before is
//! found by its text. Two credentials are one too many, whichever of them is good: Envoy joins
//! repeated `authorization` headers with a comma, so a comma counts as two. The same token in two
//! places is one.

use super::AuthnError;
use super::places::{AUTHORIZATION, Place, PlaceId, Places};
use crate::request::{Credentials, RequestHead, Wanted, cookies, query};

/// A token as it was sent: the text behind the scheme. Nothing about it has been checked, not
/// even that it is one token; [`RawToken::check_form`] does that, once, for a token nobody has
/// verified before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawToken<'h> {
    text: &'h str,
    place: PlaceId,
    presented: Presented,
}

/// How a token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// With the scheme `Bearer`: whoever has it may use it (RFC 6750).
    Bearer,
    /// With the scheme `DPoP`: a proof has to be with it (RFC 9449 §7.1).
    Dpop,
    /// Some other way, which says neither.
    Otherwise,
}

impl<'h> RawToken<'h> {
    /// The token as it was sent. Never for a log.
    pub const fn as_str(self) -> &'h str {
        self.text
    }

    /// Where it was.
    pub const fn place(self) -> PlaceId {
        self.place
    }

    /// How it was presented.
    pub const fn presented(self) -> Presented {
        self.presented
    }

    /// Whether it is one token, of the characters that one may have.
    pub fn check_form(self) -> Result<(), AuthnError> {
        match self.text.bytes().find(|byte| !is_token_byte(*byte)) {
            None => Ok(()),
            Some(_) if self.text.contains(',') => Err(AuthnError::Several),
            Some(_) => Err(AuthnError::NotBearer),
        }
    }
}

/// The token of a request; `None` when none of the places has anything in it. The first place in
/// the order headers, cookies, query is where it is said to be: what only its owner can have put
/// there counts before what a browser adds.
pub fn find_token<'h>(
    head: &'h RequestHead,
    places: &'h Places,
) -> Result<Option<RawToken<'h>>, AuthnError> {
    let mut found = Found::default();
    for (id, place) in places.iter() {
        if let Place::Header { name, .. } = place
            && places.iter().all(|(before, place)| before >= id || !is_header(place, name))
        {
            in_header(places, name, places.header(head, name), &mut found)?;
        }
    }
    for (id, place) in places.iter() {
        if let Place::Cookie(name) = place {
            in_cookies(head, name, id, &mut found)?;
        }
    }
    for (id, place) in places.iter() {
        if let Place::Query(name) = place {
            let path = head.path_and_query().and_then(|path| std::str::from_utf8(path).ok());
            for text in query::values(path.unwrap_or_default(), name) {
                found.add(RawToken { text, place: id, presented: Presented::Otherwise })?;
            }
        }
    }
    Ok(found.0)
}

#[derive(Default)]
struct Found<'h>(Option<RawToken<'h>>);

impl<'h> Found<'h> {
    fn add(&mut self, token: RawToken<'h>) -> Result<(), AuthnError> {
        if token.text.is_empty() {
            return Err(AuthnError::NotBearer);
        }
        match self.0 {
            Some(before) if before.text != token.text => Err(AuthnError::Several),
            Some(_) => Ok(()),
            None => {
                self.0 = Some(token);
                Ok(())
            }
        }
    }
}

fn is_header(place: &Place, wanted: &str) -> bool {
    matches!(place, Place::Header { name, .. } if **name == *wanted)
}

/// A header's value is a token of one of the places in that header, or it is an error.
fn in_header<'h>(
    places: &Places,
    name: &str,
    value: Credentials<'h>,
    found: &mut Found<'h>,
) -> Result<(), AuthnError> {
    let value = match value {
        Credentials::Absent => return Ok(()),
        Credentials::Several => return Err(AuthnError::Several),
        Credentials::One(value) => value,
    };
    let malformed = || {
        if value.contains(&b',') { AuthnError::Several } else { AuthnError::NotBearer }
    };
    let text = std::str::from_utf8(value).map_err(|_| malformed())?.trim_ascii();
    let mut here = places.iter().filter(|(_, place)| is_header(place, name));
    let token = here.find_map(|(id, place)| token_of(text, id, place)).ok_or_else(malformed)?;
    found.add(token)
}

/// The token in a header's value, if it is of this place's form. Where bearer tokens are taken,
/// `DPoP` is the other way to present one.
fn token_of<'h>(value: &'h str, place: PlaceId, of: &Place) -> Option<RawToken<'h>> {
    let Place::Header { name, scheme } = of else { return None };
    let Some(scheme) = scheme else {
        return Some(RawToken { text: value, place, presented: Presented::Otherwise });
    };
    let (said, text) = value.split_once(' ')?;
    let text = text.trim_ascii();
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    let presented = match said {
        _ if text.is_empty() => return None,
        said if said.eq_ignore_ascii_case(scheme) && bearer => Presented::Bearer,
        said if said.eq_ignore_ascii_case(scheme) => Presented::Otherwise,
        said if bearer && **name == *AUTHORIZATION && said.eq_ignore_ascii_case("dpop") => {
            Presented::Dpop
        }
        _ => return None,
    };
    Some(RawToken { text, place, presented })
}

/// Cookies beside bytes that are no text are read by different servers in different ways.
fn in_cookies<'h>(
    head: &'h RequestHead,
    name: &'h str,
    place: PlaceId,
    found: &mut Found<'h>,
) -> Result<(), AuthnError> {
    for header in head.all(Wanted::Cookie) {
        let header = std::str::from_utf8(header).map_err(|_| AuthnError::NotBearer)?;
        for text in cookies::values(header, name) {
            found.add(RawToken { text, place, presented: Presented::Otherwise })?;
        }
    }
    Ok(())
}

/// The alphabet of `b64token` (RFC 6750 §2.1).
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests;
