//! Whether a request with a cookie may have been meant by whoever the cookie names. A browser adds
//! cookies to requests that any page makes it send, so a cookie alone proves nothing about a
//! request that changes something, or that opens a channel whose answers a page can read.

use crate::request::{Credentials, RequestHead, Wanted};

/// Whether a request that carries its token in a cookie may be served: by a safe method (RFC 9110
/// §9.2.1) and without an upgrade, from a page of the same origin (Fetch Metadata), or from a page
/// whose `origin` (RFC 6454 §7, as browsers write it) is allowed.
pub fn may_use_cookie(head: &RequestHead, allowed_origins: &[Box<str>]) -> bool {
    let safe = matches!(head.method(), Some("GET" | "HEAD" | "OPTIONS"));
    if safe && head.once(Wanted::Upgrade) == Credentials::Absent {
        return true;
    }
    if head.once(Wanted::FetchSite) == Credentials::One(b"same-origin") {
        return true;
    }
    match head.once(Wanted::Origin) {
        Credentials::One(origin) => allowed_origins.iter().any(|one| one.as_bytes() == origin),
        Credentials::Absent | Credentials::Several => false,
    }
}
