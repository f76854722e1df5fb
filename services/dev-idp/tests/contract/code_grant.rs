//! Signing in with a browser: who gets a code, where to, and what it is good for.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use serde_json::json;
use tower::ServiceExt;

use crate::provider::{BASE, Provider, verified};

const BACK: &str = "http%3A%2F%2Flocalhost%3A9903%2Fconsole%2Fsign-in%2Fcallback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn question(back: &str) -> String {
    format!(
        "response_type=code&client_id=authz-console&redirect_uri={back}&scope=openid&state=s%22%3E&nonce=n-1&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
}

async fn page(provider: &Provider, query: &str) -> (StatusCode, String) {
    let path = format!("{BASE}/protocol/openid-connect/auth?{query}");
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = provider.public.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Where the browser is sent after this form.
async fn signed_in(provider: &Provider, user: &str, password: &str) -> Option<String> {
    let path = format!("{BASE}/protocol/openid-connect/auth");
    let form = format!("{}&username={user}&password={password}", question(BACK));
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let response = provider.public.clone().oneshot(request).await.unwrap();
    Some(response.headers().get("location")?.to_str().unwrap().to_owned())
}

fn code(place: &str) -> &str {
    place.split_once("?code=").unwrap().1.split('&').next().unwrap()
}

fn exchange(code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=authz-console&redirect_uri={BACK}&code={code}&code_verifier={verifier}"
    )
}

#[tokio::test]
async fn a_code_is_exchanged_once_for_an_id_token_with_the_consoles_roles() {
    let provider = Provider::new();
    let place = signed_in(&provider, "testuser-cm", "testpass").await.unwrap();
    assert!(place.starts_with("http://localhost:9903/console/sign-in/callback?code="), "{place}");
    assert!(place.contains("&state=s%22%3E&iss=http%3A%2F%2Flocalhost"), "{place}");
    let answer = provider.grant(&exchange(code(&place), VERIFIER)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let keys = provider.keys().await;
    let id = verified(answer.body["id_token"].as_str().unwrap(), &keys).unwrap();
    assert_eq!((&id["aud"], &id["azp"]), (&json!("authz-console"), &json!("authz-console")));
    assert_eq!(id["nonce"], "n-1");
    assert_eq!(id["realm_access"], json!({"roles": ["operator"]}));
    let access = verified(answer.body["access_token"].as_str().unwrap(), &keys).unwrap();
    assert!(access.get("realm_access").is_none() && access.get("nonce").is_none());
    let again = provider.grant(&exchange(code(&place), VERIFIER)).await;
    assert_eq!(
        (again.status, &again.body["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
    );
}

#[tokio::test]
async fn a_code_is_of_no_use_without_its_verifier() {
    let provider = Provider::new();
    for verifier in ["", "another"] {
        let place = signed_in(&provider, "adminuser", "adminpass").await.unwrap();
        let answer = provider.grant(&exchange(code(&place), verifier)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{verifier}");
        let late = provider.grant(&exchange(code(&place), VERIFIER)).await;
        assert_eq!(late.status, StatusCode::BAD_REQUEST, "a code that was shown is used up");
    }
}

#[tokio::test]
async fn a_wrong_password_gets_the_page_again_and_no_code() {
    let provider = Provider::new();
    assert_eq!(signed_in(&provider, "adminuser", "wrong").await, None);
    assert_eq!(signed_in(&provider, "nobody", "adminpass").await, None);
}

#[tokio::test]
async fn codes_go_to_this_machines_console_alone_and_only_with_pkce() {
    let provider = Provider::new();
    let (status, text) = page(&provider, &question(BACK)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("value=\"s&#34;&#62;\"") && !text.contains("s\">\""), "{text}");
    let good = question(BACK);
    for (wrong, why) in [
        (question("https%3A%2F%2Fevil.example%2Fconsole%2Fsign-in%2Fcallback"), "elsewhere"),
        (question("http%3A%2F%2Flocalhost.evil.example%2Fconsole%2Fsign-in%2Fcallback"), "a name"),
        (
            question("http%3A%2F%2Flocalhost%3A1%40evil.example%2Fconsole%2Fsign-in%2Fcallback"),
            "a user",
        ),
        (question("http%3A%2F%2Flocalhost%3A9903%2Fother"), "another page"),
        (good.replace("authz-console", "test-client"), "another client"),
        (good.replace("S256", "plain"), "no hash"),
        (good.replace(CHALLENGE, ""), "no challenge"),
        (good.replace("scope=openid", "scope=email"), "no openid"),
        (good.replace("response_type=code", "response_type=token"), "no code"),
        ("client_id=authz-console".to_owned(), "hardly anything"),
    ] {
        let (status, text) = page(&provider, &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{why}: {text}");
    }
}
