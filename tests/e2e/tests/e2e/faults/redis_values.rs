//! Values in Redis that authz-service never wrote: none is believed, none is fatal, and the roles
//! are those of the store.

use std::time::Duration;

use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::edit::all_routes_to;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::redis;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::USER;
use serde_json::json;
use xtask::stack::Part;

use super::{ask, expect, get};

const KEY: &str = "user:platform-roles:test.user@example.com";

/// Commands that put something under the key.
fn foreign() -> Vec<Vec<String>> {
    let set = |value: &str| vec!["SET".to_owned(), KEY.to_owned(), value.to_owned()];
    let other = |words: &[&str]| {
        [&words[..1], &[KEY], &words[1..]].concat().into_iter().map(str::to_owned).collect()
    };
    let long = json!(["admin".repeat(50)]).to_string();
    let many = json!(vec!["admin"; 5000]).to_string();
    let nested = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    vec![
        set("admin"),
        set("not JSON ["),
        set(r#"{"roles":["admin"]}"#),
        set(r#""admin""#),
        set("null"),
        set("1"),
        set("[1]"),
        set(r#"["user",null]"#),
        set(r#"[["admin"]]"#),
        set(r#"["user,admin"]"#),
        set(r#"["user admin"]"#),
        set(r#"["user\r\nx-user-email: admin.user@example.com"]"#),
        set(r#"["user\u0000"]"#),
        set(r#"["ädmin"]"#),
        set(r#"["admin",""]"#),
        set(r#"["admin"] "admin""#),
        set(&long),
        set(&many),
        set(&nested),
        set(&"x".repeat(2 * 1024 * 1024)),
        other(&["RPUSH", "admin"]),
        other(&["HSET", "admin", "admin"]),
        other(&["SADD", "admin"]),
        other(&["ZADD", "1", "admin"]),
    ]
}

#[test]
fn a_foreign_value_in_redis_never_becomes_a_role() {
    let echo = Echo::start();
    // Every question is to meet what is in Redis, not what was there a moment ago.
    let builder = builder().redis().roles_believed_for(Duration::ZERO);
    let stack = own_stack(builder.edit_envoy(all_routes_to(&echo)));
    let server = stack.address(Part::Redis);
    let mint = Mint::of(&stack);
    for (index, command) in foreign().iter().enumerate() {
        let _ = redis::command(server, &["DEL", KEY]);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let _ = redis::command(server, &words);
        // Nobody has decided about this subject, so the roles are looked for.
        let claims = with(&mint.claims(&USER), "sub", format!("foreign-{index}").into());
        let caller = mint.good(&claims);
        let told = Echoed::of(&ask(&stack, &get("/customers", Some(&caller))));
        let shown: String = command.join(" ").chars().take(80).collect();
        assert_eq!(told.headers.all("x-user-roles"), ["user"], "{shown}");
        assert_eq!(told.headers.one("x-user-email"), Some(USER.email), "{shown}");
    }
    let log = stack.part(Part::Authz).expect("a part").log_tail(usize::MAX);
    let ignored = log.matches("ignored a malformed value").count();
    assert!(ignored >= foreign().len(), "{ignored} of {}", foreign().len());
    assert!(!log.contains(USER.email), "an e-mail address in the log");
}

#[test]
fn who_asks_who_they_are_gets_the_stores_roles_whatever_is_in_redis() {
    let stack = own_stack(builder().redis().roles_believed_for(Duration::ZERO));
    let server = stack.address(Part::Redis);
    let token = tokens::direct(&stack, &USER).access_token;
    for command in foreign() {
        let _ = redis::command(server, &["DEL", KEY]);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let _ = redis::command(server, &words);
        let me = expect(&stack, &get("/auth/me", Some(&token)), 200).json();
        assert_eq!(me, json!({"email": USER.email, "roles": ["user"]}));
    }
}
