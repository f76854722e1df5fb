//! What there is to buy, for everyone.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::shop::get;

#[tokio::test]
async fn the_list_is_the_contracts() {
    let answer = get("/products", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let products: Value = serde_json::from_str(&answer.body).unwrap();
    let at = &products[0]["created_at"];
    let expected = json!([
        {"id": 1, "name": "Laptop", "description": "High-performance laptop for professionals",
         "price": "999.99", "category": "Electronics", "stock_quantity": 50, "created_at": at},
        {"id": 2, "name": "Smartphone", "description": "Latest smartphone with advanced features",
         "price": "699.99", "category": "Electronics", "stock_quantity": 100, "created_at": at},
        {"id": 3, "name": "Coffee Maker", "description": "Automatic coffee maker with timer",
         "price": "89.99", "category": "Appliances", "stock_quantity": 25, "created_at": at},
    ]);
    assert_eq!(products, expected);
    let start = r#"[{"id":1,"name":"Laptop","description":"High-performance"#;
    assert!(answer.body.starts_with(start), "{}", answer.body);
}

#[tokio::test]
async fn everyone_sees_the_same_guests_and_callers_without_roles_included() {
    let list = names("/products", &[]).await;
    assert_eq!(list, ["Laptop", "Smartphone", "Coffee Maker"]);
    assert_eq!(names("/products", &[("x-user-roles", "guest")]).await, list);
    assert_eq!(names("/products", &[("x-user-email", "test.user@example.com")]).await, list);
}

#[tokio::test]
async fn a_product_is_found_by_id() {
    for (id, name) in [(1, "Laptop"), (2, "Smartphone"), (3, "Coffee Maker")] {
        let answer = get(&format!("/products/{id}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK);
        let product: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&product["id"], &product["name"]), (&json!(id), &json!(name)));
    }
}

#[tokio::test]
async fn a_product_that_is_not_there_is_404() {
    let answer = get("/products/4", &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body, r#"{"detail":"Product not found"}"#);
}

#[tokio::test]
async fn a_category_matches_whatever_its_case() {
    for name in ["Electronics", "electronics", "ELECTRONICS", "%65lectronics"] {
        let path = format!("/products/category/{name}");
        assert_eq!(names(&path, &[]).await, ["Laptop", "Smartphone"], "{name}");
    }
    assert_eq!(names("/products/category/appliances", &[]).await, ["Coffee Maker"]);
}

#[tokio::test]
async fn an_unknown_category_is_an_empty_list() {
    for name in ["toys", "Electronic", "Electronics%20", "health", "%FF", "1"] {
        let answer = get(&format!("/products/category/{name}"), &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "[]"), "{name}");
    }
}

async fn names(path: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let answer = get(path, headers).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    let products: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
    products.iter().map(|product| product["name"].as_str().unwrap().to_owned()).collect()
}
