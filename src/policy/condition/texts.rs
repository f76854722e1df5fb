//! Comparing a value with texts. What is no text is compared with nothing: it makes the comparison
//! unknown, unless what is beside it settles it.

use super::Truth;
use crate::authn::{ClaimPath, Claims};

/// What a value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTest {
    /// This, and nothing beside it.
    Equals(Box<str>),
    /// One of these, or a list with one of them.
    AnyOf(Vec<Box<str>>),
    /// A list with all of these.
    AllOf(Vec<Box<str>>),
    /// Something, or a list with something, that begins like this.
    Prefix(Box<str>),
    /// There, or not there.
    Present(bool),
}

/// A value to compare.
#[derive(Clone, Copy, Debug)]
pub enum Held<'v> {
    /// There is none.
    Nothing,
    /// There is one that is no text.
    Odd,
    /// A text.
    Text(&'v str),
    /// Several texts.
    Texts(&'v [Box<str>]),
    /// A claim, if it is there.
    Claim(&'v Claims, &'v ClaimPath),
}

impl TextTest {
    /// Whether a value is like this.
    pub fn truth(&self, held: &Held<'_>) -> Truth {
        let found = match self {
            Self::Present(expected) => return (held.is_there() == *expected).into(),
            Self::Equals(text) if held.any(|one| *one != **text) => return Truth::False,
            Self::Equals(text) => held.any(|one| *one == **text) && !held.is_odd(),
            Self::AnyOf(any) => held.any(|one| any.iter().any(|text| **text == *one)),
            Self::AllOf(all) => all.iter().all(|text| held.any(|one| *one == **text)),
            Self::Prefix(start) => held.any(|one| one.starts_with(&**start)),
        };
        match found {
            true => Truth::True,
            false if held.is_odd() => Truth::Unknown,
            false => Truth::False,
        }
    }
}

impl Held<'_> {
    fn any(&self, like: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Nothing | Self::Odd => false,
            Self::Text(text) => like(text),
            Self::Texts(texts) => texts.iter().any(|text| like(text)),
            Self::Claim(claims, path) => claims.texts(path).any(|text| like(&text)),
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Odd | Self::Text(_) | Self::Texts(_) => true,
            Self::Claim(claims, path) => claims.at(path).is_some_and(|claim| !claim.is_null()),
        }
    }

    /// Whether something about it is no text.
    fn is_odd(&self) -> bool {
        match self {
            Self::Nothing | Self::Text(_) | Self::Texts(_) => false,
            Self::Odd => true,
            Self::Claim(claims, path) => claims.is_odd(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Truth = Truth::Unknown;
    const TRUE: Truth = Truth::True;
    const FALSE: Truth = Truth::False;

    /// The truth of: equals a, any of a and b, all of a and b, begins with a, is there.
    fn truths(json: &str) -> [Truth; 5] {
        let claims = Claims::from_slice(json.as_bytes()).unwrap();
        let path = ClaimPath::new("c");
        let texts = || vec!["a".into(), "b".into()];
        let tests = [
            TextTest::Equals("a".into()),
            TextTest::AnyOf(texts()),
            TextTest::AllOf(texts()),
            TextTest::Prefix("a".into()),
            TextTest::Present(true),
        ];
        tests.map(|test| test.truth(&Held::Claim(&claims, &path)))
    }

    #[test]
    fn values_are_compared_member_by_member() {
        assert_eq!(truths("{}"), [FALSE; 5]);
        assert_eq!(truths(r#"{"c":null}"#), [FALSE; 5]);
        assert_eq!(truths(r#"{"c":"a"}"#), [TRUE, TRUE, FALSE, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":["a"]}"#), [TRUE, TRUE, FALSE, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":["a","b"]}"#), [FALSE, TRUE, TRUE, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":["ab"]}"#), [FALSE, FALSE, FALSE, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":[]}"#), [FALSE, FALSE, FALSE, FALSE, TRUE]);
        assert_eq!(truths(r#"{"c":1}"#), [FALSE, FALSE, FALSE, FALSE, TRUE]);
    }

    #[test]
    fn what_is_no_text_settles_nothing() {
        assert_eq!(truths(r#"{"c":{"a":1}}"#), [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, TRUE]);
        assert_eq!(truths(r#"{"c":["a",{}]}"#), [UNKNOWN, TRUE, UNKNOWN, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":["a","b",{}]}"#), [FALSE, TRUE, TRUE, TRUE, TRUE]);
        assert_eq!(truths(r#"{"c":["x",["a"]]}"#), [FALSE, UNKNOWN, UNKNOWN, UNKNOWN, TRUE]);
        assert_eq!(TextTest::Equals("a".into()).truth(&Held::Odd), UNKNOWN);
        assert_eq!(TextTest::Present(false).truth(&Held::Odd), FALSE);
        assert_eq!(TextTest::Present(false).truth(&Held::Nothing), TRUE);
    }
}
