//! Tokens that nobody issued: every one is 401 with the same challenge, on required and on
//! optional routes. Optional never means lax.

use claimgate_e2e::mint::{Key, Mint, Signature, decode, encode, token, with};
use claimgate_e2e::stacks::shared_stack;
use claimgate_e2e::tokens;
use claimgate_e2e::users::{ADMIN, USER};
use serde_json::{Value, json};
use xtask::stack::Stack;

use crate::support::*;

#[track_caller]
pub(crate) fn refused_everywhere(stack: &Stack, what: &str, token: &str) {
    for path in ["/customers", "/customers/7", "/products", "/auth/me"] {
        let reply = get(stack, path, Some(token));
        assert_token_refused(&reply, &format!("{what} on {path}"));
    }
}

#[test]
fn a_minted_token_that_is_good_is_good() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let token = mint.good(&mint.claims(&ADMIN));
    assert_answer(&get(stack, "/auth/me", Some(&token)), 200, &me(&ADMIN));
    assert_eq!(get(stack, "/customers/7", Some(&token)).status, 200);
}

#[test]
fn alg_none_in_every_spelling_is_401() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let claims = mint.claims(&ADMIN);
    for alg in ["none", "None", "NONE", "nOnE", "", "RS256 ", "rs256"] {
        let header = with(&mint.header(), "alg", alg.into());
        refused_everywhere(stack, alg, &token(&header, &claims, &Signature::Bytes(b"")));
        refused_everywhere(stack, alg, &mint.token(&header, &claims));
    }
    for alg in [Value::Null, 0.into(), json!(["RS256"]), json!({"alg": "RS256"})] {
        let header = with(&mint.header(), "alg", alg.clone());
        refused_everywhere(stack, &alg.to_string(), &mint.token(&header, &claims));
    }
    let bare = json!({"alg": "none"});
    refused_everywhere(stack, "alg only", &token(&bare, &claims, &Signature::Bytes(b"")));
}

#[test]
fn hs256_keyed_with_the_public_key_is_401() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let (pem, der, modulus) =
        (mint.key().public_pem(), mint.key().public_der(), mint.key().modulus());
    let text = encode(&modulus);
    let secrets: [&[u8]; 6] =
        [pem.as_bytes(), pem.trim_end().as_bytes(), &der, &modulus, text.as_bytes(), b""];
    for alg in ["HS256", "hs256", "RS256"] {
        let header = with(&mint.header(), "alg", alg.into());
        for secret in secrets {
            let token = token(&header, &mint.claims(&ADMIN), &Signature::Hs256(secret));
            refused_everywhere(stack, alg, &token);
        }
    }
}

#[test]
fn another_algorithm_of_the_same_key_is_401() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for alg in ["RS384", "RS512", "PS256", "ES256", "EdDSA", "RSA-OAEP"] {
        let header = with(&mint.header(), "alg", alg.into());
        refused_everywhere(stack, alg, &mint.token(&header, &mint.claims(&ADMIN)));
    }
}

#[test]
fn a_key_that_is_not_published_is_401_whatever_the_header_says() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let foreign = Key::named("rsa-foreign");
    let jwk = json!({"kty": "RSA", "n": encode(&foreign.modulus()), "e": "AQAB"});
    let headers = [
        mint.header(),
        with(&mint.header(), "kid", Value::Null),
        with(&mint.header(), "kid", "nobody-knows-it".into()),
        with(&mint.header(), "jwk", jwk),
        with(&mint.header(), "jku", "http://127.0.0.1:1/keys".into()),
        with(&mint.header(), "x5u", "http://127.0.0.1:1/cert".into()),
        with(&mint.header(), "x5c", json!(["MIIB"])),
    ];
    for header in headers {
        let token = token(&header, &mint.claims(&ADMIN), &Signature::Rs256(&foreign));
        refused_everywhere(stack, &header.to_string(), &token);
    }
}

#[test]
fn a_kid_that_is_not_published_is_401_although_the_key_is() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    let published = tokens::published_keys(stack);
    let keys = published["keys"].as_array().unwrap();
    // Ours has one, and so has a Keycloak that made its own keys.
    let encryption = keys.iter().find(|key| key["use"] == "enc").map(|key| key["kid"].clone());
    let kids = [
        "nobody-knows-it".into(),
        "".into(),
        "../../../dev/null".into(),
        "' or 1=1".into(),
        7.into(),
        json!(["a"]),
    ];
    let kids = kids.into_iter().chain(encryption);
    for kid in kids {
        let header = with(&mint.header(), "kid", kid.clone());
        refused_everywhere(stack, &kid.to_string(), &mint.token(&header, &mint.claims(&ADMIN)));
    }
}

#[test]
fn a_changed_payload_is_401() {
    let stack = shared_stack();
    let token = tokens::access(stack, &USER);
    let [header, payload, signature] = parts(&token);
    let claims: Value = serde_json::from_slice(&decode(payload)).unwrap();
    let changes = [("email", ADMIN.email.into()), ("sub", "x".into()), ("exp", 4e9.into())];
    for (name, value) in changes {
        let changed = encode(with(&claims, name, value).to_string().as_bytes());
        refused_everywhere(stack, name, &format!("{header}.{changed}.{signature}"));
    }
    // The same claims in other bytes are other bytes.
    let spaced = encode(&[&decode(payload)[..], b" "].concat());
    refused_everywhere(stack, "a space", &format!("{header}.{spaced}.{signature}"));
}

#[test]
fn a_changed_header_or_signature_is_401() {
    let stack = shared_stack();
    let token = tokens::access(stack, &USER);
    let [header, payload, signature] = parts(&token);
    let longer: Value = serde_json::from_slice(&decode(header)).unwrap();
    let longer = encode(with(&longer, "x", 1.into()).to_string().as_bytes());
    refused_everywhere(stack, "header", &format!("{longer}.{payload}.{signature}"));

    let bytes = decode(signature);
    let mut first = bytes.clone();
    first[0] ^= 1;
    let mut last = bytes.clone();
    *last.last_mut().unwrap() ^= 1;
    let changed = [
        first,
        last,
        bytes[1..].to_vec(),
        bytes[..bytes.len() - 1].to_vec(),
        [&bytes[..], &[0]].concat(),
        [&[0], &bytes[..]].concat(),
        vec![0; bytes.len()],
        vec![],
    ];
    for bytes in changed {
        let token = format!("{header}.{payload}.{}", encode(&bytes));
        refused_everywhere(stack, &format!("{} bytes", bytes.len()), &token);
    }
    let other = tokens::access(stack, &ADMIN);
    let [_, _, other] = parts(&other);
    refused_everywhere(stack, "another's signature", &format!("{header}.{payload}.{other}"));
}

#[test]
fn what_is_not_a_compact_jws_is_401() {
    let stack = shared_stack();
    let token = tokens::access(stack, &USER);
    let [header, payload, signature] = parts(&token);
    let not_json = encode(b"not json");
    let list = encode(b"[]");
    let forms = [
        "x".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!("{token}="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+")),
        format!("{not_json}.{payload}.{signature}"),
        format!("{header}.{not_json}.{signature}"),
        format!("{list}.{payload}.{signature}"),
    ];
    for form in forms.iter().filter(|form| **form != token) {
        refused_everywhere(stack, form, form);
    }
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().expect("three parts")
}
