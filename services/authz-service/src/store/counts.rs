//! How much a store holds, for whoever looks at it.

use super::{ADMIN_READ_LIMIT, SqlStore, StoreError};

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Subjects.
    pub subjects: u64,
    /// Resources.
    pub resources: u64,
    /// Roles that inherit from others.
    pub roles: u64,
    /// Revocations in force.
    pub revocations: u64,
}

impl SqlStore {
    pub(super) async fn count(&self) -> Result<Counts, StoreError> {
        let sql = "SELECT (SELECT COUNT(*) FROM subjects), (SELECT COUNT(*) FROM resources), \
                   (SELECT COUNT(*) FROM roles), \
                   (SELECT COUNT(*) FROM state WHERE expires_at > $1 AND removed_at IS NULL)";
        let row = self.database.row(ADMIN_READ_LIMIT, sql, vec![self.now_in_seconds()]).await?;
        let mut row = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Counts {
            subjects: row.number()?,
            resources: row.number()?,
            roles: row.number()?,
            revocations: row.number()?,
        })
    }
}
