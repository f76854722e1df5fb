//! What the host received for a callout, read once and whole.

use super::host::{self, Map};
use crate::authz::CalloutResponse;
use crate::request::Pairs;

/// The answer to a callout.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) cache_control: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Reads the answer that the host has at hand, a byte more than `longest` of its body, so that
    /// a longer one is seen to be too long. `None` when there is none, which the host says by a
    /// header count of zero.
    pub(super) fn read(headers: usize, longest: usize) -> Option<Self> {
        if headers == 0 {
            return None;
        }
        let raw = host::headers(Map::CalloutResponse)?;
        let pairs = Pairs::parse(&raw)?;
        let value = |wanted: &[u8]| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, v)| v);
        let status = std::str::from_utf8(value(b":status")?).ok()?.parse().ok()?;
        let cache_control = pairs.iter().filter(|(name, _)| *name == b"cache-control");
        let cache_control =
            cache_control.map(|(_, value)| value).collect::<Vec<_>>().join(&b","[..]);
        Some(Self { status, cache_control, body: host::callout_body(longest + 1) })
    }

    /// As the decision point's answer.
    pub(super) fn as_response(&self) -> CalloutResponse<'_> {
        let cache_control = Some(&*self.cache_control).filter(|value| !value.is_empty());
        CalloutResponse { status: self.status, cache_control, body: &self.body }
    }
}
