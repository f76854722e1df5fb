//! Where in a request a token may be, and what a request looks like without it.
//!
//! One list for all providers, because whose token it is is known only after it has been found; a
//! provider then says which of these places count for its tokens. It changes nothing itself.

use std::borrow::Cow;
use std::fmt;

use crate::request::{Credentials, Reads, RequestHead, Wanted, cookies, query};

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A header. With a scheme the token stands behind it (RFC 9110 §11.4), else it is the value.
    Header {
        /// Lower-case name.
        name: Box<str>,
        /// The scheme; case does not count.
        scheme: Option<Box<str>>,
    },
    /// A cookie of this name.
    Cookie(Box<str>),
    /// A query parameter of this name (RFC 6750 §2.3).
    Query(Box<str>),
}

/// Index of a place in its policy.
pub type PlaceId = u8;

/// Some of a policy's places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaceSet(u32);

/// All places of a policy.
#[derive(Clone, Debug, Default)]
pub struct Places {
    all: Vec<Place>,
    reads: Reads,
    queries: bool,
}

/// The header of RFC 6750 §2.1.
pub const AUTHORIZATION: &str = "authorization";

impl PlaceSet {
    /// Whether it has this one.
    pub const fn contains(self, place: PlaceId) -> bool {
        self.0 & (1 << (place as u32 % 32)) != 0
    }
}

impl Places {
    /// Most places of one policy.
    pub const MAX: usize = 32;

    /// The list of these, each once; `None` when they are too many.
    pub fn new(places: impl Iterator<Item = Place>) -> Option<Self> {
        let mut new = Self::default();
        for place in places {
            if !new.all.contains(&place) {
                new.note(&place);
                new.all.push(place);
            }
        }
        (new.all.len() <= Self::MAX).then_some(new)
    }

    fn note(&mut self, place: &Place) {
        match place {
            Place::Header { name, .. } => {
                if **name != *AUTHORIZATION && !self.reads.headers.contains(name) {
                    self.reads.headers.push(name.clone());
                }
            }
            Place::Cookie(_) => self.reads.cookies = true,
            Place::Query(_) => self.queries = true,
        }
    }

    /// Those of these places that are in the list.
    pub fn set_of(&self, places: &[Place]) -> PlaceSet {
        let bit = |(index, place): (usize, &Place)| places.contains(place).then_some(1 << index);
        PlaceSet(self.all.iter().enumerate().filter_map(bit).fold(0, |set, bit: u32| set | bit))
    }

    /// The places of a set, for start-up logs and tests.
    pub fn names_in(&self, set: PlaceSet) -> String {
        let places = self.iter().filter(|(id, _)| set.contains(*id));
        places.map(|(_, place)| place.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the places is like this.
    pub fn has(&self, like: impl Fn(&Place) -> bool) -> bool {
        self.all.iter().any(like)
    }

    /// What a request's head has to be read for.
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether this place is a cookie, which browsers send whoever asks them to.
    pub fn is_cookie(&self, place: PlaceId) -> bool {
        matches!(self.all.get(usize::from(place)), Some(Place::Cookie(_)))
    }

    /// The places with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (PlaceId, &Place)> {
        (0..).zip(&self.all)
    }

    /// A header's value or values; those of `authorization` are never several by chance.
    pub(super) fn header<'h>(&self, head: &'h RequestHead, name: &str) -> Credentials<'h> {
        if name == AUTHORIZATION {
            return head.credentials();
        }
        let index = self.reads.headers.iter().position(|one| **one == *name);
        index.map_or(Credentials::Absent, |index| head.once(Wanted::Header(index)))
    }

    /// `:path` without the query parameters that may hold a token; `None` when it has none. One
    /// that is no text loses its query as a whole: nothing will be served for it.
    pub fn scrubbed_path(&self, head: &RequestHead) -> Option<String> {
        if !self.queries {
            return None;
        }
        let path = head.path_and_query()?;
        match std::str::from_utf8(path) {
            Ok(path) => query::without(path, &self.query_names()),
            Err(_) => {
                let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
                Some(String::from_utf8_lossy(path).into_owned())
            }
        }
    }

    /// Names of the headers of this request in which a token may be.
    pub fn headers_in(&self, head: &RequestHead) -> impl Iterator<Item = Cow<'static, str>> {
        let authorization = self.iter().any(
            |(_, place)| matches!(place, Place::Header { name, .. } if **name == *AUTHORIZATION),
        );
        let authorization = authorization && head.credentials() != Credentials::Absent;
        let others = self.reads.headers.iter().enumerate();
        let others = others.filter(|(index, _)| head.all(Wanted::Header(*index)).next().is_some());
        let others = others.map(|(_, name)| Cow::Owned(name.to_string()));
        authorization.then_some(Cow::Borrowed(AUTHORIZATION)).into_iter().chain(others)
    }

    /// The cookies of a request without those that may hold a token: `None` when there is nothing
    /// to take out, an empty text when nothing is left.
    pub fn other_cookies(&self, head: &RequestHead) -> Option<String> {
        if !self.reads.cookies {
            return None;
        }
        let headers = head.all(Wanted::Cookie).filter_map(|value| std::str::from_utf8(value).ok());
        let whole = headers.collect::<Vec<_>>().join("; ");
        let found = self.cookie_names().any(|name| cookies::values(&whole, name).next().is_some());
        found.then(|| cookies::without(&whole, &self.cookie_names()))
    }

    fn cookie_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.all.iter().filter_map(|place| match place {
            Place::Cookie(name) => Some(&**name),
            Place::Header { .. } | Place::Query(_) => None,
        })
    }

    fn query_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.all.iter().filter_map(|place| match place {
            Place::Query(name) => Some(&**name),
            Place::Header { .. } | Place::Cookie(_) => None,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, scheme: Some(scheme) } => write!(f, "header:{name}({scheme})"),
            Self::Header { name, scheme: None } => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}
