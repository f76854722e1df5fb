//! Requests that no honest client sends. Refused or forwarded, but never with a trap.

use claimgate_abi::{Action, Fate, HeaderMap};

use crate::gateway::{Gateway, request};
use crate::policy::demo;
use crate::tokens::{Key, claims};

#[test]
fn no_headers_at_all_is_a_bad_request() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(HeaderMap::default());
    gateway.refused(stream, 400);
}

#[test]
fn bytes_that_are_no_text_do_no_harm_in_values_and_names() {
    let mut gateway = Gateway::cold(&demo());
    let odd: [&[u8]; 6] = [b"", b"\0", b"\xff\xfe", b"\xc3(", b"\xed\xa0\x80", b"a\0b"];
    for bytes in odd {
        let headers = request("/auth/me").with("x-odd", bytes).with(bytes, "value");
        let headers = headers.with([b"x-user-roles", bytes].concat(), "admin");
        let stream = gateway.send(headers.with([b"x_user_", bytes].concat(), bytes));
        gateway.forwarded(stream);
        let trailers = HeaderMap::default().with(bytes, bytes).with("x-odd", bytes);
        assert_eq!(gateway.trailers(stream, trailers), Action::Continue);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_where_they_matter() {
    let mut gateway = Gateway::cold(&demo());
    let base = |path: &[u8], method: &[u8]| {
        HeaderMap::default().with(":path", path).with(":method", method)
    };
    let stream = gateway.send(base(b"/auth/\xff", b"GET"));
    gateway.refused(stream, 400);
    let stream = gateway.send(base(b"/auth/me", b"G\xff"));
    gateway.refused(stream, 405);
    let stream = gateway.send(base(b"/customers", b"GET").with("authorization", b"Bearer \xff"));
    gateway.refused(stream, 400);
}

#[test]
fn paths_that_mean_two_things_are_refused() {
    let mut gateway = Gateway::cold(&demo());
    let paths = [
        "",
        "*",
        "auth/me",
        "//auth/me",
        "/auth//me",
        "/auth/./me",
        "/products/../customers",
        "/products/..%2fcustomers",
        "/products/%2e%2e/customers",
        "/auth/me;x=1",
        "/auth\\me",
        "/auth/me#x",
        "/auth/me%00",
        "/auth/me%",
        "http://host/auth/me",
    ];
    for path in paths {
        let stream = gateway.send(request(path));
        gateway.refused(stream, 400);
    }
}

#[test]
fn two_credentials_are_refused() {
    let mut gateway = Gateway::warm(&demo());
    let bearer = format!("Bearer {}", gateway.token());
    let twice = request("/customers").with("authorization", &bearer).with("authorization", &bearer);
    let stream = gateway.send(twice);
    gateway.refused(stream, 400);
    let joined = request("/customers").with("authorization", format!("{bearer}, {bearer}"));
    let stream = gateway.send(joined);
    gateway.refused(stream, 400);
}

#[test]
fn tokens_that_are_none_are_refused_without_asking_anybody() {
    let mut gateway = Gateway::warm(&demo());
    let good = gateway.token();
    let (head, tail) = good.rsplit_once('.').unwrap();
    let payload = head.split_once('.').unwrap().1;
    let none = "eyJhbGciOiJub25lIn0";
    let tokens = [
        "a".into(),
        "a.b".into(),
        "a.b.c".into(),
        "...".into(),
        format!("{head}."),
        format!("{head}.{tail}A"),
        format!("{head}.{}", &tail[..tail.len() - 4]),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{tail}"),
        format!("{good}.x"),
        Key::foreign().sign(&claims(gateway.now())),
        Key::one().sign(&"text".into()),
        Key::one().sign(&serde_json::json!({})),
    ];
    for token in tokens {
        let stream = gateway.get("/products", &token);
        gateway.refused(stream, 401);
    }
    let stream = gateway.get("/products", &"a".repeat(1 << 20));
    gateway.refused(stream, 400);
    gateway.deliver_queue();
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn two_hundred_headers_and_large_ones_pass_as_they_are() {
    let mut gateway = Gateway::cold(&demo());
    let mut headers = request("/auth/me");
    for index in 0..200 {
        headers.push(format!("x-header-{index}"), format!("value-{index}"));
    }
    headers.push("x-large", "y".repeat(60 * 1024));
    let stream = gateway.send(headers.clone());
    let upstream = gateway.forwarded(stream);
    assert_eq!(upstream.len(), headers.len() + 1, "and the roles of a guest");
    assert_eq!(upstream.text("x-header-199").as_deref(), Some("value-199"));
}

#[test]
fn claims_that_no_header_can_carry_are_left_out() {
    let mut gateway = Gateway::warm(&crate::policy::without_roles());
    let values = [
        serde_json::json!("line\r\nx-user-roles: admin"),
        serde_json::json!("nul\u{0}"),
        serde_json::json!(" padded "),
        serde_json::json!("y".repeat(10_000)),
        serde_json::json!({"a": 1}),
        serde_json::json!(["a,b"]),
        serde_json::json!(null),
    ];
    for value in values {
        let mut claims = claims(gateway.now());
        claims["name"] = value;
        let token = Key::one().sign(&claims);
        let headers = request("/products").with("authorization", format!("Bearer {token}"));
        let stream = gateway.send(headers.with("x-user-name", "spoofed"));
        assert!(!gateway.forwarded(stream).has("x-user-name"));
    }
}

#[test]
fn who_speaks_grpc_is_refused_in_grpc() {
    let mut gateway = Gateway::warm(&demo());
    let grpc = |path: &str| request(path).with("content-type", "application/grpc+proto");
    let stream = gateway.send(grpc("/customers"));
    let Fate::Replied(reply) = gateway.fate(stream) else { panic!("not refused") };
    assert_eq!((reply.status, reply.grpc), (401, 16));
    assert_eq!(reply.body, "A bearer token is required.");
    assert!(reply.headers.text("www-authenticate").is_some());
    assert_eq!(reply.headers.text("content-type"), None);
    let stream = gateway.send(grpc("/nowhere"));
    let Fate::Replied(reply) = gateway.fate(stream) else { panic!("not refused") };
    assert_eq!((reply.status, reply.grpc, reply.body.as_str()), (404, 12, ""));
    let stream = gateway.send(request("/customers"));
    assert_eq!(gateway.refused(stream, 401).grpc, -1);
}

#[test]
fn an_access_log_is_told_why_a_request_was_refused() {
    let mut gateway = Gateway::warm(&demo());
    let mut told = |headers| {
        let stream = gateway.send(headers);
        gateway.told(stream, "claimgate").unwrap().to_owned()
    };
    let missing =
        r#"{"outcome":"credentials","reason":"token_missing","route":"customers","cache":"none"}"#;
    assert_eq!(told(request("/customers")), missing);
    assert_eq!(told(request("/nowhere")), r#"{"outcome":"no_route","cache":"none"}"#);
}
