//! Policies that change while the service runs.

use std::path::Path;
use std::time::Duration;

use authz_service::store::{Actor, AdminStore, Change, PolicyDocument, PolicySet, Precondition};
use serde_json::{Value, json};

use crate::postgres;
use crate::service::{ENTITIES, Service, bare_command, eventually, subject};

const SCHEMA: &str = "entity Role; entity identity in [Role]; entity route;
    action GET appliesTo { principal: [identity], resource: [route] };";
const PERMIT: &str = "@id(\"open\") permit (principal, action, resource);";
const FORBID: &str = "@id(\"shut\") forbid (principal, action, resource);";
/// A poll, a look that confirms it, and compiling.
const RELOAD: Duration = Duration::from_secs(3);

fn write(directory: &Path, name: &str, text: &str) {
    let file = directory.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn start() -> (tempfile::TempDir, Service) {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "schema.cedarschema", SCHEMA);
    write(directory.path(), "policies/a.cedar", PERMIT);
    let mut command = bare_command();
    command.args(["--entities", ENTITIES, "--policies"]).arg(directory.path());
    let service = Service::spawn(&mut command);
    (directory, service)
}

fn answer(service: &Service) -> Value {
    service.evaluate(&subject("ann@example.com", false))
}

/// Said whether or not the store answered in time, which on a busy machine it may not.
fn policies(service: &Service) -> Value {
    service.send("GET", "/health/ready", &[]).json()["policies"].clone()
}

#[test]
fn a_changed_file_decides_within_three_seconds() {
    let (directory, service) = start();
    let before = answer(&service);
    assert_eq!(before["decision"], json!(true));
    assert_eq!(policies(&service)["version"], before["context"]["policy_version"]);
    write(directory.path(), "policies/b.cedar", FORBID);
    eventually(RELOAD, "the new policy decides", || answer(&service)["decision"] == json!(false));
    let after = answer(&service);
    assert_eq!(after["context"]["policy"], "shut");
    assert_ne!(after["context"]["policy_version"], before["context"]["policy_version"]);
    assert_eq!(policies(&service)["version"], after["context"]["policy_version"]);
    std::fs::remove_file(directory.path().join("policies/b.cedar")).unwrap();
    eventually(RELOAD, "it no longer does", || answer(&service) == before);
}

#[test]
fn a_bad_set_leaves_the_old_decisions_and_says_so() {
    let (directory, service) = start();
    let before = answer(&service);
    write(directory.path(), "policies/b.cedar", "forbid (principal, action, resorce);");
    eventually(RELOAD, "it is refused", || policies(&service)["state"] == "stale");
    assert_eq!(answer(&service), before);
    assert!(service.is_ready());
    std::thread::sleep(Duration::from_secs(2));
    let log = service.log();
    assert_eq!(log.matches("policies refused").count(), 1, "{log}");
    assert!(log.contains("policies/b.cedar:1:28"), "{log}");
    write(directory.path(), "policies/b.cedar", FORBID);
    eventually(RELOAD, "the mended set decides", || answer(&service)["decision"] == json!(false));
    assert_eq!(policies(&service)["state"], "current");
}

#[test]
fn a_directory_that_disappears_leaves_the_old_decisions() {
    let (directory, service) = start();
    let before = answer(&service);
    let elsewhere = directory.path().join("elsewhere");
    std::fs::rename(directory.path().join("policies"), &elsewhere).unwrap();
    eventually(RELOAD, "it is missed", || policies(&service)["state"] == "stale");
    assert_eq!(answer(&service), before);
    std::fs::rename(&elsewhere, directory.path().join("policies")).unwrap();
    eventually(RELOAD, "it is back", || policies(&service)["state"] == "current");
    assert_eq!(answer(&service), before);
}

/// As the admin API does: another set in the same database.
async fn put(database: &str, schema: &str, text: &str) {
    let store = authz_service::store::open(database).await.unwrap();
    let documents = vec![PolicyDocument { name: "all".into(), text: text.into() }];
    let change = Change::PutPolicies(PolicySet { schema: schema.into(), documents });
    let actor = Actor::parse("test").unwrap();
    store.apply(&change, Precondition::None, &actor, None).await.unwrap();
}

fn replica(database: &str, more: &[&str]) -> Service {
    let mut command = bare_command();
    command.args(["--policies-from", "store", "--database", database, "--entities", ENTITIES]);
    Service::spawn(command.args(more))
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_follow_the_policies_of_their_store() {
    let database = postgres::database().await;
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "schema.cedarschema", SCHEMA);
    write(directory.path(), "policies/a.cedar", PERMIT);
    let first = replica(&database, &["--policies", directory.path().to_str().unwrap()]);
    // The second finds them in the store.
    let second = replica(&database, &[]);
    let decisions = || [answer(&first), answer(&second)].map(|answer| answer["decision"].clone());
    assert_eq!(decisions(), [json!(true), json!(true)]);
    assert_eq!(policies(&first)["version"], policies(&second)["version"]);
    put(&database, SCHEMA, &format!("{PERMIT}{FORBID}")).await;
    eventually(RELOAD, "both decide by the new set", || {
        decisions() == [json!(false), json!(false)]
    });
    put(&database, SCHEMA, "permit (principal, action, resorce);").await;
    eventually(RELOAD, "the bad set is seen", || policies(&first)["state"] == "stale");
    assert_eq!(decisions(), [json!(false), json!(false)]);
}

#[tokio::test]
async fn a_store_without_policies_is_nothing_to_start_from() {
    let database = postgres::database().await;
    let mut command = bare_command();
    command.args(["--policies-from", "store", "--database", &database, "--entities", ENTITIES]);
    let text = crate::process::refused(&mut command);
    assert!(text.contains("--policies-from store: it holds none"), "{text}");
}
