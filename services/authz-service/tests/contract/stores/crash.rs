//! A process that is killed in the middle of a thousand changes: every acknowledged one is there,
//! and none has lost its audit entry.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use authz_service::store::{AdminStore, AuditFilter, Change, EntityStore, Version, open};

use super::{applied, subject, url};
use crate::postgres;

/// Names the database to the process that writes.
const DATABASE: &str = "CLAIMGATE_TEST_DATABASE";
const WRITER: &str = "stores::crash::the_process_that_writes";
const CHANGES: u64 = 1_000;
/// After how many acknowledgements each process is killed; together they make the thousand.
const KILLED_AFTER: [u64; 4] = [1, 120, 333, 400];

/// Not a test of its own: the other ones run it as a process.
#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn the_process_that_writes() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let store = open(&url).await.unwrap();
    for _ in 0..CHANGES {
        let next = store.version().await.unwrap().0 + 1;
        let done = applied(&store, &Change::PutSubject(subject(&format!("s{next}")))).await;
        eprintln!("acknowledged {} s{next}", done.version);
    }
}

/// Starts the writer and kills it; answers with what it said was done.
fn acknowledged(url: &str, killed_after: u64) -> Vec<(Version, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", WRITER])
        .env(DATABASE, url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        let Some(said) = line.strip_prefix("acknowledged ") else { continue };
        let (version, id) = said.split_once(' ').unwrap();
        acknowledged.push((Version(version.parse().unwrap()), id.to_owned()));
        if acknowledged.len() as u64 == killed_after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() as u64 >= killed_after, "it ended by itself");
    acknowledged
}

async fn nothing_is_lost(url: &str) {
    let mut all = Vec::new();
    for killed_after in KILLED_AFTER {
        all.extend(acknowledged(url, killed_after));
        let store = open(url).await.unwrap();
        for (version, id) in &all {
            let found = store.stored_subject("user", id).await.unwrap();
            assert_eq!(found.expect("it was acknowledged").etag.0, *version);
        }
        let version = store.version().await.unwrap().0;
        // More may have been done than could be said.
        assert!((all.len() as u64..).contains(&version), "{version}");
        let audit = store.audit(&AuditFilter::default(), None, 10_000).await.unwrap();
        let versions: Vec<_> = audit.iter().map(|entry| entry.version.0).collect();
        assert_eq!(versions, (1..=version).rev().collect::<Vec<_>>());
        assert_eq!(store.all_subjects(None, 10_000).await.unwrap().len() as u64, version);
    }
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn a_file_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    nothing_is_lost(&url(&directory)).await;
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn postgresql_loses_nothing() {
    nothing_is_lost(&postgres::database().await).await;
}
