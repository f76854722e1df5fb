use serde_json::json;

use super::*;
use crate::authn::Claims;

#[test]
fn our_names_are_ours_in_every_spelling() {
    let own = OwnHeaders::new(["x-user-email", "x-user-roles"].into_iter());
    for name in [
        "x-user-email",
        "X-User-Email",
        "x_user_email",
        "X_USER-ROLES",
        "x-envoy-original-path",
        "x_envoy_original_path",
    ] {
        assert!(own.claims(name.as_bytes()), "{name}");
    }
    for name in ["x-user", "x-user-emails", "x-user-emai", "xuseremail", "", "cookie"] {
        assert!(!own.claims(name.as_bytes()), "{name}");
    }
    assert!(!own.claims(b"x-user-emai\xff"));
}

#[test]
fn spoofed_names_are_found_as_they_are_spelt() {
    let own = OwnHeaders::new(["x-user-email"].into_iter());
    let raw = Pairs::serialize([
        (&b"x_user_email"[..], &b"a"[..]),
        (b"other", b"b"),
        (b"x-user-email", b"c"),
    ]);
    assert_eq!(own.spelt_in(&raw).unwrap(), ["x_user_email", "x-user-email"]);
    assert_eq!(own.spelt_in(b"\x01"), None);
    assert_eq!(own.spelt_in(&raw[..raw.len() - 1]), None);
    assert_eq!(own.spelt_in(b""), Some(vec![]));
}

#[test]
fn claims_become_header_text_only_when_nothing_is_lost() {
    let table = [
        (json!("a@b"), Some("a@b")),
        (json!(true), Some("true")),
        (json!(12), Some("12")),
        (json!(["a", "b"]), Some("a,b")),
        (json!([]), Some("")),
        (json!(["a,b"]), None),
        (json!(["a", 1]), None),
        (json!({"a": 1}), None),
        (json!(null), None),
    ];
    for (value, text) in table {
        let claims = Claims::from_slice(json!({"c": value}).to_string().as_bytes()).unwrap();
        let claim = claims.named("c").unwrap();
        assert_eq!(claim_text(claim).as_deref(), text, "{value}");
    }
}

#[test]
fn values_that_could_break_out_of_a_header_do_not_fit() {
    for good in ["", "a", "José", "a b"] {
        assert!(fits_header(good), "{good:?}");
    }
    for bad in ["a\r\nx-user-roles: admin", "a\nb", "a\0", " a", "a\t", "\u{85}", "\u{7f}"] {
        assert!(!fits_header(bad), "{bad:?}");
    }
    assert!(!fits_header(&"x".repeat(MAX_VALUE + 1)));
}

#[test]
fn nobody_may_claim_what_requests_need() {
    assert!(OwnHeaders::is_reserved("authorization"));
    assert!(OwnHeaders::is_reserved("x-envoy-anything"));
    assert!(!OwnHeaders::is_reserved("x-user-email"));
}
