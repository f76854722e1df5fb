//! The token endpoint: who gets a token, what it says, how it refuses.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use dev_idp::{InvalidUsers, Users};
use serde_json::{Value, json};

use crate::provider::{BASE, ISSUER, Provider, ask, verified};

const ENTITIES: &str = include_str!("../../../demo-data/entities.json");
const CREDENTIALS: &str = include_str!("../../credentials.json");

/// user, password, email, verified
const USERS: [(&str, &str, &str, bool); 7] = [
    ("testuser-unvrfd", "testpass", "test.user-unvrfd@example.com", false),
    ("testuser-vrfd", "testpass", "test.user-vrfd@example.com", true),
    ("testuser", "testpass", "test.user@example.com", true),
    ("testuser-cm", "testpass", "test.user-cm@example.com", true),
    ("testuser-pm", "testpass", "test.user-pm@example.com", true),
    ("testuser-pcm", "testpass", "test.user-pcm@example.com", true),
    ("adminuser", "adminpass", "admin.user@example.com", true),
];

#[tokio::test]
async fn every_user_of_the_contract_gets_a_token_that_verifies() {
    let provider = Provider::new();
    let keys = provider.keys().await;
    let entities: Value = serde_json::from_str(ENTITIES).unwrap();
    for (user, password, email, email_verified) in USERS {
        let answer = provider.grant(&form(user, password)).await;
        assert_eq!(answer.status, StatusCode::OK, "{user}");
        let claims = verified(answer.body["access_token"].as_str().unwrap(), &keys).unwrap();
        let subjects = entities["subjects"].as_array().unwrap();
        let subject =
            subjects.iter().find(|s| s["properties"]["preferred_username"] == user).unwrap();
        assert_eq!(claims["sub"], subject["id"], "{user}");
        assert_eq!(claims["email"], email);
        assert_eq!(claims["email_verified"], email_verified, "{user}");
        assert_eq!(claims["name"], subject["properties"]["name"], "{user}");
    }
}

#[tokio::test]
async fn a_token_has_exactly_keycloaks_claims_and_no_roles() {
    let provider = Provider::new();
    let before = now();
    let token = provider.token().await;
    let claims = verified(&token, &provider.keys().await).unwrap();
    let iat = claims["iat"].as_u64().unwrap();
    assert!((before..=now()).contains(&iat));
    let (jti, sid) = (claims["jti"].as_str().unwrap(), claims["sid"].as_str().unwrap());
    assert!(jti.len() == 36 && sid.len() == 36 && jti != sid);
    let expected = json!({
        "exp": iat + 300, "iat": iat, "jti": jti, "iss": ISSUER, "aud": "account",
        "sub": "db5a7039-e487-42e2-b46e-e9ab78e34b09", "typ": "Bearer", "azp": "test-client",
        "sid": sid, "scope": "profile email", "email_verified": true, "name": "Test User",
        "preferred_username": "testuser", "given_name": "Test", "family_name": "User",
        "email": "test.user@example.com",
    });
    assert_eq!(claims, expected);

    let again = verified(&provider.token().await, &provider.keys().await).unwrap();
    assert!(again["jti"] != claims["jti"] && again["sid"] != claims["sid"]);
}

#[tokio::test]
async fn the_answer_is_keycloaks_and_is_never_stored() {
    let answer = Provider::new().grant(&form("adminuser", "adminpass")).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body["expires_in"], 300);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["scope"], "profile email");
    assert_eq!(answer.body.get("id_token"), None);
}

#[tokio::test]
async fn an_id_token_comes_only_with_openid_and_says_what_it_is() {
    let provider = Provider::new();
    let form = form("testuser", "testpass") + "&scope=profile+openid";
    let answer = provider.grant(&form).await;
    assert_eq!(answer.body["scope"], "openid profile email");
    let keys = provider.keys().await;
    let id = verified(answer.body["id_token"].as_str().unwrap(), &keys).unwrap();
    let access = verified(answer.body["access_token"].as_str().unwrap(), &keys).unwrap();
    assert_eq!((&id["typ"], &id["aud"]), (&json!("ID"), &json!("test-client")));
    assert_eq!((&access["typ"], &access["aud"]), (&json!("Bearer"), &json!("account")));
    assert_eq!((&id["sub"], &id["sid"]), (&access["sub"], &access["sid"]));
    assert_eq!(id.get("scope"), None);
}

#[tokio::test]
async fn the_case_of_a_user_name_does_not_matter_that_of_a_password_does() {
    let provider = Provider::new();
    assert_eq!(provider.grant(&form("AdminUser", "adminpass")).await.status, StatusCode::OK);
    let answer = provider.grant(&form("adminuser", "AdminPass")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refusals_are_keycloaks() {
    let provider = Provider::new();
    let wrong = (401, "invalid_grant", "Invalid user credentials");
    let client = (401, "invalid_client", "Invalid client or Invalid client credentials");
    let grant = (400, "unsupported_grant_type", "Unsupported grant_type");
    let cases = [
        (form("testuser", "adminpass"), wrong),
        (form("testuser", ""), wrong),
        (form("nobody", "testpass"), wrong),
        (form("", ""), wrong),
        ("grant_type=password&client_id=test-client&username=testuser".into(), wrong),
        (
            "grant_type=password&client_id=test-client&password=testpass".into(),
            (401, "invalid_request", "Missing parameter: username"),
        ),
        (form("testuser", "testpass").replace("test-client", "other"), client),
        ("grant_type=password&username=testuser&password=testpass".into(), client),
        (form("testuser", "testpass").replace("=password&", "=client_credentials&"), grant),
        (form("testuser", "testpass").replace("=password&", "=refresh_token&"), grant),
        (
            "client_id=test-client&username=testuser&password=testpass".into(),
            (400, "invalid_request", "Missing form parameter: grant_type"),
        ),
        (
            form("testuser", "testpass") + "&username=adminuser",
            (400, "invalid_request", "Malformed form"),
        ),
    ];
    for (form, (status, error, description)) in cases {
        let answer = provider.grant(&form).await;
        assert_eq!(answer.status.as_u16(), status, "{form}");
        assert_eq!(
            answer.body,
            json!({"error": error, "error_description": description}),
            "{form}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store", "{form}");
    }
}

#[tokio::test]
async fn only_a_form_is_understood() {
    let provider = Provider::new();
    let path = format!("{BASE}/protocol/openid-connect/token");
    let answer = ask(&provider.public, "POST", &path, None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["error"], "invalid_request");
    let answer = ask(&provider.public, "GET", &path, None).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
}

#[test]
fn entities_and_credentials_name_the_same_users_as_the_contract() {
    let entities: Value = serde_json::from_str(ENTITIES).unwrap();
    let credentials: Value = serde_json::from_str(CREDENTIALS).unwrap();
    let subjects = entities["subjects"].as_array().unwrap().iter();
    let mut people: Vec<&str> =
        subjects.map(|s| s["properties"]["preferred_username"].as_str().unwrap()).collect();
    let mut with_password: Vec<&str> =
        credentials.as_object().unwrap().keys().map(String::as_str).collect();
    let mut contract = USERS.map(|(user, ..)| user);
    people.sort_unstable();
    with_password.sort_unstable();
    contract.sort_unstable();
    assert_eq!(people, contract);
    assert_eq!(with_password, contract);
}

#[test]
fn users_without_password_and_passwords_without_user_are_refused() {
    let extra = CREDENTIALS.replacen('{', r#"{"somebody":"pass","#, 1);
    assert!(matches!(Users::from_json(ENTITIES, &extra),
        Err(InvalidUsers::NoUser(names)) if names == ["somebody"]));
    let fewer = CREDENTIALS.replace("testuser-cm", "testuser-xx");
    assert!(matches!(Users::from_json(ENTITIES, &fewer),
        Err(InvalidUsers::NoPassword(name)) if name == "testuser-cm"));
    assert!(matches!(Users::from_json("{}", CREDENTIALS), Err(InvalidUsers::Malformed(_))));
}

fn form(user: &str, password: &str) -> String {
    format!("grant_type=password&client_id=test-client&username={user}&password={password}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
