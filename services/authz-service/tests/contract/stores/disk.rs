//! A disk that is full: changes fail and say that it may pass, look-ups go on, and what was
//! acknowledged is there when there is room again.

use std::path::Path;
use std::process::Command;

use authz_service::store::{
    AdminStore, AuditFilter, Change, EntityStore, SqlStore, WriteError, open,
};
use tempfile::TempDir;

use super::{applied, apply, entities, subject, url};
use crate::postgres::Postgres;

/// A folder on a small disk of its own.
struct SmallDisk {
    directory: Option<TempDir>,
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn of(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let size = format!("size={size}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path));
        Self { directory: Some(directory), path }
    }

    /// A folder in it that ends with its user; the disk stays until we do.
    fn folder(&self) -> TempDir {
        tempfile::tempdir_in(&self.path).unwrap()
    }

    fn fill(&self) {
        // Fails when the disk is full, as it should.
        let _ = std::fs::write(self.path.join("ballast"), vec![1; 512 * 1024 * 1024]);
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
        drop(self.directory.take());
    }
}

fn run(command: &mut Command) {
    let done = command.status().unwrap();
    assert!(done.success(), "a disk of our own needs root: run this with sudo");
}

/// A change of some size that does not compress.
fn large(id: &str) -> Change {
    let mut large = subject(id);
    let mut state = 88_172_645_463_325_252_u64;
    let noise: String = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    })
    .take(2_000)
    .collect();
    large.properties.insert("noise".into(), noise.into());
    Change::PutSubject(large)
}

async fn goes_on(store: &SqlStore, disk: &SmallDisk, path: &Path) {
    store.seed(&entities()).await.unwrap();
    applied(store, &large("first")).await;
    disk.fill();
    let mut acknowledged = vec!["first".to_owned()];
    let refused = loop {
        let id = format!("s{}", acknowledged.len());
        match apply(store, &large(&id)).await {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 2_000, "{} is never full", path.display());
    };
    let WriteError::Store(error) = refused else { panic!("{refused:?}") };
    assert!(error.transient, "{error:?}");
    assert!(store.subject("user", "alice").await.unwrap().is_some());
    assert!(store.subject("user", "first").await.unwrap().is_some());
    disk.make_room();
    applied(store, &large("last")).await;
    acknowledged.push("last".to_owned());
    for id in &acknowledged {
        assert!(store.subject("user", id).await.unwrap().is_some(), "{id}");
    }
    let entries = store.audit(&AuditFilter::default(), None, 10_000).await.unwrap();
    let version = store.version().await.unwrap().0;
    assert_eq!((entries.len() as u64, version), (version, acknowledged.len() as u64 + 1));
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn sqlite_on_a_full_disk_is_read_on_and_loses_nothing() {
    let disk = SmallDisk::of("4m");
    let folder = disk.folder();
    let store = open(&url(&folder)).await.unwrap();
    goes_on(&store, &disk, folder.path()).await;
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn postgresql_on_a_full_disk_is_read_on_and_loses_nothing() {
    let disk = SmallDisk::of("200m");
    let server = Postgres::start_in(disk.folder(), &["min_wal_size=48MB", "max_wal_size=64MB"]);
    let store = open(&server.database().await).await.unwrap();
    goes_on(&store, &disk, &disk.path).await;
}
