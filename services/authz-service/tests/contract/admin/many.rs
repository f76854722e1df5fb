//! A hundred thousand revocations, as filters read them: all there, none twice, in bounded memory, and not
//! empty or backwards after a restart. Prints what it measured.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use authz_service::store::{self, Actor, AdminStore, Change, Precondition, Revocation};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Managed;
use crate::http::Reply;

const REVOCATIONS: usize = 100_000;
/// Most that eight filters reading all of them at once may add: a few documents each, not what all of them
/// take eight times.
const MOST_KILOBYTES: u64 = 128 * 1024;

/// A filter: what it knows, and where it goes on.
#[derive(Default)]
struct Filter {
    place: Option<String>,
    tokens: HashSet<String>,
    version: u64,
    documents: usize,
    bytes: usize,
    /// Times that there was no answer.
    refused: usize,
}

impl Filter {
    fn ask(&self, managed: &Managed, headers: &[(&str, &str)]) -> Reply {
        let query = self.place.as_ref().map(|place| format!("?since={place}"));
        let path = format!("/v1/state{}", query.unwrap_or_default());
        managed.service.send("GET", &path, headers)
    }

    /// One document; whether it was the last for now. Where the store gives no answer in time, which on a
    /// busy machine it may not, a filter asks again.
    fn read(&mut self, managed: &Managed) -> bool {
        let mut reply = self.ask(managed, &[]);
        for _ in 0..50 {
            if reply.status != 503 {
                break;
            }
            self.refused += 1;
            std::thread::sleep(Duration::from_millis(200));
            reply = self.ask(managed, &[]);
        }
        assert_eq!(reply.status, 200, "{}", reply.body);
        let document = reply.json();
        // Every document of a snapshot but the first goes on where the one before ended.
        assert!(self.place.is_none() || document["snapshot"] == false, "it begins anew");
        let version = document["version"].as_u64().unwrap();
        assert!(version >= self.version, "it goes backwards");
        for entry in document["entries"].as_array().unwrap() {
            let jti = entry["jti"].as_str().unwrap().to_owned();
            assert!(self.tokens.insert(jti), "twice: {entry}");
        }
        self.place = document["place"].as_str().map(str::to_owned);
        self.version = version;
        self.documents += 1;
        self.bytes += reply.body.len();
        document["complete"] == true
    }

    fn read_all(&mut self, managed: &Managed) {
        while !self.read(managed) {}
    }
}

fn kilobytes(managed: &Managed) -> u64 {
    let status = format!("/proc/{}/status", managed.service.child.id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Revokes as many tokens as there are to be, as the service would.
fn fill(database: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = store::open(database).await.unwrap();
        let by = Actor::parse("test").unwrap();
        let now = Timestamp::now();
        let expires_at = now.saturating_add(Duration::from_secs(86_400)).unwrap();
        let issuer = Some("https://idp.example/realms/shop".to_owned());
        for n in 0..REVOCATIONS {
            let revocation = Revocation::Token { issuer: issuer.clone(), jti: name(n) };
            let change = Change::Revoke { revocation, expires_at };
            store.apply(&change, Precondition::None, &by, None).await.unwrap();
        }
    });
}

/// As long as the name of a token is.
fn name(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

#[test]
#[ignore = "takes minutes: cargo xtask test-stores"]
fn a_hundred_thousand_revocations_reach_every_filter_once_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    fill(&format!("sqlite:{}", folder.path().join("authz.db").display()));
    eprintln!("{REVOCATIONS} revocations stored in {:?}", begun.elapsed());
    let mut managed = Managed::start_in(folder, "");
    let before = kilobytes(&managed);

    let begun = Instant::now();
    let mut filter = Filter::default();
    filter.read_all(&managed);
    let (took, Filter { documents, bytes, .. }) = (begun.elapsed(), &filter);
    eprintln!("a snapshot: {documents} documents, {bytes} bytes, {took:?}");
    assert_eq!(filter.tokens.len(), REVOCATIONS);
    // Eight of them at once.
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let managed = &managed;
            scope.spawn(move || {
                let mut filter = Filter::default();
                filter.read_all(managed);
                assert_eq!(filter.tokens.len(), REVOCATIONS);
                eprintln!(
                    "{} documents, asked for again {} times",
                    filter.documents, filter.refused
                );
            });
        }
    });
    let after = kilobytes(&managed);
    eprintln!("eight at once: {:?}; memory at most {after} kB, {before} before", begun.elapsed());
    assert!(after - before < MOST_KILOBYTES, "{before} kB, then {after} kB");

    let nothing = filter.ask(&managed, &[]);
    let tag = nothing.header("etag").unwrap().to_owned();
    assert_eq!(filter.ask(&managed, &[("if-none-match", &tag)]).status, 304);
    let one = json!({"kind": "token", "jti": "one-more"});
    managed.done("POST", "/revocations", Some(&one));
    let delta = filter.ask(&managed, &[("if-none-match", &tag)]);
    assert_eq!((delta.status, delta.json()["entries"].as_array().unwrap().len()), (200, 1));
    eprintln!("a delta of one: {} bytes", delta.body.len());
    assert!(delta.body.len() < 1_024);
    assert!(filter.read(&managed) && filter.tokens.contains("one-more"));

    survives_a_restart(&mut managed, filter);
}

/// For a filter that knows everything, for one that is in the middle of a snapshot, and for a new one.
fn survives_a_restart(managed: &mut Managed, mut knows_all: Filter) {
    let mut half_way = Filter::default();
    for _ in 0..10 {
        assert!(!half_way.read(managed));
    }
    managed.restart();
    let mut new = Filter::default();
    let first: Value = new.ask(managed, &[]).json();
    assert!(first["entries"].as_array().is_some_and(|entries| !entries.is_empty()));
    assert!(first["version"].as_u64() > Some(0) && first["snapshot"] == true);
    for filter in [&mut knows_all, &mut half_way, &mut new] {
        filter.read_all(managed);
        assert_eq!(filter.tokens.len(), REVOCATIONS + 1);
    }
    managed.done("POST", "/revocations", Some(&json!({"kind": "token", "jti": "another"})));
    assert!(knows_all.read(managed) && knows_all.tokens.contains("another"));
}
