//! The console's two cookies. Both are `__Host-` (RFC 6265bis, section 4.1.3.2): of this host alone,
//! never set by a sibling or over plain HTTP from elsewhere, and out of reach of scripts.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use super::{attempt, session};

/// A cookie.
pub(super) struct Cookie {
    name: &'static str,
    same_site: &'static str,
    max_age: u64,
}

/// The session. Strict: a page of another site that leads or posts here does so as a stranger.
pub(super) const SESSION: Cookie = Cookie {
    name: "__Host-authz-console",
    same_site: "Strict",
    max_age: session::LONGEST.as_secs(),
};

/// A sign-in under way. Lax, because the identity provider's page is what leads back with it.
pub(super) const SIGN_IN: Cookie = Cookie {
    name: "__Host-authz-console-sign-in",
    same_site: "Lax",
    max_age: attempt::LONGEST.as_secs(),
};

impl Cookie {
    /// Its value; `None` as well when there are two, of which one would be somebody else's.
    pub(super) fn of<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            pair.trim().split_once('=').filter(|(name, _)| *name == self.name).map(|(_, it)| it)
        });
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// What sets it.
    pub(super) fn set(&self, value: &str) -> Option<HeaderValue> {
        self.header(value, self.max_age)
    }

    /// What removes it.
    pub(super) fn gone(&self) -> Option<HeaderValue> {
        self.header("", 0)
    }

    fn header(&self, value: &str, max_age: u64) -> Option<HeaderValue> {
        let Self { name, same_site, .. } = self;
        HeaderValue::try_from(format!(
            "{name}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite={same_site}"
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        SESSION.of(&headers).map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_found_among_others_and_never_guessed_between_two() {
        assert_eq!(read(&["a=b; __Host-authz-console=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-authz-console=x="]).as_deref(), Some("x="));
        assert_eq!(read(&["authz-console=x"]), None);
        assert_eq!(read(&["__Host-authz-console=x; __Host-authz-console=y"]), None);
        assert_eq!(read(&["__Host-authz-console-sign-in=x"]), None);
    }
}
