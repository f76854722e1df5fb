//! Sets of policies in the store: a schema with the documents written against it.
//!
//! A set is kept and activated as a whole, so that nobody ever decides by half a change. Former
//! sets are kept too: going back is putting one of them again. Texts are not understood here;
//! whoever puts a set has validated it with the engine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::fits;
use super::sql::Row;
use super::version::Version;
use crate::entities::InvalidEntities;

/// How many sets are kept, the active one included.
pub const KEPT_SETS: usize = 20;
/// Most documents of a set.
const MAX_DOCUMENTS: usize = 1_000;
/// Most bytes of all texts of a set.
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// A text with policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Its name, unique in the set; errors and policies without an `@id` are named by it.
    pub name: String,
    /// Policies in Cedar's syntax.
    pub text: String,
}

/// Policies that are in force together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// The schema, in Cedar's own syntax.
    pub schema: String,
    /// The documents, in the order they are read.
    pub documents: Vec<PolicyDocument>,
}

/// When a set was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySetVersion {
    /// The store's version that activated it.
    pub version: Version,
    /// When that was.
    pub created_at: Timestamp,
}

impl PolicySet {
    pub(super) fn check(&self) -> Result<(), InvalidEntities> {
        if self.documents.is_empty() || self.documents.len() > MAX_DOCUMENTS {
            let problem = format!("must be 1 to {MAX_DOCUMENTS}");
            return Err(InvalidEntities::new("policies.documents", &problem));
        }
        let mut names = std::collections::HashSet::new();
        for (index, document) in self.documents.iter().enumerate() {
            let at = format!("policies.documents[{index}].name");
            fits(&at, &document.name)?;
            if !names.insert(&document.name) {
                return Err(InvalidEntities::new(at, "is used twice"));
            }
        }
        self.check_texts()
    }

    fn check_texts(&self) -> Result<(), InvalidEntities> {
        let texts = || self.documents.iter().map(|document| &document.text).chain([&self.schema]);
        if texts().map(String::len).sum::<usize>() > MAX_TEXT_BYTES {
            let problem = format!("more than {MAX_TEXT_BYTES} bytes in all");
            return Err(InvalidEntities::new("policies", &problem));
        }
        if texts().any(|text| text.contains('\0')) {
            return Err(InvalidEntities::new("policies", "must not contain NUL"));
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.documents.iter().map(|document| document.name.as_str()).collect()
    }

    pub(super) fn read(mut row: Row) -> Result<(Version, Self), sqlx::Error> {
        let version = row.version()?;
        Ok((version, Self { schema: row.text()?, documents: row.json()? }))
    }
}

impl PolicySetVersion {
    pub(super) fn read(mut row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self { version: row.version()?, created_at: row.instant()? })
    }
}
