//! Whether `htu` names the request's target (RFC 9449 §4.3, check 9): the same URI once both are
//! normalised (RFC 3986 §6.2.2, §6.2.3), query and fragment left out.
//!
//! Normalising serves the comparison alone: what was matched and what is forwarded stays as it was
//! sent. The gateway does not see what the client typed, so the scheme, host and port come from
//! the configuration and never from the request: `host` is the client's word.

use crate::authn::hex_digit;

/// Where clients find the gateway: scheme, host and port, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicOrigin {
    secure: bool,
    host: Box<str>,
    port: u16,
}

impl PublicOrigin {
    /// From a text like `https://api.example.com`: a scheme that is `http` or `https`, a host, a
    /// port where it is another than the scheme's. `None` for anything else, a path or user
    /// information among them.
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, path) = split(text)?;
        path.is_empty().then_some(origin)
    }

    /// Whether `htu` is this origin and this path. `path` is the request's, canonical, without
    /// its query.
    pub fn is_target(&self, htu: &str, path: &str) -> bool {
        let htu = htu.split(['?', '#']).next().unwrap_or_default();
        let Some((origin, claimed)) = split(htu) else { return false };
        let Some(claimed) = normal_path(claimed) else { return false };
        origin == *self && normal_path(path) == Some(claimed)
    }
}

/// Origin and path, as it stands, of an absolute URI without query and fragment.
fn split(uri: &str) -> Option<(PublicOrigin, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
    let (host, port) = split_port(authority)?;
    let default = if secure { 443 } else { 80 };
    let port = if port.is_empty() { default } else { number(port)? };
    Some((PublicOrigin { secure, host: host.to_ascii_lowercase().into(), port }, path))
}

/// Host and port. An IP address of version 6 stands in brackets and has colons of its own.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let end = authority.rfind(']').unwrap_or_default();
    let colon = authority.rfind(':').filter(|colon| *colon > end);
    let (host, port) = authority.split_at_checked(colon.unwrap_or(authority.len()))?;
    let good = !host.is_empty() && if end > 0 { is_ip_literal(host) } else { is_name(host) };
    good.then_some((host, port.strip_prefix(':').unwrap_or(port)))
}

/// A registered name (RFC 3986 §3.2.2). No host that can be looked up needs a percent sign, so
/// none is taken: there is nothing to decode here that could mean two hosts.
fn is_name(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn is_ip_literal(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.is_some_and(|inner| {
        inner.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    })
}

/// `parse` alone would take a sign.
fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|_| !port.starts_with('+'))
}

/// A path in its normal form; `None` when a percent sign encodes nothing, or a byte is not
/// printable ASCII and so in no URI. The empty path is the root (§6.2.3).
fn normal_path(path: &str) -> Option<Vec<u8>> {
    let bytes = normal_bytes(path)?;
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut rest =
        bytes.strip_prefix(b"/").unwrap_or(&bytes).split(|byte| *byte == b'/').peekable();
    while let Some(segment) = rest.next() {
        let dots = matches!(segment, b"." | b"..");
        if segment == b".." {
            segments.pop();
        }
        if !dots {
            segments.push(segment);
        } else if rest.peek().is_none() {
            // What ends in a dot segment is a folder (RFC 3986 §5.2.4).
            segments.push(b"");
        }
    }
    Some([b"/", segments.join(&b'/').as_slice()].concat())
}

/// The bytes of a path with what needs no encoding decoded, and the digits of the rest in upper
/// case (§6.2.2.1, §6.2.2.2).
fn normal_bytes(path: &str) -> Option<Vec<u8>> {
    let mut normal = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            normal.push(Some(byte).filter(u8::is_ascii_graphic)?);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let [high, low] = digits.map(hex_digit);
        let decoded = high? << 4 | low?;
        if is_unreserved(decoded) {
            normal.push(decoded);
        } else {
            normal.push(b'%');
            normal.extend(digits.map(|digit| digit.to_ascii_uppercase()));
        }
    }
    Some(normal)
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_target(origin: &str, htu: &str, path: &str) -> bool {
        PublicOrigin::parse(origin).unwrap().is_target(htu, path)
    }

    #[test]
    fn one_uri_in_many_spellings_is_one_target() {
        let table = [
            ("https://api.example.com/r", "/r"),
            ("HTTPS://API.Example.COM/r", "/r"),
            ("https://api.example.com:443/r", "/r"),
            ("https://api.example.com:/r", "/r"),
            ("https://api.example.com/r?a=b&c=/../x", "/r"),
            ("https://api.example.com/r#f", "/r"),
            ("https://api.example.com/r?a#f?b", "/r"),
            ("https://api.example.com", "/"),
            ("https://api.example.com?a=b", "/"),
            ("https://api.example.com/", "/"),
            ("https://api.example.com/%72", "/r"),
            ("https://api.example.com/%7Ea%2d", "/~a-"),
            ("https://api.example.com/caf%c3%a9", "/caf%C3%A9"),
            ("https://api.example.com/caf%C3%A9", "/caf%c3%a9"),
            ("https://api.example.com/a/./b/../c", "/a/c"),
            ("https://api.example.com/a/%2e%2E/c", "/c"),
            ("https://api.example.com/../../a", "/a"),
            ("https://api.example.com/a/b/..", "/a/"),
            ("https://api.example.com/a/.", "/a/"),
            ("https://api.example.com/..", "/"),
            ("https://api.example.com/a//b", "/a//b"),
            ("https://api.example.com/a/", "/a/"),
        ];
        for (htu, path) in table {
            assert!(is_target("https://api.example.com", htu, path), "{htu} {path}");
        }
    }

    #[test]
    fn another_uri_is_another_target() {
        let table = [
            ("", "/"),
            ("/r", "/r"),
            ("//api.example.com/r", "/r"),
            ("api.example.com/r", "/r"),
            ("https:/api.example.com/r", "/r"),
            ("https:///r", "/r"),
            ("http://api.example.com/r", "/r"),
            ("http://api.example.com:443/r", "/r"),
            ("wss://api.example.com/r", "/r"),
            (" https://api.example.com/r", "/r"),
            ("https://api.example.com:8443/r", "/r"),
            ("https://api.example.com:0/r", "/r"),
            ("https://api.example.com:+443/r", "/r"),
            ("https://api.example.com:65979/r", "/r"),
            ("https://api.example.com:443:443/r", "/r"),
            ("https://api.example.com./r", "/r"),
            ("https://api.example.com.evil.test/r", "/r"),
            ("https://evil.test/https://api.example.com/r", "/r"),
            ("https://user@api.example.com/r", "/r"),
            ("https://api.example.com@evil.test/r", "/r"),
            ("https://api%2Eexample.com/r", "/r"),
            ("https://api.example.com\\@evil.test/r", "/r"),
            ("https://[api.example.com]/r", "/r"),
            ("https://api.example.com/R", "/r"),
            ("https://api.example.com/r/", "/r"),
            ("https://api.example.com/r ", "/r"),
            ("https://api.example.com/r%", "/r"),
            ("https://api.example.com/r%2", "/r"),
            ("https://api.example.com/r%zz", "/r"),
            ("https://api.example.com/r%00", "/r"),
            ("https://api.example.com/a%2Fb", "/a/b"),
            ("https://api.example.com/a/b", "/a%2Fb"),
            ("https://api.example.com/a//b", "/a/b"),
            ("https://api.example.com/café", "/caf%C3%A9"),
            ("https://api.example.com/r%3Fa", "/r"),
            ("https://api.example.com/a%252e", "/a."),
        ];
        for (htu, path) in table {
            assert!(!is_target("https://api.example.com", htu, path), "{htu} {path}");
        }
    }

    #[test]
    fn hosts_and_ports_of_every_kind_are_compared() {
        assert!(is_target("http://localhost:8080", "http://LOCALHOST:08080/r", "/r"));
        assert!(is_target("http://127.0.0.1:80", "http://127.0.0.1/r", "/r"));
        assert!(is_target("https://[2001:DB8::1]:443", "https://[2001:db8::1]/r", "/r"));
        assert!(!is_target("https://[2001:db8::1]:444", "https://[2001:db8::1]/r", "/r"));
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for bad in [
            "",
            "api.example.com",
            "https://",
            "https://:443",
            "ftp://a",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://a:b",
            "https://a:65536",
            "https://a b",
            "https://[::1",
            "https://::1",
            "https://[]x",
            "https://a:-1",
            "https://[::1]x:1",
        ] {
            assert_eq!(PublicOrigin::parse(bad), None, "{bad}");
        }
    }
}
