//! The realm's page, discovery, and what there is not.

use axum::http::StatusCode;
use dev_idp::{InvalidIssuer, Issuer};
use serde_json::json;

use crate::provider::{BASE, ISSUER, Provider, ask};

#[tokio::test]
async fn the_realms_page_shows_the_key_that_signs() {
    let answer = Provider::new().get("").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["realm"], "api-gateway-poc");
    assert_eq!(answer.body["token-service"], format!("{ISSUER}/protocol/openid-connect"));
    // The DER of every RSA-2048 public key with exponent 65537 begins like this.
    let start = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";
    assert!(answer.body["public_key"].as_str().unwrap().starts_with(start));
}

#[tokio::test]
async fn discovery_derives_every_url_from_the_issuer() {
    let answer = Provider::new().get("/.well-known/openid-configuration").await;
    assert_eq!(answer.status, StatusCode::OK);
    let expected = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/protocol/openid-connect/auth"),
        "token_endpoint": format!("{ISSUER}/protocol/openid-connect/token"),
        "jwks_uri": format!("{ISSUER}/protocol/openid-connect/certs"),
        "grant_types_supported": ["password", "authorization_code"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", "profile", "email"],
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn head_works_where_get_does() {
    let provider = Provider::new();
    for below in ["", "/.well-known/openid-configuration", "/protocol/openid-connect/certs"] {
        let head = ask(&provider.public, "HEAD", &format!("{BASE}{below}"), None).await;
        assert_eq!(head.status, StatusCode::OK, "{below}");
        let post = ask(&provider.public, "POST", &format!("{BASE}{below}"), None).await;
        assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED, "{below}");
        assert_eq!(post.headers["allow"], "GET,HEAD", "{below}");
        assert_eq!(post.body, json!({"error": "HTTP 405 Method Not Allowed"}), "{below}");
    }
}

#[tokio::test]
async fn nothing_else_is_there_and_nothing_of_the_administrators() {
    let provider = Provider::new();
    let others = [
        "/",
        "/admin",
        "/realms",
        "/realms/master",
        "/keys/rotate",
        "/stats",
        "/realms/api-gateway-poc/keys/rotate",
        "/realms/api-gateway-pocX",
        "/admin/realms/api-gateway-poc",
        "/realms/api-gateway-poc/protocol/openid-connect",
    ];
    for path in others {
        for method in ["GET", "POST"] {
            let answer = ask(&provider.public, method, path, None).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            assert_eq!(answer.body, json!({"error": "HTTP 404 Not Found"}), "{method} {path}");
        }
    }
}

#[test]
fn an_issuer_is_a_url_of_this_realm() {
    let good = [
        ISSUER,
        "https://idp.example/realms/api-gateway-poc",
        "http://[::1]:80/auth/realms/api-gateway-poc",
    ];
    for url in good {
        assert!(Issuer::new(url.to_owned()).is_ok(), "{url}");
    }
    let bad = [
        "",
        "localhost:8180/realms/api-gateway-poc",
        "http:///realms/api-gateway-poc",
        "http://localhost:8180/realms/api-gateway-poc/",
        "http://localhost:8180/realms/other",
        "ftp://localhost/realms/api-gateway-poc",
        "http://localhost:8180/api-gateway-poc",
        "http://u@localhost/realms/api-gateway-poc",
        "http://h/?/realms/api-gateway-poc",
        "http://h/a b/realms/api-gateway-poc",
        "http://h/Xrealms/api-gateway-poc",
    ];
    for url in bad {
        assert_eq!(Issuer::new(url.to_owned()), Err(InvalidIssuer), "{url}");
    }
}
