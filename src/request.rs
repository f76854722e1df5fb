//! A read-only view of a request's head, made from one read of all its headers.
//!
//! It holds the host's bytes as they came and where in them the few things are that a decision
//! needs. It never changes a value and never guesses: what is present twice is reported as twice.

mod canonical;
pub mod cookies;
mod host;
mod pairs;
pub mod query;

use std::borrow::Cow;
use std::ops::Range;

pub use canonical::{NotCanonical, canonical_path};
pub use host::plain_host;
pub use pairs::Pairs;

use crate::upstream::OwnHeaders;

/// The head of one request.
#[derive(Debug)]
pub struct RequestHead {
    raw: Vec<u8>,
    method: Option<Range<usize>>,
    path: Option<Range<usize>>,
    authority: Option<Range<usize>>,
    authorization: Field,
    /// Whether a header says that the stream may last.
    may_last: bool,
    /// Other headers that this policy reads, as often as they came.
    others: Vec<(Wanted, Range<usize>)>,
    /// Names, as the client spelt them, of headers that only the filter may set.
    spoofed: Vec<String>,
}

/// How often a header is present.
#[derive(Debug)]
enum Field {
    Absent,
    Once(Range<usize>),
    Several,
}

/// A header with a credential in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// There is none.
    Absent,
    /// There is one, with this value.
    One(&'a [u8]),
    /// There is more than one.
    Several,
}

/// Which headers a policy reads beside those that every policy does.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// Names of headers, lower-case: first those that may hold a token.
    pub headers: Vec<Box<str>>,
    /// Whether it matters which site a request comes from, as where a cookie may hold a token.
    pub cookies: bool,
}

/// A header that a policy reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one with this place in [`Reads::headers`].
    Header(usize),
    /// `cookie`.
    Cookie,
    /// `origin`.
    Origin,
    /// `sec-fetch-site`.
    FetchSite,
    /// `upgrade`.
    Upgrade,
    /// `dpop`, which every policy reads.
    Dpop,
}

impl Reads {
    /// Reads one more header, by its lower-case name; under what it is found.
    pub fn add(&mut self, name: &str) -> Wanted {
        let of_sites = match name {
            "dpop" => return Wanted::Dpop,
            "cookie" => Wanted::Cookie,
            "origin" => Wanted::Origin,
            "sec-fetch-site" => Wanted::FetchSite,
            "upgrade" => Wanted::Upgrade,
            _ => {
                let known = self.headers.iter().position(|one| **one == *name);
                return Wanted::Header(known.unwrap_or_else(|| {
                    self.headers.push(name.into());
                    self.headers.len() - 1
                }));
            }
        };
        self.cookies = true;
        of_sites
    }

    fn wants(&self, name: &[u8]) -> Option<Wanted> {
        if name == b"dpop" {
            return Some(Wanted::Dpop);
        }
        let of_sites = match name {
            b"cookie" => Some(Wanted::Cookie),
            b"origin" => Some(Wanted::Origin),
            b"sec-fetch-site" => Some(Wanted::FetchSite),
            b"upgrade" => Some(Wanted::Upgrade),
            _ => None,
        };
        let of_sites = of_sites.filter(|_| self.cookies);
        let index = || self.headers.iter().position(|one| one.as_bytes() == name);
        of_sites.or_else(|| index().map(Wanted::Header))
    }
}

impl RequestHead {
    /// Reads the host's serialized header map. `None` when it is not one.
    pub fn parse(raw: Vec<u8>, own: &OwnHeaders, reads: &Reads) -> Option<Self> {
        let mut head = Self {
            raw: Vec::new(),
            method: None,
            path: None,
            authority: None,
            authorization: Field::Absent,
            may_last: false,
            others: Vec::new(),
            spoofed: Vec::new(),
        };
        let pairs = Pairs::parse(&raw)?;
        let mut seen = 0;
        for (name, value) in pairs.ranges() {
            seen += 1;
            let name = raw.get(name)?;
            head.may_last |= says_it_may_last(name, || raw.get(value.clone()));
            match name {
                b":method" => head.method = Some(value),
                b":path" => head.path = Some(value),
                b":authority" => head.authority = Some(value),
                b"authorization" => head.authorization = head.authorization.and(value),
                _ if own.claims(name) => head.spoofed.push(std::str::from_utf8(name).ok()?.into()),
                _ => head.others.extend(reads.wants(name).map(|wanted| (wanted, value))),
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

    /// The path as it came, without the query.
    pub fn path(&self) -> Option<&str> {
        std::str::from_utf8(self.path_and_query()?).ok()?.split('?').next()
    }

    /// The host that the request is for, in lower case, without its port and a dot at its end;
    /// `None` when it names none, or no text.
    pub fn host(&self) -> Option<Cow<'_, str>> {
        let authority = self.raw.get(self.authority.clone()?)?;
        Some(plain_host(std::str::from_utf8(authority).ok()?))
    }

    /// Whether its stream may last: an upgrade, a stream of events, gRPC.
    pub const fn may_last(&self) -> bool {
        self.may_last
    }

    /// The `authorization` header.
    pub fn credentials(&self) -> Credentials<'_> {
        match &self.authorization {
            Field::Absent => Credentials::Absent,
            Field::Several => Credentials::Several,
            Field::Once(at) => {
                self.raw.get(at.clone()).map_or(Credentials::Several, Credentials::One)
            }
        }
    }

    /// Another header, if it came once.
    pub fn once(&self, wanted: Wanted) -> Credentials<'_> {
        let mut values = self.all(wanted);
        match (values.next(), values.next()) {
            (None, _) => Credentials::Absent,
            (Some(value), None) => Credentials::One(value),
            (Some(_), Some(_)) => Credentials::Several,
        }
    }

    /// Another header, as often as it came.
    pub fn all(&self, wanted: Wanted) -> impl Iterator<Item = &[u8]> {
        let found = self.others.iter().filter(move |(one, _)| *one == wanted);
        found.filter_map(|(_, at)| self.raw.get(at.clone()))
    }

    /// Names of headers that only the filter may set, as the client spelt them.
    pub fn spoofed(&self) -> &[String] {
        &self.spoofed
    }
}

/// Whether a header says that the stream may last. Envoy shows an extended CONNECT (RFC 8441) as an
/// upgrade, too.
fn says_it_may_last<'r>(name: &[u8], value: impl FnOnce() -> Option<&'r [u8]>) -> bool {
    match name {
        b"upgrade" => true,
        b"accept" => value().is_some_and(|types| {
            types.split(|byte| *byte == b',').any(|one| one.trim_ascii().starts_with(EVENT_STREAM))
        }),
        b"content-type" => value().is_some_and(|kind| kind.starts_with(b"application/grpc")),
        _ => false,
    }
}

const EVENT_STREAM: &[u8] = b"text/event-stream";

impl Field {
    fn and(&self, value: Range<usize>) -> Self {
        match self {
            Self::Absent => Self::Once(value),
            Self::Once(_) | Self::Several => Self::Several,
        }
    }
}
