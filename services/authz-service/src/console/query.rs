//! Queries of pages, as forms send them: with every field, filled in or not, and instants as a
//! browser's field for them has them.

use axum::http::Uri;
use jiff::Timestamp;

use crate::admin::page::{Wanted, pairs};
use crate::wire::problem::Problem;

/// Rows of a page, unless its reader says how many.
const ROWS: &str = "50";

/// The query of a page.
pub(super) struct Filled(Vec<(String, String)>);

impl Filled {
    /// The fields that are filled in.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        let filled = pairs(uri)?.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        Ok(Self(filled.filter(|(_, value)| !value.is_empty()).collect()))
    }

    /// A field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field's text, empty when it is not filled in.
    pub(super) fn text(&self, name: &str) -> String {
        self.value(name).unwrap_or_default().to_owned()
    }

    /// The page of `list` that is wanted; `filters` are those the API has.
    pub(super) fn wanted(
        &self,
        (list, filters): (&'static str, &[&str]),
    ) -> Result<Wanted, Problem> {
        let mut pairs = self.0.clone();
        pairs.retain(|(name, _)| name != "done");
        if self.value("limit").is_none() {
            pairs.push(("limit".to_owned(), ROWS.to_owned()));
        }
        for (name, value) in &mut pairs {
            if ["since", "until"].contains(&name.as_str()) {
                *value = in_utc(value);
            }
        }
        Wanted::of(list, pairs, filters)
    }
}

/// `2026-01-02T03:04` is what a browser's field says; all our times are UTC.
fn in_utc(text: &str) -> String {
    match text.len() {
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    }
}

/// The instant of a browser's field.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    in_utc(text).parse().ok()
}

/// An instant for people, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
