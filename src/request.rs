//! A read-only view of a request's head, made from one read of all its headers.
//!
//! It holds the host's bytes as they came and where in them the few things are that a decision
//! needs. It never changes a value and never guesses: what is present twice is reported as twice.

mod canonical;
mod pairs;

use std::ops::Range;

pub use canonical::{NotCanonical, canonical_path};
pub use pairs::Pairs;

use crate::upstream::OwnHeaders;

/// The head of one request.
#[derive(Debug)]
pub struct RequestHead {
    raw: Vec<u8>,
    method: Option<Range<usize>>,
    path: Option<Range<usize>>,
    authorization: Authorization,
    /// Names, as the client spelt them, of headers that only the filter may set.
    spoofed: Vec<String>,
}

/// How often `authorization` is present.
#[derive(Debug)]
enum Authorization {
    Absent,
    Once(Range<usize>),
    Several,
}

/// The `authorization` header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// There is none.
    Absent,
    /// There is one, with this value.
    One(&'a [u8]),
    /// There is more than one.
    Several,
}

impl RequestHead {
    /// Reads the host's serialized header map. `None` when it is not one.
    pub fn parse(raw: Vec<u8>, own: &OwnHeaders) -> Option<Self> {
        let mut head = Self {
            raw: Vec::new(),
            method: None,
            path: None,
            authorization: Authorization::Absent,
            spoofed: Vec::new(),
        };
        let pairs = Pairs::parse(&raw)?;
        let mut seen = 0;
        for (name, value) in pairs.ranges() {
            seen += 1;
            let name = raw.get(name)?;
            match name {
                b":method" => head.method = Some(value),
                b":path" => head.path = Some(value),
                b"authorization" => head.authorization = head.authorization.and(value),
                _ if own.claims(name) => head.spoofed.push(std::str::from_utf8(name).ok()?.into()),
                _ => {}
            }
        }
        let complete = seen == pairs.count();
        head.raw = raw;
        complete.then_some(head)
    }

    /// The method, if there is one and it is text.
    pub fn method(&self) -> Option<&str> {
        std::str::from_utf8(self.raw.get(self.method.clone()?)?).ok()
    }

    /// `:path` as it came, query included.
    pub fn path_and_query(&self) -> Option<&[u8]> {
        self.raw.get(self.path.clone()?)
    }

    /// The `authorization` header.
    pub fn credentials(&self) -> Credentials<'_> {
        match &self.authorization {
            Authorization::Absent => Credentials::Absent,
            Authorization::Several => Credentials::Several,
            Authorization::Once(at) => {
                self.raw.get(at.clone()).map_or(Credentials::Several, Credentials::One)
            }
        }
    }

    /// Names of headers that only the filter may set, as the client spelt them.
    pub fn spoofed(&self) -> &[String] {
        &self.spoofed
    }
}

impl Authorization {
    fn and(&self, value: Range<usize>) -> Self {
        match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Several => Self::Several,
        }
    }
}
