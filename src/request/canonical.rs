//! Which paths are taken as they stand. Everything that could mean one thing here and another
//! upstream is refused; nothing is ever rewritten, so what was matched is what is forwarded.
//!
//! Stricter than RFC 3986 on purpose: a percent-encoded character that needs no encoding
//! (§6.2.2.2), an encoded slash, dot, backslash, percent sign or control character, a path
//! parameter, an empty or a dot segment are all refused.

use crate::authn::hex_digit;

/// Why a path is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCanonical {
    /// There is no `:path`, or it does not start with a slash (`*` and `CONNECT` among them).
    NoPath,
    /// A byte that is not printable ASCII.
    Byte,
    /// `#`: a fragment is never sent.
    Fragment,
    /// A backslash, which some servers read as a slash.
    Backslash,
    /// `;`: servers disagree on whether a path parameter belongs to the path.
    Parameter,
    /// `//`, `/./` or `/../`.
    Segment,
    /// A percent sign that encodes nothing, or encodes what must not or need not be encoded.
    Encoding,
}

impl NotCanonical {
    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoPath => "path_missing",
            Self::Byte => "path_byte",
            Self::Fragment => "path_fragment",
            Self::Backslash => "path_backslash",
            Self::Parameter => "path_parameter",
            Self::Segment => "path_segment",
            Self::Encoding => "path_encoding",
        }
    }
}

/// The path without its query, if it is canonical. The query only has to be printable ASCII
/// without a fragment.
pub fn canonical_path(path_and_query: &[u8]) -> Result<&str, NotCanonical> {
    let text = std::str::from_utf8(path_and_query).map_err(|_| NotCanonical::Byte)?;
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(NotCanonical::Byte);
    }
    if text.contains('#') {
        return Err(NotCanonical::Fragment);
    }
    let path = text.split_once('?').map_or(text, |(path, _)| path);
    let segments = path.strip_prefix('/').ok_or(NotCanonical::NoPath)?;
    check_segments(segments)?;
    Ok(path)
}

fn check_segments(segments: &str) -> Result<(), NotCanonical> {
    let mut rest = segments.split('/').peekable();
    while let Some(segment) = rest.next() {
        let last = rest.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !last) {
            return Err(NotCanonical::Segment);
        }
        check_bytes(segment)?;
    }
    Ok(())
}

fn check_bytes(segment: &str) -> Result<(), NotCanonical> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => return Err(NotCanonical::Backslash),
            b';' => return Err(NotCanonical::Parameter),
            b'%' => {
                let encoded = hex(bytes.next()).zip(hex(bytes.next())).map(|(h, l)| h << 4 | l);
                if !encoded.is_some_and(may_be_encoded) {
                    return Err(NotCanonical::Encoding);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The value of the hexadecimal digit that comes next, if one does.
pub(super) fn hex(digit: Option<u8>) -> Option<u8> {
    hex_digit(digit?)
}

/// What may stand percent-encoded: neither unreserved (RFC 3986 §2.3, which covers the dot), nor
/// a control character, nor what changes the path's structure when decoded.
const fn may_be_encoded(byte: u8) -> bool {
    let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let structure = matches!(byte, b'/' | b'\\' | b'%');
    !unreserved && !structure && !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_taken_as_they_stand() {
        for path in ["/", "/customers", "/customers/", "/a/b.c/d~e", "/caf%C3%A9", "/a%20b", "/..a"]
        {
            assert_eq!(canonical_path(path.as_bytes()), Ok(path));
        }
        assert_eq!(canonical_path(b"/a?x=//../;\\%2f"), Ok("/a"));
    }

    #[test]
    fn everything_ambiguous_is_refused_by_its_reason() {
        use NotCanonical::*;
        let table: &[(&[u8], NotCanonical)] = &[
            (b"", NoPath),
            (b"*", NoPath),
            (b"customers", NoPath),
            (b"http://host/customers", NoPath),
            (b"//customers", Segment),
            (b"/customers//1", Segment),
            (b"/./customers", Segment),
            (b"/products/../customers", Segment),
            (b"/customers/..", Segment),
            (b"/customers/.", Segment),
            (b"/products/..%2fcustomers", Encoding),
            (b"/products/..%2Fcustomers", Encoding),
            (b"/a%5cb", Encoding),
            (b"/%2e%2e/customers", Encoding),
            (b"/%2E/customers", Encoding),
            (b"/a%00", Encoding),
            (b"/a%0d%0a", Encoding),
            (b"/a%7f", Encoding),
            (b"/a%252f", Encoding),
            (b"/%63ustomers", Encoding),
            (b"/a%", Encoding),
            (b"/a%2", Encoding),
            (b"/a%zz", Encoding),
            (b"/a%u0063", Encoding),
            (b"/customers;x", Parameter),
            (b"/customers;/1", Parameter),
            (b"/products\\..\\customers", Backslash),
            (b"/customers#x", Fragment),
            (b"/customers?x#y", Fragment),
            (b"/caf\xc3\xa9", Byte),
            (b"/\xff", Byte),
            (b"/a b", Byte),
            (b"/a\x00", Byte),
            (b"/a?\x7f", Byte),
        ];
        for (path, why) in table {
            assert_eq!(canonical_path(path), Err(*why), "{}", String::from_utf8_lossy(path));
        }
    }
}
