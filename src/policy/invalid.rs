//! What can be wrong with a configuration, and where: one line that names the offending entry and
//! the names that would have been right.

use std::fmt;

use super::InvalidTemplate;
use crate::cel::InvalidExpression;
use crate::config::Misplaced;

/// A configuration that cannot be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// Path of the entry, for example `routes[3] "orders-write".rules[0] "permitted".allow`.
    pub at: String,
    /// What is wrong with it.
    pub kind: InvalidKind,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// Not of the documented form; the text names what was expected.
    Form(String),
    /// A name that is not configured.
    Unknown {
        /// What kind of thing it should name.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A name that is missing where there are several.
    OneOf {
        /// What kind of thing it should name.
        what: &'static str,
        /// The names there are.
        known: Vec<String>,
    },
    /// A name used twice.
    Duplicate {
        /// What kind of thing it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A value that is missing, or out of bounds; the text says what is needed.
    Needs(&'static str),
    /// A path pattern that cannot be used.
    Template {
        /// The pattern as written.
        text: String,
        /// What is wrong with it.
        error: InvalidTemplate,
    },
    /// A header that nobody may use for this.
    ReservedHeader {
        /// Its name.
        name: String,
        /// What it cannot do.
        what: &'static str,
    },
    /// An expression that cannot be used.
    Expression(InvalidExpression),
    /// An environment variable that is not set.
    Environment(String),
}

impl InvalidPolicy {
    pub(super) fn new(at: impl Into<String>, kind: InvalidKind) -> Self {
        Self { at: at.into(), kind }
    }

    pub(super) fn document(error: &serde_json::Error) -> Self {
        Self::new("configuration", InvalidKind::Form(error.to_string()))
    }
}

impl From<Misplaced> for InvalidPolicy {
    fn from(Misplaced { at, what }: Misplaced) -> Self {
        let at = if at.is_empty() { "configuration".to_owned() } else { at };
        Self::new(at, InvalidKind::Form(what))
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.kind)
    }
}

impl std::error::Error for InvalidPolicy {}

impl fmt::Display for InvalidKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => f.write_str(text),
            Self::Unknown { what, name, known } if known.is_empty() => {
                write!(f, "unknown {what} `{name}` (none is configured)")
            }
            Self::Unknown { what, name, known } => {
                write!(f, "unknown {what} `{name}` (known: `{}`)", known.join("`, `"))
            }
            Self::OneOf { what, known } => {
                write!(f, "needs one of the {what} named (known: `{}`)", known.join("`, `"))
            }
            Self::Duplicate { what, name } => write!(f, "a second {what} named `{name}`"),
            Self::Needs(what) => write!(f, "needs {what}"),
            Self::Template { text, error } => write!(f, "`{text}` {error}"),
            Self::ReservedHeader { name, what } => {
                write!(f, "`{name}` cannot {what}: requests need it as it is")
            }
            Self::Expression(error) => error.fmt(f),
            Self::Environment(name) => write!(f, "environment variable `{name}` is not set"),
        }
    }
}
