//! The same of resources: near, and gone from there with the change that concerns them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use authz_service::directory::Directory;

use super::world::World;
use super::{SOON, in_process, redis, settled};

async fn state(directory: &Directory, id: &str) -> String {
    let mut found = directory.resource("record", id).await;
    while matches!(&found, Err(error) if error.transient) {
        found = directory.resource("record", id).await;
    }
    let properties = found.unwrap();
    properties
        .get("state")
        .map_or_else(|| "none".into(), |state| state.as_str().unwrap().to_owned())
}

async fn comes_to(directory: &Directory, expected: &str) {
    let end = Instant::now() + SOON;
    while state(directory, "r").await != expected {
        assert!(Instant::now() < end, "still {}", state(directory, "r").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_record_is_read_once_until_it_changes() {
    let world = World::new().await;
    let directory = world.replica(&in_process());
    settled().await;
    for _ in 0..10 {
        assert_eq!(state(&directory, "r").await, "open");
        assert_eq!(state(&directory, "unknown").await, "none");
    }
    assert_eq!(world.store.asked.load(Ordering::SeqCst), 2);
    let change = world.change_record("closed").await;
    assert_eq!(state(&directory, "r").await, "open");
    directory.announce(&change).await;
    assert_eq!(state(&directory, "r").await, "closed");
}

#[tokio::test]
async fn a_changed_record_is_known_to_the_other_replica_told_or_not() {
    let (one, other, _redis) = redis().await;
    let world = World::new().await;
    let (one, other) = (world.replica(&one), world.replica(&other));
    settled().await;
    comes_to(&other, "open").await;
    let change = world.change_record("closed").await;
    one.announce(&change).await;
    comes_to(&other, "closed").await;
    world.change_record("archived").await;
    comes_to(&other, "archived").await;
}

#[tokio::test]
async fn a_look_up_of_a_record_that_began_before_its_change_is_not_kept() {
    let world = World::new().await;
    let directory = world.replica(&in_process());
    settled().await;
    let permit = world.store.answers.acquire().await.unwrap();
    let asking = directory.clone();
    let late = tokio::spawn(async move { state(&asking, "r").await });
    while world.store.asked.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    directory.announce(&world.change_record("closed").await).await;
    drop(permit);
    assert_eq!(late.await.unwrap(), "open");
    assert_eq!(state(&directory, "r").await, "closed");
}
