//! Which tokens are accepted. Each hostile token differs from a good one in one thing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use claimgate::authn::AuthnError;
use claimgate::reply::Rejection;
use hmac_free::hs256;
use serde_json::{Value, json};

use crate::support::*;

fn world(token: &str) -> World {
    World::with_keys(&config(json!([route(
        token,
        by_claim(),
        json!({"roles_on_failure": "absent"})
    )])))
}

/// Lets a token through without the decision point's answer mattering.
fn by_claim() -> Value {
    json!([{"name": "known", "allow": {"claims": {"aud": ["account", "other"]}}}])
}

fn error_of(token: &str) -> AuthnError {
    let errors =
        ["required", "optional"].map(|mode| match refused(&world(mode).with_token(token).1) {
            (400 | 401, Rejection::Credentials { error, .. }) => error,
            other => panic!("{mode}: {other:?} for {token}"),
        });
    assert_eq!(errors[0], errors[1], "optional never means lax");
    errors[0]
}

fn is_accepted(token: &str) {
    let (_, step) = world("required").with_token(token);
    asked(&step);
}

#[test]
fn a_good_token_is_accepted_and_removed_from_the_request() {
    let mut world = world("required");
    let (stream, step) = world.with_token(&ONE.token(&claims(json!({}))));
    assert_eq!(asked(&step)["subject"]["id"], "alice");
    let step = world.answer(stream, 200, None, r#"{"decision":true,"context":{"roles":["user"]}}"#);
    let expected = vec![("x-user-email", "alice@example.com"), ("x-user-roles", "user")];
    assert_eq!(forwarded(&step), (vec!["authorization"], expected));
}

#[test]
fn no_token_is_a_challenge_where_one_is_required() {
    let reply = reply(&world("required").get("/r", &[]).1);
    assert_eq!(reply.status, 401);
    assert!(reply.headers.contains(&("www-authenticate", "Bearer".into())));
}

#[test]
fn two_credentials_are_one_too_many_even_when_both_are_good() {
    let good = format!("Bearer {}", ONE.token(&claims(json!({}))));
    for headers in [
        vec![("authorization", good.clone()), ("authorization", good.clone())],
        vec![("authorization", format!("{good},{good}"))],
        vec![("authorization", format!("{good}, Basic dTpw"))],
    ] {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let (status, rejection) = refused(&world("optional").get("/r", &headers).1);
        assert_eq!((status, rejection), (400, Rejection::credentials(AuthnError::Several)));
    }
}

#[test]
fn claims_have_to_be_right() {
    use AuthnError::*;
    let table = [
        (json!({"iss": "https://other.test"}), Issuer),
        (json!({"iss": format!("{ISSUER}/")}), Issuer),
        (json!({"iss": null}), Issuer),
        (json!({"iss": [ISSUER]}), Issuer),
        (json!({"aud": "other"}), Audience),
        (json!({"aud": ["other", "another"]}), Audience),
        (json!({"aud": []}), Audience),
        (json!({"aud": null}), Audience),
        (json!({"aud": {"account": true}}), Audience),
        (json!({"typ": "ID"}), TokenType),
        (json!({"typ": "Refresh"}), TokenType),
        (json!({"typ": 1}), TokenType),
        (json!({"exp": null}), Expired),
        (json!({"exp": START - 61}), Expired),
        (json!({"exp": START - 60}), Expired),
        (json!({"exp": 0}), Expired),
        (json!({"exp": -1}), Claim),
        (json!({"exp": "1900000000"}), Claim),
        (json!({"exp": 1e300}), Claim),
        (json!({"nbf": START + 61}), NotYetValid),
        (json!({"nbf": "soon"}), Claim),
        (json!({"iat": START + 61}), NotYetValid),
    ];
    for (change, error) in table {
        assert_eq!(error_of(&ONE.token(&claims(change.clone()))), error, "{change}");
    }
    for change in [
        json!({"aud": ["other", "account"]}),
        json!({"typ": null}),
        json!({"typ": "bearer"}),
        json!({"exp": START - 59}),
        json!({"exp": START as f64 + 0.5}),
        json!({"nbf": START + 60}),
        json!({"iat": null}),
    ] {
        is_accepted(&ONE.token(&claims(change)));
    }
}

#[test]
fn a_date_that_no_clock_will_show_is_no_date() {
    for date in [json!(u64::MAX), json!(i64::MAX), json!(1_000_000_000_000_001_u64), json!(1e16)] {
        for name in ["exp", "nbf", "iat"] {
            let token = ONE.token(&claims(json!({name: date})));
            assert_eq!(error_of(&token), AuthnError::Claim, "{name} {date}");
        }
    }
    is_accepted(&ONE.token(&claims(json!({"exp": 1_000_000_000_000_000_u64}))));
}

#[test]
fn a_subject_or_identifier_that_is_no_text_is_no_subject_or_identifier() {
    for value in [json!(7), json!(true), json!(["alice"]), json!([]), json!({"id": "alice"})] {
        for name in ["sub", "jti"] {
            let token = ONE.token(&claims(json!({name: value})));
            assert_eq!(error_of(&token), AuthnError::Claim, "{name} {value}");
        }
    }
    let mut null = claims(json!({}));
    null["sub"] = Value::Null;
    assert_eq!(error_of(&ONE.token(&null)), AuthnError::Claim);
    is_accepted(&ONE.token(&claims(json!({"jti": "1"}))));
}

#[test]
fn headers_have_to_be_right() {
    use AuthnError::*;
    let good = claims(json!({}));
    let table = [
        (json!({"alg": "none"}), Algorithm),
        (json!({"alg": "None"}), Algorithm),
        (json!({"alg": "rs256"}), Algorithm),
        (json!({"alg": "RS512", "kid": "one"}), Algorithm),
        (json!({"alg": "HS256", "kid": "one"}), Algorithm),
        (json!({"alg": "ES256", "kid": "one"}), Algorithm),
        (json!({"kid": "one"}), Malformed),
        (json!({"alg": ["RS256"], "kid": "one"}), Malformed),
        (json!({"alg": "RS256", "kid": 1}), Malformed),
        (json!({"alg": "RS256", "kid": "one", "crit": ["exp"]}), Critical),
        (json!({"alg": "RS256", "kid": "one", "crit": []}), Critical),
        (json!({"alg": "RS256", "kid": "one", "b64": false}), Critical),
        (json!({"alg": "RS256", "kid": "one", "typ": "logout+jwt"}), TokenType),
        (json!({"alg": "RS256", "kid": "one", "typ": "dpop+jwt"}), TokenType),
        (json!({"alg": "RS256", "kid": "one", "typ": "application/secevent+jwt"}), TokenType),
        (json!({"alg": "RS256", "kid": "one", "typ": 1}), Malformed),
    ];
    for (header, error) in table {
        assert_eq!(error_of(&ONE.sign(&header, &good)), error, "{header}");
    }
    for header in [
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": "one", "typ": "at+jwt"}),
        json!({"alg": "RS256", "kid": "one", "typ": "application/AT+JWT"}),
        json!({"alg": "RS256", "kid": "one", "jku": "https://evil.test", "jwk": {}, "x5u": "x"}),
    ] {
        is_accepted(&ONE.sign(&header, &good));
    }
}

#[test]
fn signatures_have_to_be_the_keys() {
    let good = ONE.token(&claims(json!({})));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(claims(json!({"sub": "admin"})).to_string());
    assert_eq!(error_of(&format!("{header}.{other}.{signature}")), AuthnError::Signature);
    assert_eq!(error_of(&FOREIGN.token(&claims(json!({})))), AuthnError::Signature);
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for at in [0, 100, 255] {
        bytes[at] ^= 1;
        let signature = URL_SAFE_NO_PAD.encode(&bytes);
        assert_eq!(error_of(&format!("{input}.{signature}")), AuthnError::Signature);
        bytes[at] ^= 1;
    }
    for signature in ["AA", &URL_SAFE_NO_PAD.encode([0; 256]), &URL_SAFE_NO_PAD.encode([0xff; 257])]
    {
        assert_eq!(error_of(&format!("{input}.{signature}")), AuthnError::Signature);
    }
    assert_eq!(error_of(&format!("{input}.")), AuthnError::Signature);
}

#[test]
fn a_mac_keyed_with_the_public_key_is_no_signature() {
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "one"});
    assert_eq!(
        error_of(&hs256(&header, &claims(json!({})), &ONE.modulus())),
        AuthnError::Algorithm
    );
}

#[test]
fn a_key_nobody_publishes_is_waited_for_once_and_refused() {
    let mut world = world("required");
    let (stream, step) = world.with_token(&TWO.token(&claims(json!({}))));
    assert!(matches!(step, claimgate::pipeline::Step::AwaitKeys(0)), "{step:?}");
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&ONE]);
    let (status, rejection) = refused(&world.keys_changed(stream));
    assert_eq!((status, rejection), (401, Rejection::credentials(AuthnError::UnknownKey)));
    let (_, step) = world.with_token(&TWO.token(&claims(json!({"sub": "again"}))));
    assert_eq!(refused(&step).0, 401, "remembered as unknown");
}

#[test]
fn forms_that_are_no_compact_jws_are_refused() {
    let good = ONE.token(&claims(json!({})));
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let standard = STANDARD_NO_PAD.encode(b"\xff\xfe\xfd");
    let list = [
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{good}.x"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{standard}.{payload}.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        "..".to_owned(),
        ONE.sign_raw("[]", "{}"),
        ONE.sign_raw("{", "{}"),
        ONE.sign_raw(r#"{"alg":"RS256","kid":"one"}"#, "[]"),
        ONE.sign_raw(r#"{"alg":"RS256","kid":"one"}"#, "\"x\""),
    ];
    for token in list {
        assert_eq!(error_of(&token), AuthnError::Malformed, "{token}");
    }
    assert_eq!(error_of(&"a".repeat(16 * 1024 + 1)), AuthnError::TooLong);
}

#[test]
fn a_cached_token_ends_with_its_time_and_with_its_key() {
    let mut world = world("required");
    let token = ONE.token(&claims(json!({})));
    awaits_decision(&world.with_token(&token).1);
    world.later(359);
    awaits_decision(&world.with_token(&token).1);
    world.later(1);
    let (status, rejection) = refused(&world.with_token(&token).1);
    assert_eq!((status, rejection), (401, Rejection::credentials(AuthnError::Expired)));

    let long = ONE.token(&claims(json!({"exp": START + 3_000})));
    awaits_decision(&world.with_token(&long).1);
    world.later(300);
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&TWO]);
    let (_, step) = world.with_token(&long);
    assert!(matches!(step, claimgate::pipeline::Step::AwaitKeys(0)), "{step:?}");
}

#[test]
fn what_ends_like_a_known_token_is_not_known() {
    let mut world = world("required");
    let good = ONE.token(&claims(json!({})));
    let (_, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(claims(json!({"sub": "admin"})).to_string());
    let forged = good.replace(rest, &format!("{forged}.{signature}"));
    for _ in 0..2 {
        let (stream, step) = world.with_token(&good);
        assert_eq!(asked(&step)["subject"]["id"], "alice");
        world.no_answer(stream);
        let (status, rejection) = refused(&world.with_token(&forged).1);
        let expected = Rejection::credentials(AuthnError::Signature);
        assert_eq!((status, rejection), (401, expected));
        refused(&world.with_token(signature).1);
    }
}

/// HMAC-SHA-256 written out, so that the attack needs no dependency of ours.
mod hmac_free {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value;
    use sha2::{Digest as _, Sha256};

    pub(super) fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let mut key = [0; 64];
        key[..32].copy_from_slice(&Sha256::digest(secret));
        let pad = |byte: u8| key.map(|k| k ^ byte);
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(&input).finalize();
        let mac = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
    }
}
