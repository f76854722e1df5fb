//! Hosts as they are compared: whatever spelling a client chose, one host is one text.

use std::borrow::Cow;

/// An authority without its port and a dot at its end, in lower case.
pub fn plain_host(authority: &str) -> Cow<'_, str> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) && (!host.contains(':') || host.ends_with(']')) => host,
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return host.to_ascii_lowercase().into();
    }
    host.into()
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::plain_host;

    #[test]
    fn one_host_is_one_text() {
        for (authority, host) in [
            ("api.example", "api.example"),
            ("API.Example:443", "api.example"),
            ("api.example.:8080", "api.example"),
            ("api.example.", "api.example"),
            ("api.example:", "api.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("api.example:x", "api.example:x"),
            ("", ""),
        ] {
            assert_eq!(plain_host(authority), host, "{authority}");
        }
    }
}
