//! The contract's rows for `/products`: the same for everybody, with a token or without.

use claimgate_e2e::tokens;
use claimgate_e2e::users::{USER, USERS};
use xtask::stack::Stack;

use crate::support::*;

on_both_stacks!(
    everybody_sees_the_same_products,
    a_category_ignores_case_and_may_be_empty,
    an_id_that_names_nothing_is_404_and_no_integer_422,
    health_needs_no_token,
    head_works_where_get_does,
    other_methods_are_405,
);

const LAPTOP: &str = r#"{"id":1,"name":"Laptop","description":"High-performance laptop for professionals","price":"999.99","category":"Electronics","stock_quantity":50,"created_at":""}"#;
const SMARTPHONE: &str = r#"{"id":2,"name":"Smartphone","description":"Latest smartphone with advanced features","price":"699.99","category":"Electronics","stock_quantity":100,"created_at":""}"#;
const COFFEE_MAKER: &str = r#"{"id":3,"name":"Coffee Maker","description":"Automatic coffee maker with timer","price":"89.99","category":"Appliances","stock_quantity":25,"created_at":""}"#;

/// Records as the service sends them, but for when it was started.
struct Catalogue {
    created_at: String,
}

impl Catalogue {
    fn of(stack: &Stack) -> Self {
        let product = get(stack, "/products/1", None).json();
        Self { created_at: product["created_at"].as_str().expect("a time").to_owned() }
    }

    fn one(&self, record: &str) -> String {
        record.replace(r#""created_at":"""#, &format!(r#""created_at":"{}""#, self.created_at))
    }

    fn list(&self, records: &[&str]) -> String {
        format!("[{}]", self.one(&records.join(",")))
    }
}

/// No token, then each user's.
fn callers(stack: &Stack) -> Vec<Option<String>> {
    let tokens = USERS.iter().map(|user| Some(tokens::access(stack, user)));
    std::iter::once(None).chain(tokens).collect()
}

fn everybody_sees_the_same_products(stack: &Stack) {
    let catalogue = Catalogue::of(stack);
    for token in callers(stack) {
        let token = token.as_deref();
        let list = get(stack, "/products", token);
        assert_answer(&list, 200, &catalogue.list(&[LAPTOP, SMARTPHONE, COFFEE_MAKER]));
        for (id, record) in [(1, LAPTOP), (2, SMARTPHONE), (3, COFFEE_MAKER)] {
            let item = get(stack, &format!("/products/{id}"), token);
            assert_answer(&item, 200, &catalogue.one(record));
        }
    }
}

fn a_category_ignores_case_and_may_be_empty(stack: &Stack) {
    let catalogue = Catalogue::of(stack);
    for token in callers(stack) {
        let category =
            |name: &str| get(stack, &format!("/products/category/{name}"), token.as_deref());
        for name in ["Electronics", "electronics", "ELECTRONICS"] {
            assert_answer(&category(name), 200, &catalogue.list(&[LAPTOP, SMARTPHONE]));
        }
        assert_answer(&category("appliances"), 200, &catalogue.list(&[COFFEE_MAKER]));
        for name in ["toys", "1", "caf%C3%A9", "a%20b"] {
            assert_answer(&category(name), 200, "[]");
        }
    }
}

fn an_id_that_names_nothing_is_404_and_no_integer_422(stack: &Stack) {
    for token in [None, Some(tokens::access(stack, &USER))] {
        for id in ["0", "4", "-1", "99999999999999999999"] {
            let reply = get(stack, &format!("/products/{id}"), token.as_deref());
            assert_detail(&reply, 404, "Product not found");
        }
        let reply = get(stack, "/products/first", token.as_deref());
        let body = r#"{"detail":[{"type":"int_parsing","loc":["path","product_id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"first"}]}"#;
        assert_answer(&reply, 422, body);
    }
}

fn health_needs_no_token(stack: &Stack) {
    for token in callers(stack) {
        let reply = get(stack, "/products/health", token.as_deref());
        let timestamp = reply.json()["timestamp"].as_str().expect("a time").to_owned();
        let body = format!(
            r#"{{"status":"healthy","service":"product-service","timestamp":"{timestamp}","version":"1.0.0"}}"#
        );
        assert_answer(&reply, 200, &body);
    }
}

fn head_works_where_get_does(stack: &Stack) {
    for path in ["/products", "/products/1", "/products/category/appliances", "/products/99"] {
        let [got, head] = ["GET", "HEAD"].map(|method| ask(stack, method, path, None));
        assert_answer(&head, got.status, "");
        assert_eq!(head.headers.one("content-length"), Some(&*got.body.len().to_string()));
    }
}

fn other_methods_are_405(stack: &Stack) {
    for token in [None, Some(tokens::access(stack, &USER))] {
        for path in ["/products", "/products/1", "/products/category/toys", "/products/health"] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let reply = ask(stack, method, path, token.as_deref());
                assert_detail(&reply, 405, "Method Not Allowed");
                assert_eq!(allowed(&reply), ["GET", "HEAD"], "{method} {path}");
            }
        }
    }
}
