//! What is wrong with a document, and where: one finding each, of a kind that has a stable code.
//!
//! Codes are part of what scripts rely on: one is never given another meaning. docs/cli.md lists them.

pub(crate) mod code;

use serde_json::{Value, json};

pub(crate) use code::Code;

use crate::document::{Cursor, Place};

/// Whether a finding refuses the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The document must not be used.
    Error,
    /// It can be used, and something about it is worse than it has to be.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Its kind.
    pub(crate) code: &'static Code,
    /// Path of the entry in the document.
    pub(crate) at: String,
    /// Where that is written.
    pub(crate) place: Place,
    /// What is wrong, in one sentence.
    pub(crate) problem: String,
}

impl Finding {
    /// A finding about an entry, or about what it lacks.
    pub(crate) fn new(code: &'static Code, at: &Cursor<'_>, problem: impl Into<String>) -> Self {
        Self { code, at: at.shown().to_owned(), place: at.place, problem: problem.into() }
    }

    /// Whether it refuses the document.
    pub(crate) const fn severity(&self) -> Severity {
        self.code.severity
    }

    /// As programs read it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "code": self.code.name,
            "severity": self.severity().name(),
            "at": self.at,
            "line": self.place.map(|(line, _)| line),
            "column": self.place.map(|(_, column)| column),
            "problem": self.problem,
            "why": self.code.why,
            "instead": self.code.instead,
        })
    }
}

impl Severity {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
