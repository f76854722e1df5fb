//! Trying something without enforcing it.

use serde::Deserialize;

/// How a rule, a route's rules or a decision point's answers count.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They decide.
    #[default]
    Enforce,
    /// They are evaluated, counted and logged, and refuse nobody. Needs `until`.
    Shadow,
}
