//! Tokens that the issuer signed and that are not for here, not for now, or say less than they
//! seem to.

use claimgate_e2e::mint::{Mint, now, with};
use claimgate_e2e::stacks::shared_stack;
use claimgate_e2e::tokens;
use claimgate_e2e::users::{ADMIN, CUSTOMER_MANAGER, USER, USERS};
use serde_json::{Value, json};

use crate::forged_tokens::refused_everywhere;
use crate::support::*;

/// Every value of this claim makes a token that is refused.
fn refused_with(claim: &str, values: impl IntoIterator<Item = Value>) {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for value in values {
        let what = format!("{claim}: {value}");
        let claims = with(&mint.claims(&ADMIN), claim, value);
        refused_everywhere(stack, &what, &mint.good(&claims));
    }
}

/// Every value of this claim makes a token that is good.
fn taken_with(claim: &str, values: impl IntoIterator<Item = Value>) {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for value in values {
        let what = format!("{claim}: {value}");
        let claims = with(&mint.claims(&ADMIN), claim, value);
        let reply = get(stack, "/customers/7", Some(&mint.good(&claims)));
        assert_eq!(reply.status, 200, "{what}: {reply:?}");
    }
}

#[test]
fn another_issuer_is_401() {
    let issuer = shared_stack().issuer();
    let close = [
        "http://evil.example/realms/api-gateway-poc".to_owned(),
        format!("{issuer}/"),
        issuer.to_uppercase(),
        issuer.replace("http:", "https:"),
        issuer.replace("localhost", "127.0.0.1"),
        issuer.replace("api-gateway-poc", "master"),
        format!(" {issuer}"),
        String::new(),
    ];
    refused_with("iss", close.map(Value::from));
    refused_with("iss", [Value::Null, json!([issuer]), 7.into()]);
}

#[test]
fn another_audience_is_401() {
    refused_with("aud", ["test-client", "Account", "account ", "", "accounts"].map(Value::from));
    refused_with(
        "aud",
        [Value::Null, json!([]), json!(["a", "b"]), json!({"account": 1}), 7.into()],
    );
    taken_with("aud", [json!(["account"]), json!(["other", "account"])]);
}

#[test]
fn an_id_token_is_401() {
    let stack = shared_stack();
    for user in USERS {
        refused_everywhere(stack, user.username, &tokens::grant(stack, &user).id_token);
    }
}

#[test]
fn a_token_of_another_type_is_401() {
    refused_with("typ", ["ID", "Refresh", "Offline", "Logout", "", "at+jwt"].map(Value::from));
    refused_with("typ", [7.into(), json!(["Bearer"])]);
    taken_with("typ", ["Bearer".into(), "bearer".into(), Value::Null]);
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let claims = mint.claims(&ADMIN);
    for typ in ["dpop+jwt", "logout+jwt", "ID", "JOSE", "secevent+jwt", ""] {
        let header = with(&mint.header(), "typ", typ.into());
        refused_everywhere(stack, typ, &mint.token(&header, &claims));
    }
    for typ in ["JWT".into(), "at+jwt".into(), "application/at+jwt".into(), Value::Null] {
        let header = with(&mint.header(), "typ", typ);
        let reply = get(stack, "/customers/7", Some(&mint.token(&header, &claims)));
        assert_eq!(reply.status, 200, "{header}: {reply:?}");
    }
}

#[test]
fn an_expired_token_is_401_beyond_60_s() {
    refused_with("exp", [now() - 65, now() - 3600, 0, 1].map(Value::from));
    refused_with("exp", [Value::Null, "4000000000".into(), true.into(), json!([4e9]), (-1).into()]);
    taken_with("exp", [now() - 30].map(Value::from));
}

#[test]
fn a_token_that_is_not_yet_valid_is_401_beyond_60_s() {
    for claim in ["nbf", "iat"] {
        refused_with(claim, [now() + 120, now() + 100_000].map(Value::from));
        refused_with(claim, ["0".into(), json!([0])]);
        taken_with(claim, [(now() + 30).into(), (now() - 100).into(), Value::Null]);
    }
}

#[test]
fn an_extension_that_must_be_understood_is_401() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!("exp")),
        ("b64", json!(false)),
    ] {
        let header = with(&mint.header(), name, value);
        refused_everywhere(stack, name, &mint.token(&header, &mint.claims(&ADMIN)));
    }
}

#[test]
fn an_unverified_email_inherits_nothing_from_its_owner() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for owner in [ADMIN, CUSTOMER_MANAGER, USER] {
        for doubt in [false.into(), Value::Null] {
            let claims = with(&mint.claims(&owner), "email_verified", doubt);
            let token = mint.good(&claims);
            let reply = get(stack, "/auth/me", Some(&token));
            let body = format!(r#"{{"email":"{}","roles":["unverified-user"]}}"#, owner.email);
            assert_answer(&reply, 200, &body);
            assert_answer(&get(stack, "/customers", Some(&token)), 200, "[]");
            let own = get(stack, &format!("/customers/{}", owner.customer), Some(&token));
            assert_eq!(own.status, 403, "{own:?}");
        }
    }
}

#[test]
fn a_subject_nobody_knows_is_a_verified_user() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let claims = with(&mint.claims(&ADMIN), "email", "new.here@example.com".into());
    let token = mint.good(&claims);
    let reply = get(stack, "/auth/me", Some(&token));
    assert_answer(&reply, 200, r#"{"email":"new.here@example.com","roles":["verified-user"]}"#);
    assert_answer(&get(stack, "/customers", Some(&token)), 200, "[]");
}

#[test]
fn roles_in_a_token_are_not_believed() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let roles = json!(["admin", "customer-manager"]);
    let claims = with(&mint.claims(&USER), "roles", roles.clone());
    let claims = with(&claims, "realm_access", json!({"roles": roles}));
    let token = mint.good(&claims);
    assert_answer(&get(stack, "/auth/me", Some(&token)), 200, &me(&USER));
    assert_eq!(get(stack, "/customers", Some(&token)).json().as_array().map(Vec::len), Some(1));
}
