//! Names out of a path: decoded, and refused when no store could hold them.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::wire::problem::Problem;

/// The names in a path.
pub(super) struct Names<T>(pub(super) T);

/// What can be looked through for characters that a name does not have.
pub(super) trait Texts: DeserializeOwned + Send {
    fn texts(&self) -> Vec<&str>;
}

impl Texts for String {
    fn texts(&self) -> Vec<&str> {
        vec![self]
    }
}

impl Texts for (String, String) {
    fn texts(&self) -> Vec<&str> {
        vec![&self.0, &self.1]
    }
}

impl Texts for (String, String, String) {
    fn texts(&self) -> Vec<&str> {
        vec![&self.0, &self.1, &self.2]
    }
}

impl<S: Send + Sync, T: Texts> FromRequestParts<S> for Names<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |problem| Problem::malformed("path", problem);
        let Path(names) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| wrong("must be percent-encoded UTF-8"))?;
        if names.texts().iter().any(|name| name.chars().any(char::is_control)) {
            return Err(wrong("must not have control characters"));
        }
        Ok(Self(names))
    }
}
