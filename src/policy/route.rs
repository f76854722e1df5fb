//! Which route a request belongs to. Pure matching: no tokens, no rules, no replies.
//!
//! Templates are Envoy's URI templates: literal segments, `*` and `{name}` for one non-empty segment
//! or the open part of one, `{name=a/*}` for several, and last `**` or `{name=**}` for whatever is
//! left. Paths are compared byte for byte and must be canonical already; hosts in their plain form.
//! The first route in the order written wins, as in Envoy.

mod host;
mod table;
mod template;
mod tree;

pub use host::HostPattern;
pub use table::{Entry, Matched, RouteTable};
pub use template::{InvalidTemplate, Template};

#[cfg(test)]
mod tests;
