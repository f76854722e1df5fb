//! Roles as they come out of a directory: inherited ones too, ended ones never.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use authz_service::cache::InProcessCache;
use authz_service::directory::{Directory, Identity, VersionSource};
use authz_service::entities::{Grant, Role};
use authz_service::roles::RoleName;
use authz_service::store::{Change, EntityStore, SqlStore, StoreError};
use jiff::Timestamp;

use super::{applied, entities, for_every_store, in_seconds, role, subject};

for_every_store![
    inherited_roles_follow_the_granted_ones,
    a_change_of_the_hierarchy_is_seen_within_two_seconds,
    a_role_is_gone_at_its_end,
];

fn directory(store: &Arc<SqlStore>) -> Directory {
    Directory::new(Arc::clone(store) as _, Arc::new(InProcessCache::default()))
}

/// Where the store stands, as the service asks it.
struct Standing(Arc<SqlStore>);

#[async_trait]
impl VersionSource for Standing {
    async fn version(&self) -> Result<u64, StoreError> {
        self.0.version().await.map(|version| version.0)
    }
}

fn by_id(id: &str) -> Identity {
    Identity::Subject { kind: "user".into(), id: id.into() }
}

async fn names(directory: &Directory, identity: &Identity) -> String {
    let known = directory.find(identity).await.unwrap();
    known.roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(" ")
}

async fn inherited_roles_follow_the_granted_ones(store: SqlStore) {
    let mut seed = entities();
    seed.roles = vec![Role { name: role("zeta"), parents: vec![role("beta"), role("alpha")] }];
    store.seed(&seed).await.unwrap();
    let directory = directory(&Arc::new(store));
    assert_eq!(names(&directory, &by_id("alice")).await, "zeta alpha beta");
    let by_email = Identity::of_email("alice@example.com", true);
    // The second time from the cache.
    for _ in 0..2 {
        assert_eq!(names(&directory, &by_email).await, "zeta alpha beta");
    }
}

async fn a_change_of_the_hierarchy_is_seen_within_two_seconds(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    let store = Arc::new(store);
    let directory = directory(&store);
    let watching = tokio::spawn(directory.clone().watch(Some(Arc::new(Standing(store.clone())))));
    assert_eq!(names(&directory, &by_id("alice")).await, "zeta alpha");
    let put = Change::PutRole(Role { name: role("alpha"), parents: vec![role("root")] });
    applied(&store, &put).await;
    let end = Instant::now() + Duration::from_secs(2);
    while names(&directory, &by_id("alice")).await != "zeta alpha root" {
        assert!(Instant::now() < end, "it is not seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    watching.abort();
}

async fn a_role_is_gone_at_its_end(store: SqlStore) {
    let end = in_seconds(2);
    let mut holder = subject("a");
    holder.properties.insert("email".into(), "a@example.com".into());
    let ending = Grant { role: role("soon"), expires_at: Some(end) };
    holder.roles = vec![Grant::of(role("always")), ending];
    applied(&store, &Change::PutSubject(holder)).await;
    let directory = directory(&Arc::new(store));
    for identity in [by_id("a"), Identity::of_email("a@example.com", true)] {
        let known = directory.find(&identity).await.unwrap();
        assert_eq!((known.roles.len(), known.until), (2, Some(end)));
    }
    let left = Timestamp::now().duration_until(end);
    tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    for identity in [by_id("a"), Identity::of_email("a@example.com", true)] {
        assert_eq!(names(&directory, &identity).await, "always");
    }
}
