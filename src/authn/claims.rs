//! The claims of a token, and how a configuration points at one of them.

use std::borrow::Cow;
use std::fmt;

use super::AuthnError;
use super::json::{Json, Members, Object};
use crate::time::Timestamp;

/// The claims set of a token (RFC 7519 §4).
#[derive(Clone)]
pub struct Claims(Object);

/// Where a claim is: a name, or nested names joined with dots. A claim whose whole name contains
/// dots (`https://example.com/roles`) is found first.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimPath {
    whole: Box<str>,
    parts: Box<[Box<str>]>,
}

impl ClaimPath {
    /// From the form people write.
    pub fn new(text: &str) -> Self {
        Self { whole: text.into(), parts: text.split('.').map(Into::into).collect() }
    }
}

impl fmt::Debug for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt(f)
    }
}

impl Claims {
    /// The claims that this JSON is; `None` when it is no object, or none that we take.
    pub(crate) fn from_slice(json: &[u8]) -> Option<Self> {
        Object::from_slice(json).map(Self)
    }

    /// The claim at a path.
    pub fn at(&self, path: &ClaimPath) -> Option<Json<'_>> {
        let whole = self.0.get(&path.whole);
        match &*path.parts {
            [first, rest @ ..] if whole.is_none() && !rest.is_empty() => {
                rest.iter().try_fold(self.0.get(first)?, |value, name| value.get(name))
            }
            _ => whole,
        }
    }

    /// A top-level claim.
    pub fn named(&self, name: &str) -> Option<Json<'_>> {
        self.0.get(name)
    }

    /// The claim at a path as texts to compare with: a string, number or boolean as one, an array
    /// as each of those in it. Objects and null are no text.
    pub fn texts(&self, path: &ClaimPath) -> impl Iterator<Item = Cow<'_, str>> {
        let (one, many) = match self.at(path) {
            Some(Json::Array(values)) => (None, Some(values)),
            value => (value, None),
        };
        one.into_iter().chain(many.into_iter().flat_map(Members::values)).filter_map(text)
    }

    /// Whether the claim at a path is something that [`Claims::texts`] leaves out, or a list with
    /// such a thing in it. Absent and null are nothing.
    pub fn is_odd(&self, path: &ClaimPath) -> bool {
        match self.at(path) {
            Some(Json::Object(_)) => true,
            Some(Json::Array(values)) => values.values().any(|value| text(value).is_none()),
            _ => false,
        }
    }

    /// The scopes they grant, found as [`Claims::grant`] finds them.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let (text, array) = match self.named("scope").or_else(|| self.named("scp")) {
            Some(Json::Text(scopes)) => (Some(scopes), None),
            Some(Json::Array(scopes)) => (None, Some(scopes)),
            _ => (None, None),
        };
        let words = text.into_iter().flat_map(|text| text.split(' ')).filter(|s| !s.is_empty());
        let members = array.into_iter().flat_map(Members::values).filter_map(|one| one.as_str());
        words.chain(members)
    }

    /// Whether they grant a scope: by `scope` (RFC 8693 §4.2) or, where there is none, by `scp`;
    /// each either one text with spaces between scopes, or an array of scopes.
    pub fn grant(&self, scope: &str) -> bool {
        match self.named("scope").or_else(|| self.named("scp")) {
            Some(Json::Text(scopes)) => scopes.split(' ').any(|one| one == scope),
            Some(Json::Array(scopes)) => scopes.values().any(|one| one.as_str() == Some(scope)),
            _ => false,
        }
    }
}

/// Claim values never reach a log, so they have no debug form either.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({} members)", self.0.members().values().count())
    }
}

fn text(value: Json<'_>) -> Option<Cow<'_, str>> {
    match value {
        Json::Text(text) => Some(text.into()),
        Json::Bool(flag) => Some(if flag { "true" } else { "false" }.into()),
        Json::Number(number) => Some(number.to_string().into()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Whether `sub` and `jti` are texts (RFC 7519 §4.1.2, §4.1.7), where they are there at all.
pub(super) fn check_texts(claims: &Claims) -> Result<(), AuthnError> {
    let mut named = ["sub", "jti"].into_iter().filter_map(|name| claims.named(name));
    if named.all(|claim| claim.as_str().is_some()) { Ok(()) } else { Err(AuthnError::Claim) }
}

/// Last date that is one, in seconds: in some thirty million years.
const LAST_DATE: f64 = 1e15;

/// A NumericDate (RFC 7519 §2): seconds, whole or not.
pub(super) fn date(claims: &Claims, name: &str) -> Result<Option<Timestamp>, AuthnError> {
    let Some(value) = claims.named(name) else { return Ok(None) };
    let number = value.as_number().ok_or(AuthnError::Claim)?;
    let secs =
        number.as_f64().filter(|secs| (0.0..=LAST_DATE).contains(secs)).ok_or(AuthnError::Claim)?;
    if let Some(secs) = number.as_u64() {
        return Ok(Some(Timestamp::from_secs(secs)));
    }
    // In range and not negative, so the cast cannot lose more than the fraction of a millisecond.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let millis = (secs * 1_000.0) as u64;
    Ok(Some(Timestamp::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: &str, path: &str) -> Vec<String> {
        let claims = Claims::from_slice(json.as_bytes()).unwrap();
        claims.texts(&ClaimPath::new(path)).map(Cow::into_owned).collect()
    }

    #[test]
    fn a_path_finds_whole_names_before_nested_ones() {
        let json = r#"{"a.b":"whole","a":{"b":"nested","c":{"d":1}}}"#;
        assert_eq!(texts(json, "a.b"), ["whole"]);
        assert_eq!(texts(json, "a.c.d"), ["1"]);
        assert!(texts(json, "a.x").is_empty());
        assert!(texts(json, "a.b.c").is_empty());
    }

    #[test]
    fn scopes_are_whole_words_or_members() {
        let grant = |json: &str| Claims::from_slice(json.as_bytes()).unwrap().grant("a:read");
        for json in [
            r#"{"scope":"a:read"}"#,
            r#"{"scope":"b a:read c"}"#,
            r#"{"scp":["b","a:read"]}"#,
            r#"{"scp":"a:read b"}"#,
            r#"{"scope":["a:read"]}"#,
        ] {
            assert!(grant(json), "{json}");
        }
        for json in [
            "{}",
            r#"{"scope":"a:reader"}"#,
            r#"{"scope":"A:read"}"#,
            r#"{"scope":["b a:read"]}"#,
            r#"{"scope":"b","scp":"a:read"}"#,
            r#"{"scope":{"a:read":true}}"#,
            r#"{"scope":null,"scp":"a:read"}"#,
        ] {
            assert!(!grant(json), "{json}");
        }
    }

    #[test]
    fn arrays_are_their_members_and_objects_are_nothing() {
        assert_eq!(texts(r#"{"r":["a",true,2,null,{"x":1},["y"]]}"#, "r"), ["a", "true", "2"]);
        assert!(texts(r#"{"r":{"a":1}}"#, "r").is_empty());
        assert!(texts(r#"{"r":null}"#, "r").is_empty());
    }
}
