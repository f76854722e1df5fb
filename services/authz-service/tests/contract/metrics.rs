//! What operators see of caches, of word of changes, of policies and of revocations.

use std::fs;
use std::time::Duration;

use crate::http::send;
use crate::service::{ENTITIES, POLICIES, Service, bare_command, eventually, subject};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn metrics(service: &Service) -> String {
    let log = service.log();
    let address =
        log.lines().find_map(|line| line.strip_prefix("administration on http://")).unwrap();
    send(address, "GET", "/metrics", &[], None).body
}

#[track_caller]
fn assert_lines(metrics: &str, lines: &[&str]) {
    for line in lines {
        assert!(metrics.lines().any(|one| one == *line), "{line} in {metrics}");
    }
}

#[test]
fn look_ups_are_counted_by_what_they_found() {
    let service = Service::start(&["--admin-listen", "127.0.0.1:0"]);
    // When it first learns where the store stands it forgets what it has looked up before. Until
    // then the version is 0, and the seed is the first change.
    let has_version = || metrics(&service).contains("\nauthz_store_version 1\n");
    eventually(Duration::from_secs(20), "the store's version is known", has_version);
    assert_lines(&metrics(&service), &["authz_near_cache_lookups_total{outcome=\"hit\"} 0"]);
    for _ in 0..3 {
        service.evaluate(&subject("test.user@example.com", true));
    }
    // Nobody looks up whom nobody vouches for.
    service.evaluate(&subject("test.user@example.com", false));
    assert_lines(
        &metrics(&service),
        &[
            "authz_near_cache_lookups_total{outcome=\"hit\"} 2",
            "authz_near_cache_lookups_total{outcome=\"miss\"} 1",
            "authz_shared_cache_lookups_total{outcome=\"miss\"} 1",
            "authz_shared_cache_lookups_total{outcome=\"hit\"} 0",
            "authz_shared_cache_lookups_total{outcome=\"malformed\"} 0",
            "authz_invalidations_total{outcome=\"unreadable\"} 0",
        ],
    );
}

#[test]
fn policies_have_one_version_and_are_stale_while_newer_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policies/one.cedar");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::copy(format!("{POLICIES}/schema.cedarschema"), folder.path().join("schema.cedarschema"))
        .unwrap();
    fs::write(&policy, "permit (principal, action, resource);").unwrap();
    let mut command = bare_command();
    command.arg("--policies").arg(folder.path()).args(["--entities", ENTITIES]);
    let service = Service::spawn(command.args(["--admin-listen", "127.0.0.1:0"]));
    let versions = |metrics: &str| -> Vec<String> {
        let lines = metrics.lines().filter(|line| line.starts_with("authz_policies{"));
        lines.map(str::to_owned).collect()
    };
    let first = metrics(&service);
    assert_lines(&first, &["authz_policies_stale 0"]);
    assert!(versions(&first).len() == 1 && versions(&first)[0].ends_with("\"} 1"), "{first}");
    fs::write(&policy, "permit (principal, action, resourc);").unwrap();
    let limit = Duration::from_secs(10);
    let stale = |is: &str| metrics(&service).contains(&format!("authz_policies_stale {is}\n"));
    eventually(limit, "they are stale", || stale("1"));
    assert_eq!(versions(&metrics(&service)), versions(&first));
    fs::write(&policy, "permit (principal, action, resource) when { true };").unwrap();
    eventually(limit, "they are current again", || stale("0"));
    let now = versions(&metrics(&service));
    assert!(now.len() == 1 && now != versions(&first), "{now:?}");
}

#[test]
fn statements_are_counted_by_kind_and_by_what_became_of_them() {
    let service = Service::start(&["--admin-listen", "127.0.0.1:0"]);
    let stranger = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwOi8veC50ZXN0In0.AAAA";
    for form in ["logout_token=x".to_owned(), format!("logout_token={stranger}"), "x=y".into()] {
        let body = Some(form.as_bytes());
        let reply = send(&service.address, "POST", "/backchannel-logout", &[FORM], body);
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
    let body = Some(&b"x"[..]);
    assert_eq!(send(&service.address, "POST", "/security-events", &[FORM], body).status, 400);
    assert_lines(
        &metrics(&service),
        &[
            "authz_statements_total{kind=\"logout\",outcome=\"invalid\"} 2",
            "authz_statements_total{kind=\"logout\",outcome=\"issuer\"} 1",
            "authz_statements_total{kind=\"security_event\",outcome=\"invalid\"} 1",
        ],
    );
}
