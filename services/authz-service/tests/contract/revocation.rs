//! What identity providers tell us, from their signed statement to the state that filters read.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Reply, send};
use crate::provider::Provider;
use crate::service::{ENTITIES, POLICIES, Service, bare_command};

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const CREDENTIAL_CHANGE: &str =
    "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const EVENT: (&str, &str) = ("content-type", "application/secevent+jwt");

/// A service that trusts `provider`, and demands a secret of its other callers.
fn trusting(provider: &Provider, more: &str) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    let text = format!(
        "policies: {POLICIES}\nentities: {ENTITIES}\nissuers:\n- issuer: {}\n  logout-audiences: [gateway]\n  event-audiences: [https://authz.example]\n{more}",
        provider.issuer
    );
    std::fs::write(&file, text).unwrap();
    let mut command = bare_command();
    command.arg("--config").arg(&file).env("AUTHZ_SERVICE_TOKEN", TOKEN);
    (Service::spawn(&mut command), folder)
}

const TOKEN: &str = "a-secret-of-the-tests";
const BEARER: (&str, &str) = ("authorization", "Bearer a-secret-of-the-tests");

fn state(service: &Service, query: &str) -> Value {
    let reply = service.send("GET", &format!("/v1/state{query}"), &[BEARER]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

fn now() -> i64 {
    Timestamp::now().as_second()
}

fn logout_claims(provider: &Provider, jti: &str) -> Value {
    json!({"iss": provider.issuer, "aud": "gateway", "iat": now(), "exp": now() + 120, "jti": jti,
           "sid": "session-1", "sub": "alice", "events": {LOGOUT: {}}})
}

fn log_out(service: &Service, token: &str) -> Reply {
    send(
        &service.address,
        "POST",
        "/backchannel-logout",
        &[FORM],
        Some(format!("logout_token={token}").as_bytes()),
    )
}

fn tell(service: &Service, token: &str) -> Reply {
    send(&service.address, "POST", "/security-events", &[EVENT], Some(token.as_bytes()))
}

#[test]
fn a_logout_ends_its_session_within_a_second() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let before = state(&service, "");
    assert_eq!(
        (&before["snapshot"], &before["complete"], &before["entries"]),
        (&json!(true), &json!(true), &json!([]))
    );
    let begun = Instant::now();
    let reply = log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "1")));
    assert_eq!(
        (reply.status, reply.header("cache-control")),
        (200, Some("no-store")),
        "{}",
        reply.body
    );
    let place = before["place"].as_str().unwrap();
    let after = state(&service, &format!("?since={place}"));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let entry = &after["entries"][0];
    assert_eq!(
        (&entry["kind"], &entry["sid"], &entry["iss"]),
        (&json!("session"), &json!("session-1"), &json!(provider.issuer))
    );
    assert!(entry["until"].as_i64().unwrap() > now() + 3_600);
    assert_eq!(after["snapshot"], false);
    assert!(after["version"].as_u64() > before["version"].as_u64());
}

#[test]
fn a_logout_of_a_subject_leaves_its_next_login_alone() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let mut claims = logout_claims(&provider, "1");
    claims.as_object_mut().unwrap().remove("sid");
    assert_eq!(log_out(&service, &provider.sign("logout+jwt", &claims)).status, 200);
    let entry = &state(&service, "")["entries"][0];
    assert_eq!((&entry["kind"], &entry["sub"]), (&json!("subject"), &json!("alice")));
    let before = entry["before"].as_i64().unwrap();
    assert!((now()..=now() + 1).contains(&before), "{before}");
}

#[test]
fn a_statement_is_used_once() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let token = provider.sign("logout+jwt", &logout_claims(&provider, "1"));
    assert_eq!(log_out(&service, &token).status, 200);
    let again = log_out(&service, &token);
    assert_eq!(
        (again.status, again.json()["error_description"].as_str()),
        (400, Some("its jti has been used"))
    );
    let mut other = logout_claims(&provider, "1");
    other["sid"] = json!("session-2");
    assert_eq!(log_out(&service, &provider.sign("logout+jwt", &other)).status, 400);
    assert_eq!(state(&service, "")["entries"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_logout_token_changes_nothing_and_is_not_repeated() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let with = |name: &str, value: Value| {
        let mut claims = logout_claims(&provider, "secret-jti");
        claims[name] = value;
        provider.sign("logout+jwt", &claims)
    };
    let good = provider.sign("logout+jwt", &logout_claims(&provider, "secret-jti"));
    let forged = good.rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    for token in [
        with("nonce", json!("n")),
        with("events", json!({})),
        with("events", json!({LOGOUT: "x"})),
        with("events", json!([LOGOUT])),
        with("aud", json!("other")),
        with("iss", json!("https://elsewhere.example")),
        with("jti", json!("")),
        with("iat", json!(now() + 600)),
        with("iat", json!(now() - 7_200)),
        with("exp", json!(now() - 600)),
        provider.sign("at+jwt", &logout_claims(&provider, "1")),
        provider.sign("secevent+jwt", &logout_claims(&provider, "1")),
        forged,
        "x".into(),
        String::new(),
        "a.b.c".into(),
    ] {
        let reply = log_out(&service, &token);
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert_eq!(reply.json()["error"], "invalid_request");
        assert!(!reply.body.contains("secret-jti") && !reply.body.contains("elsewhere"));
    }
    let mut nobody = logout_claims(&provider, "2");
    for name in ["sid", "sub"] {
        nobody.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(log_out(&service, &provider.sign("logout+jwt", &nobody)).status, 400);
    assert_eq!(
        send(
            &service.address,
            "POST",
            "/backchannel-logout",
            &[("content-type", "text/plain")],
            Some(b"x")
        )
        .status,
        400
    );
    assert_eq!(state(&service, "")["entries"], json!([]));
    assert!(!service.log().contains("secret-jti"));
}

#[test]
fn security_events_revoke_sessions_and_subjects() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let event = |jti: &str, kind: &str, sub_id: Value, event: Value| {
        provider.sign(
            "secevent+jwt",
            &json!({"iss": provider.issuer, "aud": ["https://authz.example"],
            "iat": now(), "jti": jti, "sub_id": sub_id, "events": {kind: event}}),
        )
    };
    let user = json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "bob"});
    let session =
        json!({"format": "complex", "user": user, "session": {"format": "opaque", "id": "s-9"}});
    let happened = json!({"event_timestamp": now() - 100});
    assert_eq!(
        tell(&service, &event("1", SESSION_REVOKED, session.clone(), happened.clone())).status,
        202
    );
    assert_eq!(
        tell(&service, &event("2", CREDENTIAL_CHANGE, session, happened.clone())).status,
        202
    );
    assert_eq!(tell(&service, &event("3", SESSION_REVOKED, user, json!({}))).status, 202);
    let entries = state(&service, "")["entries"].clone();
    assert_eq!(entries[0]["sid"], "s-9");
    let subject = entries.as_array().unwrap().last().unwrap();
    assert_eq!((&subject["iss"], &subject["sub"]), (&json!("https://idp.example"), &json!("bob")));
    assert!(subject["before"].as_i64().unwrap() >= now() - 1, "the later of both: {subject}");
    assert_eq!(entries.as_array().unwrap().len(), 2);
    let unknown = event("4", "https://example.com/other", json!({}), json!({}));
    assert_eq!(tell(&service, &unknown).status, 202);
    let email = json!({"format": "email", "email": "bob@example.com"});
    let untold = tell(&service, &event("5", SESSION_REVOKED, email, happened));
    assert_eq!((untold.status, untold.json()["err"].as_str()), (400, Some("invalid_request")));
    assert!(!untold.body.contains("bob@example.com"));
    let mut foreign = json!({"iss": "https://elsewhere.example", "aud": "x", "iat": now(), "jti": "6", "events": {}});
    let reply = tell(&service, &provider.sign("secevent+jwt", &foreign));
    assert_eq!((reply.status, reply.json()["err"].as_str()), (400, Some("invalid_issuer")));
    foreign["iss"] = json!(provider.issuer);
    assert_eq!(tell(&service, &provider.sign("secevent+jwt", &foreign)).status, 400);
    assert_eq!(state(&service, "")["entries"].as_array().unwrap().len(), 2);
}

#[test]
fn made_up_keys_do_not_make_us_ask_the_provider_often() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let header = json!({"alg": "RS256", "kid": "made-up", "typ": "logout+jwt"});
    let token = claimgate_corpus::sign::Signer::new().token(
        "RS256",
        &header,
        &logout_claims(&provider, "1"),
    );
    for _ in 0..50 {
        assert_eq!(log_out(&service, &token).status, 400);
    }
    assert!(provider.asked() <= 3, "{}", provider.asked());
    assert_eq!(
        log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "2"))).status,
        200
    );
}

#[test]
fn without_the_provider_s_keys_a_logout_is_not_acknowledged() {
    let provider = Provider::start();
    for (status, body) in [(500, "x"), (200, "<html>"), (200, r#"{"keys":[]}"#)] {
        provider.answers(status, body);
        let (service, _folder) = trusting(&provider, "");
        let reply = log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "1")));
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{body}");
    }
    provider.answers(200, &claimgate_corpus::sign::jwks().to_string());
    let (service, _folder) = trusting(&provider, "");
    assert_eq!(
        log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "1"))).status,
        200
    );
}

#[test]
fn the_state_survives_a_restart_and_never_goes_back() {
    let provider = Provider::start();
    let folder = tempfile::tempdir().unwrap();
    let database = format!("database: sqlite:{}\n", folder.path().join("authz.db").display());
    let (service, _config) = trusting(&provider, &database);
    log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "1")));
    let before = state(&service, "");
    drop(service);
    let (service, _config) = trusting(&provider, &database);
    let after = state(&service, "");
    assert_eq!(
        (&after["store"], &after["version"], &after["entries"]),
        (&before["store"], &before["version"], &before["entries"])
    );
    let place = before["place"].as_str().unwrap();
    let news = state(&service, &format!("?since={place}"));
    assert_eq!((&news["snapshot"], &news["entries"]), (&json!(false), &json!([])));
    let token = provider.sign("logout+jwt", &logout_claims(&provider, "1"));
    assert_eq!(log_out(&service, &token).status, 400, "its jti is still used");
}

#[test]
fn a_reader_with_nothing_new_to_read_gets_304() {
    let provider = Provider::start();
    let (service, _folder) = trusting(&provider, "");
    let place = state(&service, "")["place"].as_str().unwrap().to_owned();
    let path = format!("/v1/state?since={place}");
    let reply = service.send("GET", &path, &[BEARER]);
    let etag = reply.header("etag").unwrap();
    let again = service.send("GET", &path, &[BEARER, ("if-none-match", etag)]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    log_out(&service, &provider.sign("logout+jwt", &logout_claims(&provider, "1")));
    assert_eq!(service.send("GET", &path, &[BEARER, ("if-none-match", etag)]).status, 200);
    for odd in ["nonsense", "other-store.1.1", &format!("{place}x")] {
        assert_eq!(state(&service, &format!("?since={odd}"))["snapshot"], true, "{odd}");
    }
    assert_eq!(service.send("GET", "/v1/state", &[]).status, 401);
    assert_eq!(service.send("GET", "/v1/state?limit=x", &[BEARER]).status, 400);
}
