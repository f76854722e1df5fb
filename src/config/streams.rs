//! Long-lived streams.

use serde::Deserialize;

use super::Span;

/// What becomes of a long-lived stream when the token ends that it was let through with: a
/// WebSocket or another upgrade, a stream of events (`accept: text/event-stream`), gRPC.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Streams {
    /// End it when its token has expired, the tolerated clock difference included, or has been
    /// revoked. Default: true. Else it lasts until client, service or Envoy ends it.
    #[serde(default = "yes")]
    pub end_with_token: bool,
    /// How much longer it may last, at most 1h. Default: 30s. Then it is reset.
    #[serde(default = "grace")]
    pub grace: Span,
    /// Do so with every request, also one that does not look long-lived. Default: false. Each then
    /// costs a little more.
    #[serde(default)]
    pub all_requests: bool,
}

impl Default for Streams {
    fn default() -> Self {
        Self { end_with_token: yes(), grace: grace(), all_requests: false }
    }
}

const fn yes() -> bool {
    true
}

const fn grace() -> Span {
    Span::from_secs(30)
}
