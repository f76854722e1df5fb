//! Bounds that every text of a change must keep.

use crate::entities::InvalidEntities;

/// Longest name, issuer or identifier, in bytes. Two of them, escaped, fit an index of PostgreSQL.
pub(super) const MAX_TEXT_BYTES: usize = 512;

/// A name or identifier: not empty, of bounded length, without control characters, which not
/// every database can hold.
pub(super) fn fits(at: &str, text: &str) -> Result<(), InvalidEntities> {
    if text.is_empty() {
        return Err(InvalidEntities::new(at, "must not be empty"));
    }
    if text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
        let problem = format!("must be at most {MAX_TEXT_BYTES} bytes without control characters");
        return Err(InvalidEntities::new(at, &problem));
    }
    Ok(())
}

pub(super) fn not_zero(at: &str, number: u32) -> Result<(), InvalidEntities> {
    if number == 0 { Err(InvalidEntities::new(at, "must not be 0")) } else { Ok(()) }
}
