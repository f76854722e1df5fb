//! Why an expression cannot be used, in one line.

use std::fmt;

use super::scan;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidExpression {
    /// It has more bytes than we take.
    TooLong,
    /// It nests deeper than we take.
    TooDeep,
    /// It would take more steps than we take.
    TooCostly,
    /// The parser does not take it; the first thing it says.
    Syntax(String),
    /// It names something that is not there.
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// The name as written.
        name: String,
        /// What there is.
        known: String,
    },
    /// It uses something that we leave out of the language.
    Refused(&'static str),
    /// It looks at a header that it must not look at; why.
    Header(String),
    /// A function is called in another way than it can be; how it can.
    Usage(&'static str),
    /// On samples of what it looks at it fails; why.
    Fails(String),
    /// On samples of what it looks at it yields something that is neither true nor false.
    NoCondition(String),
}

impl fmt::Display for InvalidExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "is longer than {} bytes", scan::MAX_LENGTH),
            Self::TooDeep => f.write_str("nests too deep"),
            Self::TooCostly => f.write_str("has too many parts"),
            Self::Syntax(text) => write!(f, "cannot be read: {text}"),
            Self::Unknown { what, name, known } if known.is_empty() => {
                write!(f, "unknown {what} `{name}` (there is none)")
            }
            Self::Unknown { what, name, known } => {
                write!(f, "unknown {what} `{name}` (known: {known})")
            }
            Self::Refused(what) => write!(f, "{what} cannot be used here"),
            Self::Header(why) => write!(f, "looks at {why}"),
            Self::Usage(usage) => write!(f, "a function is called as `{usage}`"),
            Self::Fails(why) => write!(f, "fails on a sample of what it looks at: {why}"),
            Self::NoCondition(kind) => {
                write!(f, "is no condition: on a sample its type is {kind}, not bool")
            }
        }
    }
}

impl std::error::Error for InvalidExpression {}
