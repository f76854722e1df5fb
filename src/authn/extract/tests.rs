use super::*;
use crate::request::Pairs;
use crate::upstream::OwnHeaders;

fn header(name: &str, scheme: Option<&str>) -> Place {
    Place::Header { name: name.into(), scheme: scheme.map(Into::into) }
}

fn bearer() -> Vec<Place> {
    vec![header("authorization", Some("Bearer"))]
}

/// Everywhere at once.
fn everywhere() -> Vec<Place> {
    vec![
        Place::Query("access_token".into()),
        Place::Cookie("session".into()),
        header("authorization", Some("Bearer")),
        header("x-token", None),
        header("x-auth", Some("Token")),
        header("x-auth", Some("JWT")),
    ]
}

/// The text and place of the token that is found, and whether its form is good.
fn found(
    places: &[Place],
    headers: &[(&str, &[u8])],
) -> Result<Option<(String, String)>, AuthnError> {
    let places = Places::new(places.iter().cloned()).unwrap();
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), *value)).collect();
    let own = OwnHeaders::new(std::iter::empty());
    let head = RequestHead::parse(Pairs::serialize(pairs), &own, places.reads()).unwrap();
    let Some(token) = find_token(&head, &places)? else { return Ok(None) };
    token.check_form()?;
    let place = places.iter().find(|(id, _)| *id == token.place()).unwrap().1;
    Ok(Some((token.as_str().to_owned(), place.to_string())))
}

fn in_authorization(value: &[u8]) -> Result<Option<String>, AuthnError> {
    let found = found(&bearer(), &[("authorization", value)])?;
    Ok(found.map(|(text, _)| text))
}

#[test]
fn the_scheme_ignores_case_and_spaces_around_the_token() {
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", " Bearer a.b.c"] {
        assert_eq!(in_authorization(value.as_bytes()), Ok(Some("a.b.c".into())));
    }
}

#[test]
fn no_credentials_are_no_error() {
    assert_eq!(found(&bearer(), &[]), Ok(None));
    assert_eq!(found(&everywhere(), &[(":path", b"/?a=b"), ("cookie", b"a=b")]), Ok(None));
    assert_eq!(found(&[], &[("authorization", b"Bearer a")]), Ok(None));
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
        assert_eq!(in_authorization(value), Err(*error), "{}", String::from_utf8_lossy(value));
    }
    let twice: [(&str, &[u8]); 2] =
        [("authorization", b"Bearer a"), ("authorization", b"Bearer a")];
    assert_eq!(found(&bearer(), &twice), Err(AuthnError::Several));
}

#[test]
fn a_token_is_found_in_every_place_that_is_named_and_in_no_other() {
    let table: &[(&str, &[u8], &str)] = &[
        ("authorization", b"bearer a.b", "header:authorization(Bearer)"),
        ("authorization", b"DPoP a.b", "header:authorization(Bearer)"),
        ("x-token", b"a.b", "header:x-token"),
        ("x-auth", b"token a.b", "header:x-auth(Token)"),
        ("x-auth", b"JWT a.b", "header:x-auth(JWT)"),
        ("cookie", b"x=1; session=a.b", "cookie:session"),
        (":path", b"/p?x=1&access_token=a.b", "query:access_token"),
    ];
    for (name, value, place) in table {
        let expected = Some(("a.b".to_owned(), (*place).to_owned()));
        assert_eq!(found(&everywhere(), &[(name, value)]), Ok(expected), "{place}");
        let elsewhere: Vec<_> =
            everywhere().into_iter().filter(|p| p.to_string() != *place).collect();
        assert_eq!(found(&elsewhere, &[(name, value)]).ok().flatten(), None, "{place}");
    }
}

#[test]
fn two_different_tokens_are_one_too_many_and_the_same_twice_is_one() {
    let one: [(&str, &[u8]); 6] = [
        ("authorization", b"Bearer a"),
        ("x-token", b"a"),
        ("x-auth", b"Token a"),
        ("cookie", b"session=a"),
        ("cookie", b"b=1; session=a; session=a"),
        (":path", b"/?access_token=a"),
    ];
    let other: [(&str, &[u8]); 5] = [
        ("authorization", b"Bearer b"),
        ("x-token", b"b"),
        ("x-auth", b"JWT b"),
        ("cookie", b"session=b"),
        (":path", b"/?access_token=b"),
    ];
    for first in one {
        for second in one.into_iter().filter(|second| second.0 != first.0 || first.0 == "cookie") {
            let both = found(&everywhere(), &[first, second]).unwrap().unwrap();
            assert_eq!(both.0, "a", "{first:?} {second:?}");
        }
        for second in other.into_iter().filter(|second| second.0 != ":path" || first.0 != ":path") {
            let both = found(&everywhere(), &[first, second]);
            assert_eq!(both, Err(AuthnError::Several), "{first:?} {second:?}");
        }
    }
    let both = found(&everywhere(), &[(":path", b"/?access_token=a&access_token=b")]);
    assert_eq!(both, Err(AuthnError::Several));
    let both = found(&everywhere(), &[("cookie", b"session=a"), ("authorization", b"Bearer a")]);
    assert_eq!(both.unwrap().unwrap().1, "header:authorization(Bearer)");
}

#[test]
fn what_is_there_and_is_no_token_is_an_error_in_every_place() {
    let table: &[(&str, &[u8])] = &[
        ("authorization", b"DPoP"),
        ("x-token", b""),
        ("x-token", b"Bearer a"),
        ("x-auth", b"a"),
        ("x-auth", b"Bearer a"),
        ("cookie", b"session="),
        ("cookie", b"session"),
        ("cookie", b"session=\"a\""),
        ("cookie", b"session=a; x=\xff"),
        (":path", b"/?access_token"),
        (":path", b"/?access_token="),
        (":path", b"/?access_token=%61"),
        (":path", b"/?access%5Ftoken=a%20"),
    ];
    for (name, value) in table {
        let outcome = found(&everywhere(), &[(name, value)]);
        assert_eq!(outcome, Err(AuthnError::NotBearer), "{name}: {}", value.escape_ascii());
    }
}
