//! Who sees which customer.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::shop::get;

const NOT_THEIRS: &str =
    r#"{"detail":"Access denied: You are not authorized to view this customer."}"#;
const GUESTS: &str =
    r#"{"detail":"Access denied: Guests are not allowed to access customer data."}"#;

/// email, verified, roles, ids of the records they see
const USERS: [(&str, &str, &str, &[i64]); 7] = [
    ("test.user-unvrfd@example.com", "false", "unverified-user", &[1]),
    ("test.user-vrfd@example.com", "true", "verified-user", &[2]),
    ("test.user@example.com", "true", "user", &[3]),
    ("test.user-cm@example.com", "true", "user,customer-manager", &[1, 2, 3, 4, 5, 6, 7]),
    ("test.user-pm@example.com", "true", "user,product-manager", &[5]),
    ("test.user-pcm@example.com", "true", "user,product-category-manager", &[6]),
    ("admin.user@example.com", "true", "user,admin", &[7]),
];

#[tokio::test]
async fn a_manager_sees_all_seven_records_as_the_contract_has_them() {
    let answer = get("/customers", &[("x-user-roles", "user,customer-manager")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut records: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
    let created_at = records[0]["created_at"].clone();
    let first = json!({"id": 1, "name": "Test User-unvrfd", "phone": "+1234567891",
        "email": "test.user-unvrfd@example.com", "created_at": created_at});
    let last = json!({"id": 7, "name": "Admin User", "phone": "+1234567897",
        "email": "admin.user@example.com", "created_at": created_at});
    assert_eq!((&records[0], &records[6]), (&first, &last));

    let emails: Vec<Value> = records.iter_mut().map(|record| record["email"].take()).collect();
    assert_eq!(emails, USERS.map(|(email, ..)| email));
    let start = r#"[{"id":1,"name":"Test User-unvrfd","email":"test.user-unvrfd@example.com","#;
    assert!(answer.body.starts_with(start), "{}", answer.body);
}

#[tokio::test]
async fn every_user_sees_their_own_records_and_a_manager_all() {
    for (email, verified, roles, visible) in USERS {
        let who = identity(email, verified, roles);
        assert_eq!(ids(&get("/customers", &who).await.body), visible, "{email}");
        for id in 1..=7 {
            let answer = get(&format!("/customers/{id}"), &who).await;
            if visible.contains(&id) {
                assert_eq!(answer.status, StatusCode::OK, "{email} {id}");
                let record: Value = serde_json::from_str(&answer.body).unwrap();
                assert_eq!(record["id"], id);
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{email} {id}");
                assert_eq!(answer.body, NOT_THEIRS);
            }
        }
    }
}

#[tokio::test]
async fn only_a_manager_learns_that_an_id_does_not_exist() {
    let manager = get("/customers/99", &[("x-user-roles", "customer-manager")]).await;
    assert_eq!(manager.status, StatusCode::NOT_FOUND);
    assert_eq!(manager.body, r#"{"detail":"Customer not found."}"#);
    for roles in ["user", "user,admin", "customer-manager2", "customer-managerX,x", ""] {
        let who = identity("admin.user@example.com", "true", roles);
        let other = get("/customers/99", &who).await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{roles}");
        assert_eq!(other.body, NOT_THEIRS);
    }
}

#[tokio::test]
async fn somebody_without_a_record_sees_an_empty_list() {
    let answer = get("/customers", &identity("new@example.com", "true", "verified-user")).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "[]"));
    let answer = get("/customers", &[("x-user-roles", "verified-user")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "[]"));
}

#[tokio::test]
async fn an_unverified_address_never_gets_the_record_of_its_verified_owner() {
    for (id, (email, owner_verified, ..)) in (1..).zip(USERS) {
        if owner_verified == "false" {
            continue;
        }
        for verified in ["false", "", "TRUE", "True", "1", "true "] {
            let who = identity(email, verified, "unverified-user");
            assert_eq!(get("/customers", &who).await.body, "[]", "{email} {verified:?}");
            let item = get(&format!("/customers/{id}"), &who).await;
            assert_eq!(item.status, StatusCode::FORBIDDEN, "{email} {verified:?}");
        }
        let unsaid = [("x-user-email", email), ("x-user-roles", "unverified-user")];
        assert_eq!(get("/customers", &unsaid).await.body, "[]", "{email}");
    }
}

#[tokio::test]
async fn an_unverified_address_keeps_its_own_unverified_record_and_once_verified_too() {
    for verified in ["false", "true"] {
        let who = identity("test.user-unvrfd@example.com", verified, "unverified-user");
        assert_eq!(ids(&get("/customers", &who).await.body), [1], "{verified}");
        assert_eq!(get("/customers/1", &who).await.status, StatusCode::OK, "{verified}");
    }
}

#[tokio::test]
async fn the_case_of_an_address_does_not_matter_and_nothing_else_is_folded() {
    let who = identity("Test.USER@Example.com", "true", "user");
    assert_eq!(ids(&get("/customers", &who).await.body), [3]);
    // The Kelvin sign lower-cases to `k`, the long s upper-cases to `S`: neither is ASCII.
    for other in ["te\u{17f}t.user@example.com", "test.user@example.com ", "test.user", ""] {
        let who = identity(other, "true", "user");
        assert_eq!(get("/customers", &who).await.body, "[]", "{other}");
    }
}

#[tokio::test]
async fn guests_are_refused() {
    let email = ("x-user-email", "test.user@example.com");
    let nobody: [&[(&str, &str)]; 6] = [
        &[("x-user-roles", "guest")],
        &[("x-user-roles", "guest"), email, ("x-email-verified", "true")],
        &[("x-user-roles", "customer-manager,guest")],
        &[],
        &[("x-user-roles", ""), ("x-user-email", "")],
        &[("x-email-verified", "true"), ("x-user-name", "Admin User")],
    ];
    for headers in nobody {
        for path in ["/customers", "/customers/3", "/customers/99", "/customers/abc"] {
            let answer = get(path, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?} {path}");
            assert_eq!(answer.body, GUESTS);
        }
    }
}

#[tokio::test]
async fn without_roles_an_address_still_owns_its_record() {
    let who = [("x-user-email", "test.user@example.com"), ("x-email-verified", "true")];
    assert_eq!(ids(&get("/customers", &who).await.body), [3]);
}

#[tokio::test]
async fn a_repeated_identity_header_counts_as_absent() {
    let mut who = identity("test.user@example.com", "true", "user").to_vec();
    who.push(("x-user-email", "admin.user@example.com"));
    assert_eq!(get("/customers", &who).await.body, "[]");

    let mut who = identity("test.user@example.com", "true", "user").to_vec();
    who.push(("x-user-roles", "customer-manager"));
    assert_eq!(ids(&get("/customers", &who).await.body), [3]);

    let mut who = identity("test.user@example.com", "true", "user").to_vec();
    who.push(("x-email-verified", "true"));
    assert_eq!(get("/customers", &who).await.body, "[]");
}

fn identity<'a>(email: &'a str, verified: &'a str, roles: &'a str) -> [(&'a str, &'a str); 3] {
    [("x-user-email", email), ("x-email-verified", verified), ("x-user-roles", roles)]
}

fn ids(body: &str) -> Vec<i64> {
    let records: Vec<Value> = serde_json::from_str(body).unwrap();
    records.iter().map(|record| record["id"].as_i64().unwrap()).collect()
}
