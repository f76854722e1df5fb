//! The steps that bring a database to this version's form, as they are in `migrations/`.
//!
//! A step that has been released is never changed: a database knows the digest of each it has
//! taken, and refuses a service that has others. They are listed by hand because sqlx's macro
//! builds both database drivers a second time, to look for these files.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// What a step does, and the statements that do it.
type Step = (&'static str, &'static str);

const SQLITE: &[Step] = &[
    ("entities", include_str!("../../migrations/sqlite/0001_entities.sql")),
    ("changes", include_str!("../../migrations/sqlite/0002_changes.sql")),
    ("decisions", include_str!("../../migrations/sqlite/0003_decisions.sql")),
    ("admin secrets", include_str!("../../migrations/sqlite/0004_admin_secrets.sql")),
];

const POSTGRES: &[Step] = &[
    ("entities", include_str!("../../migrations/postgres/0001_entities.sql")),
    ("decisions", include_str!("../../migrations/postgres/0002_decisions.sql")),
    ("admin secrets", include_str!("../../migrations/postgres/0003_admin_secrets.sql")),
];

pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// Steps are numbered from 1. Each is a transaction.
fn migrator(steps: &[Step]) -> Migrator {
    let numbered = (1..).zip(steps).map(|(number, (does, statements))| {
        let statements = statements.into_sql_str();
        Migration::new(number, (*does).into(), MigrationType::Simple, statements, false)
    });
    Migrator::with_migrations(numbered.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step_under_its_number() {
        for (folder, steps) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            let mut files: Vec<_> = files.collect();
            files.sort();
            assert_eq!(files.len(), steps.len(), "{folder}");
            for (number, (file, (does, statements))) in (1..).zip(files.iter().zip(steps)) {
                let name = format!("{number:04}_{}.sql", does.replace(' ', "_"));
                assert_eq!(file.file_name().unwrap().to_str().unwrap(), name);
                assert_eq!(&std::fs::read_to_string(file).unwrap(), statements, "{name}");
            }
        }
    }
}
