//! Why a template cannot be used.

use std::fmt;

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidTemplate {
    /// It could never match, because canonical paths look otherwise.
    NotCanonical,
    /// A segment that is neither literal nor one of the open forms.
    Variable,
    /// The same variable twice.
    Repeated(Box<str>),
    /// Something other than an ending follows `**`.
    RestNotLast,
    /// More than one `*` or `{name}` in a segment.
    Several,
    /// A prefix with variables or a trailing slash.
    Prefix,
}

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCanonical => f.write_str(
                "is not a canonical path: it starts with `/` and has no empty, dot or \
                 needlessly encoded segment, no query, `;` or `\\`",
            ),
            Self::Variable => f.write_str(
                "has a segment that is neither literal nor `*`, `{name}`, `{name=a/*}` or \
                 `{name=**}`",
            ),
            Self::Repeated(name) => write!(f, "names the variable `{name}` twice"),
            Self::RestNotLast => f.write_str("has a segment after `**`"),
            Self::Several => f.write_str("has more than one `*` or `{name}` in a segment"),
            Self::Prefix => f.write_str("is no prefix: it has a variable or ends with `/`"),
        }
    }
}
