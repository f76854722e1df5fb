//! Which hosts a route is for.

use crate::request::plain_host;

/// One host, or all below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Is(Box<str>),
    /// Every host that ends like this: a dot and a name (`*.example.com`).
    Below(Box<str>),
}

impl HostPattern {
    /// Reads `api.example.com` or `*.example.com`; `None` for what no request's host could be like:
    /// upper case, a port, a dot at its end.
    pub(in crate::policy) fn new(text: &str) -> Option<Self> {
        let (below, name) = text.strip_prefix('*').map_or((false, text), |name| (true, name));
        let rest = if below { name.strip_prefix('.')? } else { name };
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"*/?#@\\\"".contains(&byte);
        let good = !rest.is_empty() && rest.bytes().all(plain) && plain_host(rest) == rest;
        let pattern = if below { Self::Below(name.into()) } else { Self::Is(name.into()) };
        good.then_some(pattern)
    }

    /// Whether a host, in its plain form, is like this.
    pub fn takes(&self, host: &str) -> bool {
        match self {
            Self::Is(name) => **name == *host,
            Self::Below(name) => host.len() > name.len() && host.ends_with(&**name),
        }
    }
}
