//! Lists in pages, and the filters beside them. A cursor is opaque to clients, belongs to one
//! list, and grants nothing: it only says where to go on.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;

use super::answer;
use crate::wire::problem::Problem;

/// Entries of a page, unless the client says how many.
pub(super) const DEFAULT_LIMIT: u32 = 100;
/// Most entries of a page.
pub(super) const MAX_LIMIT: u32 = 1_000;

/// The query of a request for a list.
pub(crate) struct Wanted {
    list: &'static str,
    values: HashMap<String, String>,
}

impl Wanted {
    /// Reads the query for `list`, which has these filters.
    pub(super) fn read(list: &'static str, uri: &Uri, filters: &[&str]) -> Result<Self, Problem> {
        Self::of(list, pairs(uri)?, filters)
    }

    /// As [`Wanted::read`], from the parameters of the query.
    pub(crate) fn of(
        list: &'static str,
        pairs: Vec<(String, String)>,
        filters: &[&str],
    ) -> Result<Self, Problem> {
        let mut values = HashMap::new();
        for (name, value) in pairs {
            if !filters.contains(&name.as_str()) && !["limit", "after"].contains(&name.as_str()) {
                // A misspelt filter must not answer with everything.
                return Err(Problem::malformed("query", "has a parameter that is not known"));
            }
            if value.chars().any(char::is_control) {
                return Err(Problem::malformed(name, "must not have control characters"));
            }
            if values.insert(name.clone(), value).is_some() {
                return Err(Problem::malformed(name, "must be there once"));
            }
        }
        Ok(Self { list, values })
    }

    /// The filter of this name.
    pub(crate) fn filter(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The filter of this name as an instant.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let instant = self.filter(name).map(str::parse).transpose();
        instant.map_err(|_| Problem::malformed(name, "must be an instant (RFC 3339)"))
    }

    /// How many entries a page has.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let Some(limit) = self.filter("limit") else { return Ok(DEFAULT_LIMIT) };
        let limit = limit.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| Problem::malformed("limit", "must be a number from 1 to 1000"))
    }

    /// Where the page before ended: as many texts as such a place has.
    pub(super) fn after<const N: usize>(&self) -> Result<Option<[String; N]>, Problem> {
        let Some(cursor) = self.filter("after") else { return Ok(None) };
        let place = self.open(cursor).and_then(|place| place.try_into().ok());
        let wrong = || Problem::malformed("after", "must be the `next` of a page of this list");
        place.map(Some).ok_or_else(wrong)
    }

    /// The place before which a number was.
    pub(super) fn after_number(&self) -> Result<Option<u64>, Problem> {
        let wrong = || Problem::malformed("after", "must be the `next` of a page of this list");
        match self.after::<1>()? {
            Some([number]) => {
                // A database counts with a sign.
                let number = number.parse().ok().filter(|n| i64::try_from(*n).is_ok());
                number.map(Some).ok_or_else(wrong)
            }
            None => Ok(None),
        }
    }

    /// A page of what was found, of which one more than wanted was read, with each entry's place.
    pub(super) fn page<T>(
        &self,
        mut found: Vec<T>,
        place: impl Fn(&T) -> Vec<String>,
    ) -> Result<Page<T>, Problem> {
        let limit = usize::try_from(self.limit()?).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| self.seal(&place(last)));
        Ok(Page { items: found, next })
    }

    fn seal(&self, place: &[String]) -> String {
        // Texts always encode.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(self.list, place)).unwrap_or_default())
    }

    fn open(&self, cursor: &str) -> Option<Vec<String>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (list, place): (String, Vec<String>) = serde_json::from_slice(&bytes).ok()?;
        let is_clean = place.iter().all(|text| !text.chars().any(char::is_control));
        (list == self.list && is_clean).then_some(place)
    }
}

/// The parameters of a query.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs.map(|pairs| pairs.0).map_err(|_| Problem::malformed("query", "cannot be read"))
}

/// A page of a list.
#[derive(Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next one begins; `None` on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// The page as it goes over the wire, each entry as it looks.
    pub(super) fn answer<V: Serialize>(self, look: impl Fn(T) -> V) -> Response {
        let items: Vec<_> = self.items.into_iter().map(look).collect();
        answer::json(StatusCode::OK, &Page { items, next: self.next })
    }
}
