//! Random sequences of changes, beside a model in memory: same outcomes, same contents, and an
//! audit entry for every change and for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use authz_service::entities::{Grant, Subject};
use authz_service::store::{
    AdminStore, AuditFilter, Change, EntityStore, EpochScope, Precondition, Revocation,
    RevocationKey, SqlStore, StateAnswer, StateNews, WriteError,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{actor, in_seconds, role, subject};

fn change() -> impl Strategy<Value = Change> {
    let id = || prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let name = || prop::sample::select(vec!["x", "y", "z"]).prop_map(role);
    let user = || String::from("user");
    prop_oneof![
        (id(), prop::collection::btree_set(0..3_usize, 0..3)).prop_map(|(id, roles)| {
            let roles = roles.into_iter().map(|index| Grant::of(role(["x", "y", "z"][index])));
            Change::PutSubject(Subject { roles: roles.collect(), ..subject(&id) })
        }),
        id().prop_map(move |id| Change::DeleteSubject { kind: user(), id }),
        (id(), name()).prop_map(move |(id, role)| Change::Grant {
            kind: user(),
            id,
            role,
            expires_at: None
        }),
        (id(), name()).prop_map(move |(id, role)| Change::Withdraw { kind: user(), id, role }),
        id().prop_map(|jti| Change::Revoke {
            revocation: Revocation::Token { issuer: None, jti },
            expires_at: in_seconds(3_600),
        }),
        id().prop_map(|jti| Change::Unrevoke(RevocationKey::Token { issuer: None, jti })),
        Just(Change::RaiseEpoch(EpochScope::Global)),
    ]
}

fn precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        4 => Just(Precondition::None),
        1 => Just(Precondition::Exists),
        1 => Just(Precondition::Absent),
    ]
}

#[derive(Default)]
struct Model {
    subjects: BTreeMap<String, Vec<String>>,
    revoked: BTreeSet<String>,
    epoch: bool,
    log: Vec<(String, String)>,
}

impl Model {
    fn has(&self, change: &Change) -> bool {
        match change {
            Change::PutSubject(Subject { id, .. })
            | Change::DeleteSubject { id, .. }
            | Change::Grant { id, .. }
            | Change::Withdraw { id, .. } => self.subjects.contains_key(id),
            Change::Revoke { revocation, .. } => self.revoked.contains(&revocation.key().text()),
            Change::Unrevoke(key) => self.revoked.contains(&key.text()),
            _ => self.epoch,
        }
    }

    /// What should become of it: `None` when it happens, else the name of the refusal.
    fn apply(&mut self, change: &Change, on: Precondition) -> Option<&'static str> {
        let found = self.has(change);
        if (on == Precondition::Exists && !found) || (on == Precondition::Absent && found) {
            return Some("precondition");
        }
        match change {
            Change::PutSubject(subject) => {
                let roles = subject.roles.iter().map(|grant| grant.role.as_str().to_owned());
                self.subjects.insert(subject.id.clone(), roles.collect());
            }
            Change::Revoke { revocation, .. } => {
                self.revoked.insert(revocation.key().text());
            }
            Change::RaiseEpoch(_) => self.epoch = true,
            _ if !found => return Some("not found"),
            Change::DeleteSubject { id, .. } => {
                self.subjects.remove(id);
            }
            Change::Unrevoke(key) => {
                self.revoked.remove(&key.text());
            }
            Change::Grant { id, role, .. } => {
                let roles = self.subjects.get_mut(id).unwrap();
                if !roles.iter().any(|name| name == role.as_str()) {
                    roles.push(role.as_str().to_owned());
                }
            }
            Change::Withdraw { id, role, .. } => {
                let roles = self.subjects.get_mut(id).unwrap();
                let before = roles.len();
                roles.retain(|name| name != role.as_str());
                if roles.len() == before {
                    return Some("not found");
                }
            }
            _ => unreachable!("not generated"),
        }
        self.log.push((change.action().to_owned(), change.target().id));
        None
    }
}

async fn compare(store: &SqlStore, changes: &[(Change, Precondition)]) {
    let mut model = Model::default();
    for (change, on) in changes {
        let expected = model.apply(change, *on);
        let outcome = match store.apply(change, *on, &actor(), None).await {
            Ok(applied) => {
                assert_eq!(applied.version.0, model.log.len() as u64);
                None
            }
            Err(WriteError::PreconditionFailed) => Some("precondition"),
            Err(WriteError::NotFound) => Some("not found"),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(outcome, expected, "{change:?}");
    }
    let audit = store.audit(&AuditFilter::default(), None, 10_000).await.unwrap();
    let log: Vec<_> = audit.into_iter().rev().map(|e| (e.action, e.target.id)).collect();
    assert_eq!(log, model.log);
    assert_eq!(store.version().await.unwrap().0, log.len() as u64);
    let subjects = store.subjects("user", None, 10).await.unwrap().into_iter().map(|found| {
        let roles = found.roles.iter().map(|grant| grant.role.as_str().to_owned());
        (found.id, roles.collect())
    });
    assert_eq!(subjects.collect::<BTreeMap<_, Vec<_>>>(), model.subjects);
    let StateAnswer::Chunk(feed) = store.state_since(None, 100).await.unwrap() else { panic!() };
    let revoked = feed.entries.iter().filter_map(|entry| match &entry.news {
        StateNews::Revoked { revocation, .. } => Some(revocation.key().text()),
        _ => None,
    });
    assert_eq!(revoked.collect::<BTreeSet<_>>(), model.revoked);
}

fn behaves_as_the_model(open: impl AsyncFn() -> super::Opened) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = Config { cases: 8, failure_persistence: None, ..Config::default() };
    let changes = prop::collection::vec((change(), precondition()), 1..60);
    let outcome = TestRunner::new(config).run(&changes, |changes| {
        runtime.block_on(async { compare(&open().await.store, &changes).await });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn sqlite_behaves_as_the_model() {
    behaves_as_the_model(super::in_memory);
}

#[test]
fn postgresql_behaves_as_the_model() {
    behaves_as_the_model(super::in_postgres);
}
