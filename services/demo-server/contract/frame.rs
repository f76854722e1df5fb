//! What docs/contract.md asks of every demo service: health, the gateway's secret, methods,
//! unknown paths, the form of bodies. Each service's contract tests include it and say, by the
//! macros `record` and `records`, what it serves.

use axum::http::StatusCode;
use serde_json::Value;

use crate::shop::{SECRET, ask, get, service};

const HEALTH: &str = concat!("/", records!(), "/health");
const LIST: &str = concat!("/", records!());
const ITEM: &str = concat!("/", records!(), "/1");
const MANAGER: (&str, &str) = ("x-user-roles", "user,customer-manager");

#[tokio::test]
async fn health_needs_neither_secret_nor_identity() {
    let answer = ask(&service(), "GET", HEALTH, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json");
    let start =
        concat!(r#"{"status":"healthy","service":""#, record!(), r#"-service","timestamp":"20"#);
    assert!(answer.body.starts_with(start), "{}", answer.body);
    assert!(answer.body.ends_with(r#"Z","version":"1.0.0"}"#), "{}", answer.body);
}

#[tokio::test]
async fn everything_but_health_is_refused_without_the_secret() {
    let almost = &SECRET[..SECRET.len() - 1];
    let longer = format!("{SECRET}x");
    let upper = SECRET.to_uppercase();
    let beside_health = [format!("{HEALTH}X"), format!("{HEALTH}/x")];
    let beside_health = beside_health.each_ref().map(String::as_str);
    for path in [LIST, ITEM, "/nowhere", "/"].into_iter().chain(beside_health) {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            for sent in [None, Some(""), Some(almost), Some(&longer), Some(&upper)] {
                let secret = sent.map(|value| ("x-gateway-secret", value));
                let headers: Vec<_> = secret.into_iter().chain([MANAGER]).collect();
                let answer = ask(&service(), method, path, &headers).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {sent:?}");
                if method != "HEAD" {
                    let expected = r#"{"detail":"Requests must come through the gateway."}"#;
                    assert_eq!(answer.body, expected, "{method} {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_second_secret_header_is_refused_even_when_both_are_right() {
    let headers = [("x-gateway-secret", SECRET), ("x-gateway-secret", SECRET), MANAGER];
    let answer = ask(&service(), "GET", LIST, &headers).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    for path in [HEALTH, LIST, ITEM] {
        let get = get(path, &[MANAGER]).await;
        let headers = [("x-gateway-secret", SECRET), MANAGER];
        let head = ask(&service(), "HEAD", path, &headers).await;
        assert_eq!(head.status, StatusCode::OK, "{path}");
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.headers["content-length"], get.body.len().to_string(), "{path}");
        assert_eq!(head.headers["content-type"], get.headers["content-type"], "{path}");
    }
}

#[tokio::test]
async fn other_methods_are_405_and_say_what_is_allowed() {
    for path in [HEALTH, LIST, ITEM] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
            let answer = ask(&service(), method, path, &[("x-gateway-secret", SECRET)]).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET,HEAD", "{method} {path}");
            assert_eq!(answer.body, r#"{"detail":"Method Not Allowed"}"#, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let near = ["X", "/", "/1/", "/1/2/3"].map(|rest| format!("{LIST}{rest}"));
    for path in ["/", "/nowhere"].into_iter().chain(near.each_ref().map(String::as_str)) {
        let answer = get(path, &[MANAGER]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.body, r#"{"detail":"Not Found"}"#, "{path}");
    }
}

#[tokio::test]
async fn an_id_that_is_no_integer_is_422_with_a_list_of_complaints() {
    for (path, input) in
        [("abc", "abc"), ("1.5", "1.5"), ("%31x", "1x"), ("-", "-"), ("%FF", "%FF")]
    {
        let answer = get(&format!("{LIST}/{path}"), &[MANAGER]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let expected = [
            concat!(r#"{"detail":[{"type":"int_parsing","loc":["path",""#, record!(), r#"_id"],"#),
            r#""msg":"Input should be a valid integer, unable to parse string as an integer","#,
            &format!(r#""input":"{input}"}}]}}"#),
        ];
        assert_eq!(answer.body, expected.concat());
    }
}

#[tokio::test]
async fn an_integer_without_a_record_is_404_however_large() {
    for id in ["0", "-1", "999", "99999999999999999999999", "-99999999999999999999999"] {
        let answer = get(&format!("{LIST}/{id}"), &[MANAGER]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn created_at_stays_the_same_while_the_service_lives() {
    let service = service();
    let headers = [("x-gateway-secret", SECRET), MANAGER];
    let first = ask(&service, "GET", LIST, &headers).await.body;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(ask(&service, "GET", LIST, &headers).await.body, first);

    let records: Vec<Value> = serde_json::from_str(&first).unwrap();
    let created_at = records[0]["created_at"].as_str().unwrap();
    assert!(created_at.ends_with('Z') && created_at.contains('T'), "{created_at}");
    assert_eq!(created_at.len(), "2026-01-31T12:00:00.000000Z".len());
}
