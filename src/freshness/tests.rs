//! A feed of a few lines, and the VMs of a process that follow it.

use std::collections::BTreeMap;

use claimgate_authz_api::{EpochScope, STATE_FORMAT, StateDocument, StateEntry};

use super::name::{Kind, Names, everyone, name};
use super::*;
use crate::shared_data::{ANY, NoSharedData, OneThread};

mod faults;
mod process;

const START: u64 = 1_800_000_000_000;
const TICK: u64 = 100;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn settings() -> Settings {
    Settings {
        source: ["authz", "/v1/state", ""].map(Into::into),
        path: "/v1/state".into(),
        timeout: Duration::from_secs(1),
        interval: Duration::from_millis(400),
        max_age: Duration::from_secs(30),
        grace: Duration::from_secs(60),
        tenant: None,
    }
}

/// A feed as the service's: entries by version, documents of at most `limit` of them.
struct Feed {
    store: &'static str,
    version: u64,
    decisions: u64,
    entries: BTreeMap<u64, StateEntry>,
    limit: usize,
    asked: usize,
}

impl Feed {
    fn new() -> Self {
        Self { store: "s1", version: 1, decisions: 1, entries: BTreeMap::new(), limit: 3, asked: 0 }
    }

    fn revoke(&mut self, jti: &str) {
        self.add(StateEntry::Token { iss: None, jti: jti.into(), until: START / 1_000 + 3_600 });
    }

    fn add(&mut self, entry: StateEntry) {
        self.version += 1;
        self.entries.insert(self.version, entry);
    }

    /// The answer to a call, as `GET /v1/state` gives it.
    fn answer(&mut self, path: &str) -> Vec<u8> {
        self.asked += 1;
        let since = path.split_once("since=").map(|(_, place)| place);
        let since = since.and_then(|place| place.strip_prefix(self.store)?.strip_prefix('.'));
        let since: Option<u64> = since.and_then(|after| after.parse().ok());
        let after = since.unwrap_or(0);
        let mut later = self.entries.range(after + 1..);
        let page: Vec<_> = later.by_ref().take(self.limit).collect();
        let complete = page.len() < self.limit;
        let version = match page.last() {
            Some((last, _)) if !complete => **last,
            _ => self.version,
        };
        let document = StateDocument {
            format: STATE_FORMAT,
            store: self.store.into(),
            version,
            decisions: self.decisions,
            policies: Some("p".into()),
            snapshot: since.is_none(),
            complete,
            place: format!("{}.{version}", self.store),
            entries: page.into_iter().map(|(_, entry)| entry.clone()).collect(),
        };
        serde_json::to_vec(&document).unwrap()
    }
}

/// One VM.
struct Vm {
    feed: Freshness,
    data: Box<dyn SharedData>,
}

impl Vm {
    fn of(data: &OneThread) -> Self {
        Self { feed: Freshness::new(settings()), data: Box::new(data.clone()) }
    }

    fn alone() -> Self {
        Self { feed: Freshness::new(settings()), data: Box::new(NoSharedData) }
    }

    fn tick(&mut self, millis: u64) -> Option<String> {
        self.feed.tick(false, &*self.data, at(millis))
    }

    fn answered(&mut self, answer: Result<&[u8], FeedError>, millis: u64) -> Polled {
        self.feed.answered(answer, &*self.data, at(millis))
    }

    /// Answers the call for `path` and all that follow it.
    fn served(&mut self, mut path: String, feed: &mut Feed, millis: u64) -> Polled {
        loop {
            let answer = feed.answer(&path);
            match self.answered(Ok(&answer), millis) {
                Polled::More(next) => path = next,
                other => return other,
            }
        }
    }

    /// A tick whose poll, if there is one, is answered at once; whether there was one.
    fn run(&mut self, feed: &mut Feed, millis: u64) -> bool {
        let path = self.tick(millis);
        let polled = path.is_some();
        if let Some(path) = path {
            assert_eq!(self.served(path, feed, millis), Polled::Ended(Ok(())));
        }
        polled
    }

    fn revokes(&self, jti: &str, millis: u64) -> bool {
        self.revokes_name(name(Kind::Token, None, jti), None, millis)
    }

    fn revokes_name(&self, name: Name, iat: Option<u64>, millis: u64) -> bool {
        let iat = iat.map(Timestamp::from_secs);
        let known = self.feed.copy.known.as_ref();
        known.is_some_and(|known| known.table.revokes(&[name], || iat, at(millis)))
    }

    fn is_stale(&self, millis: u64) -> bool {
        self.feed.is_stale(at(millis))
    }

    fn revocations(&self) -> usize {
        self.feed.health(at(0)).revocations
    }
}

use super::name::Name;

#[test]
fn a_snapshot_counts_when_it_is_complete_and_what_is_new_comes_after_it() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    (0..7).for_each(|n| feed.revoke(&n.to_string()));
    let mut path = vm.tick(0).unwrap();
    assert_eq!(path, "/v1/state?limit=2000");
    for _ in 0..2 {
        let answer = feed.answer(&path);
        let Polled::More(next) = vm.answered(Ok(&answer), 0) else { panic!("ended") };
        assert!(next.starts_with("/v1/state?limit=2000&since=s1.") && !vm.feed.is_known());
        path = next;
    }
    assert_eq!(vm.served(path, &mut feed, 0), Polled::Ended(Ok(())));
    assert!((0..7).all(|n| vm.revokes(&n.to_string(), 0)) && !vm.revokes("7", 0));
    feed.revoke("7");
    assert!(!vm.run(&mut feed, 300), "too early");
    assert!(vm.run(&mut feed, 400) && vm.revokes("7", 400) && vm.revokes("0", 400));
    feed.add(StateEntry::Token { iss: None, jti: "0".into(), until: 0 });
    assert!(vm.run(&mut feed, 800) && !vm.revokes("0", 800) && vm.revokes("7", 800));
}

#[test]
fn decisions_are_old_when_a_number_or_an_epoch_changes_and_not_for_a_revocation() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    let alice = Names {
        revocable: vec![],
        subjects: vec![name(Kind::Subject, Some("idp"), "alice")],
        tenant: None,
    };
    let mut stamp = vm.feed.stamp();
    assert!(vm.feed.is_current(stamp, &Caller::Anonymous));
    let mut now = 0;
    let mut step = |feed: &mut Feed, vm: &mut Vm| {
        assert!(vm.run(feed, now));
        now += 400;
        let stands = vm.feed.copy.eras.stands(stamp.era(), || Some(&alice));
        let anonymous = vm.feed.is_current(stamp, &Caller::Anonymous);
        stamp = vm.feed.stamp();
        (stands, anonymous)
    };
    assert_eq!(step(&mut feed, &mut vm), (false, false), "before anything was known");
    feed.revoke("x");
    assert_eq!(step(&mut feed, &mut vm), (true, true));
    (feed.version, feed.decisions) = (feed.version + 1, feed.version + 1);
    assert_eq!(step(&mut feed, &mut vm), (false, false));
    assert_eq!(step(&mut feed, &mut vm), (true, true), "nothing is new");
    let epoch = |scope| StateEntry::Epoch { scope, number: 9 };
    let subject = |sub: &str| EpochScope::Subject { iss: "idp".into(), sub: sub.into() };
    feed.add(epoch(subject("alice")));
    assert_eq!(step(&mut feed, &mut vm), (false, true));
    feed.add(epoch(subject("bob")));
    assert_eq!(step(&mut feed, &mut vm), (true, true));
    feed.add(epoch(EpochScope::Tenant("t".into())));
    assert_eq!(step(&mut feed, &mut vm), (false, false));
    feed.add(epoch(EpochScope::Global));
    assert_eq!(step(&mut feed, &mut vm), (false, false));
    feed.store = "s2";
    assert_eq!(step(&mut feed, &mut vm), (false, false), "another store");
}

#[test]
fn another_store_forgets_everything_once_it_is_complete() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    feed.revoke("old");
    vm.run(&mut feed, 0);
    let mut other = Feed { store: "s2", ..Feed::new() };
    (0..4).for_each(|n| other.revoke(&n.to_string()));
    let path = vm.tick(400).unwrap();
    let answer = other.answer(&path);
    let Polled::More(path) = vm.answered(Ok(&answer), 400) else { panic!("ended") };
    assert!(vm.revokes("old", 400) && !vm.revokes("0", 400));
    assert_eq!(vm.served(path, &mut other, 400), Polled::Ended(Ok(())));
    assert!(!vm.revokes("old", 400) && vm.revokes("0", 400) && vm.revocations() == 4);
}

#[test]
fn everybodys_and_a_subjects_older_tokens_are_revoked() {
    let (mut feed, mut vm) = (Feed::new(), Vm::alone());
    let (now, until) = (START / 1_000, START / 1_000 + 3_600);
    let (iss, sub) = ("idp".to_owned(), "alice".to_owned());
    feed.add(StateEntry::Subject { iss, sub, before: now, until });
    vm.run(&mut feed, 0);
    let alice = name(Kind::Subject, Some("idp"), "alice");
    assert!(vm.revokes_name(alice, Some(now - 1), 0) && vm.revokes_name(alice, None, 0));
    assert!(!vm.revokes_name(alice, Some(now), 0));
    assert!(!vm.revokes_name(everyone(), Some(now - 1), 0));
    feed.add(StateEntry::Everyone { before: now - 10, until });
    vm.run(&mut feed, 400);
    assert!(vm.revokes_name(everyone(), Some(now - 11), 400));
    assert!(!vm.revokes_name(everyone(), Some(now - 10), 400));
}
