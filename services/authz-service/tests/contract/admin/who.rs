//! Who is let in, and for what.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Managed, admin_token, operators_address};
use crate::http::send;
use crate::service::{Service, eventually};

#[test]
fn only_a_valid_token_for_this_api_is_let_in() {
    let managed = Managed::start();
    let with = |name: &str, value: Value| {
        let mut claims = managed.claims("admin");
        claims[name] = value;
        managed.provider.sign("at+jwt", &claims)
    };
    let now = jiff::Timestamp::now().as_second();
    let without_end = {
        let mut claims = managed.claims("admin");
        claims.as_object_mut().unwrap().remove("exp");
        managed.provider.sign("at+jwt", &claims)
    };
    let good = managed.token("admin");
    let forged = good.rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    for (token, why) in [
        (with("aud", json!("account")), "a gateway's audience"),
        (with("exp", json!(now - 600)), "expired"),
        (with("iat", json!(now + 600)), "from the future"),
        (with("iss", json!("https://elsewhere.example")), "another issuer"),
        (with("sub", json!("")), "nobody"),
        (with("events", json!({})), "a logout token"),
        (managed.provider.sign("logout+jwt", &managed.claims("admin")), "another type"),
        (without_end, "without an end"),
        (forged, "forged"),
        ("authz-admin_0123456789".to_owned(), "an unknown secret"),
        ("x".to_owned(), "no token"),
    ] {
        let reply = managed.with(&token, "GET", "/info", &[], None);
        assert_eq!(reply.status, 401, "{why}: {}", reply.body);
        assert!(reply.header("www-authenticate").is_some(), "{why}");
    }
    let bare = send(&managed.address, "GET", "/admin/v1/info", &[], None);
    assert_eq!(bare.status, 401, "once an issuer is configured nobody may look without a token");
    let info = managed.with(&good, "GET", "/info", &[], None).json();
    assert_eq!(info["administrator"], json!({"actor": "admin:admin-1", "roles": ["admin"]}));
    assert_eq!(
        managed
            .with(
                &managed.provider.sign("JWT", &managed.claims("admin")),
                "GET",
                "/info",
                &[],
                None
            )
            .status,
        200
    );
    let metrics = send(&managed.address, "GET", "/metrics", &[], None).body;
    assert!(metrics.contains("authz_admin_refused_total{reason=\"token\"} 10"), "{metrics}");
    assert!(!managed.service.log().contains(&good), "a token is in the log");
}

#[test]
fn a_token_that_is_revoked_here_stops_working_at_once() {
    let managed = Managed::start();
    let now = jiff::Timestamp::now();
    let issuer = &managed.provider.issuer;
    let of = |name: &str, iat: i64| {
        let mut claims = managed.claims("admin");
        claims["jti"] = json!(name);
        claims["sid"] = json!(format!("session-{name}"));
        claims["sub"] = json!(format!("admin-{name}"));
        claims["iat"] = json!(iat);
        managed.provider.sign("at+jwt", &claims)
    };
    let operator = managed.token("operator");
    let status = |token: &str| managed.with(token, "GET", "/info", &[], None).status;
    let revoke = |body: Value| {
        let reply = managed.with(&operator, "POST", "/revocations", &[], Some(&body));
        assert_eq!(reply.status, 201, "{}", reply.body);
    };
    for (body, name, iat, other) in [
        (json!({"kind": "token", "jti": "a"}), "a", 0, "b"),
        (json!({"kind": "token", "jti": "b", "iss": issuer}), "b", 0, "c"),
        (json!({"kind": "session", "sid": "session-c"}), "c", 0, "d"),
        (json!({"kind": "session", "sid": "session-d", "iss": issuer}), "d", 0, "e"),
        (json!({"kind": "subject", "sub": "admin-e", "iss": issuer}), "e", -10, "f"),
    ] {
        let (token, other) = (of(name, now.as_second() + iat), of(other, now.as_second()));
        assert_eq!((status(&token), status(&other)), (200, 200), "{body}");
        let begun = Instant::now();
        revoke(body.clone());
        assert_eq!((status(&token), status(&other)), (401, 200), "{body}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{body}");
    }
    // Others' names, and what was issued since, go on.
    revoke(json!({"kind": "token", "jti": "f", "iss": "https://elsewhere.example"}));
    revoke(json!({"kind": "subject", "sub": "admin-f", "iss": "https://elsewhere.example"}));
    let before = jiff::Timestamp::from_second(now.as_second() - 5).unwrap().to_string();
    revoke(json!({"kind": "subject", "sub": "admin-f", "iss": issuer, "issued_before": before}));
    assert_eq!(status(&of("f", now.as_second())), 200);
    assert_eq!(status(&of("f", now.as_second() - 6)), 401);
    revoke(json!({"kind": "everyone", "issued_before": before}));
    assert_eq!(status(&of("g", now.as_second())), 200);
    assert_eq!(status(&of("g", now.as_second() - 6)), 401);
    let listed = managed.get("/revocations")["items"].clone();
    let everyone = listed.as_array().unwrap().iter().find(|one| one["kind"] == "everyone").unwrap();
    managed.done("DELETE", &format!("/revocations/{}", everyone["id"].as_str().unwrap()), None);
    assert_eq!(status(&of("g", now.as_second() - 6)), 200, "taken back");
}

#[test]
fn each_role_may_do_what_it_is_for() {
    let managed = Managed::start();
    let role = "/subjects/identity/nobody/roles/editor";
    for (who, reads, puts, grants, revokes) in [
        ("viewer", 200, 403, 403, 403),
        ("operator", 200, 403, 404, 201),
        ("admin", 200, 200, 404, 201),
        ("guest", 403, 403, 403, 403),
    ] {
        let token = managed.token(who);
        let status =
            |method, path, body: &Value| managed.with(&token, method, path, &[], Some(body)).status;
        assert_eq!(managed.with(&token, "GET", "/subjects", &[], None).status, reads, "{who}");
        assert_eq!(status("PUT", "/subjects/identity/new", &json!({})), puts, "{who}");
        assert_eq!(status("PUT", role, &json!({})), grants, "{who}");
        assert_eq!(
            status("POST", "/revocations", &json!({"kind": "token", "jti": who})),
            revokes,
            "{who}"
        );
    }
}

#[test]
fn a_secret_of_the_local_command_administers_while_it_lasts_and_is_audited() {
    let managed = Managed::start();
    let secret = admin_token(&managed.folder, "2s");
    let info = managed.with(&secret, "GET", "/info", &[], None).json();
    let actor = info["administrator"]["actor"].as_str().unwrap();
    assert!(actor.starts_with("break-glass:"), "{actor}");
    let put = managed.with(&secret, "PUT", "/roles/boss", &[], Some(&json!({"parents": []})));
    assert_eq!(put.status, 200, "{}", put.body);
    let audit = managed.get(&format!("/audit?actor={}", actor.replace(' ', "%20")));
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
    assert_eq!(actions, ["put", "issue"]);
    assert!(!audit.to_string().contains(&secret));
    eventually(Duration::from_secs(5), "the secret ends", || {
        managed.with(&secret, "GET", "/info", &[], None).status == 401
    });
}

#[test]
fn without_an_issuer_this_machine_may_look_and_nobody_may_change() {
    let service = Service::start(&["--admin-listen", "127.0.0.1:0"]);
    let address = operators_address(&service);
    assert_eq!(send(&address, "GET", "/admin/v1/subjects", &[], None).status, 200);
    let put =
        send(&address, "PUT", "/admin/v1/roles/a", &[super::JSON], Some(b"{\"parents\": []}"));
    assert_eq!(put.status, 403);
    let rebound = crate::http::send_to(&address, "evil.example", "GET", "/admin/v1/subjects");
    assert_eq!(rebound.status, 401, "a page of another name in a browser here");
    let wrong = [("authorization", "Bearer x")];
    assert_eq!(send(&address, "GET", "/admin/v1/subjects", &wrong, None).status, 401);
}
