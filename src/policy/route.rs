//! Which route a request belongs to. Pure matching: no tokens, no rules, no replies.
//!
//! Templates are Envoy's URI templates: literal segments, `{name}` for one non-empty segment, and
//! last `{name=**}` for whatever is left. Paths are compared byte for byte and must be canonical
//! already. The first route in the order written wins, as in Envoy.

mod table;
mod template;
mod tree;

pub use table::{Matched, RouteTable};
pub use template::{InvalidTemplate, Template};

#[cfg(test)]
mod tests;
