//! Where we are stricter than `jwt_authn`, and what asks for it; and where we are not.
//!
//! A disagreement is the first rule's that claims it: of form first, because nothing can be said of
//! what cannot be read. A rule looks at the credential alone, see `parts`; it must never ask the
//! filter.

use serde_json::Value;

use super::parts::Parts;
use super::{AUDIENCE, TOLERANCE};

/// Why the two judges disagree about a credential.
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// What asks for it.
    pub(super) standard: &'static str,
    pub(super) claims: fn(&Parts) -> bool,
}

/// We refuse what `jwt_authn` accepts.
pub(super) const STRICTER: [Rule; 16] = [
    Rule {
        name: "one credential",
        standard: "RFC 6750 §2.1: the scheme, blanks and one token of its characters",
        claims: |parts| !parts.is_one_credential(),
    },
    Rule {
        name: "three parts",
        standard: "RFC 7515 §7.1: two dots, none of them before, behind or doubled",
        claims: |parts| parts.texts.len() != 3,
    },
    Rule {
        name: "one text for the same bytes",
        standard: "RFC 7515 §2: base64url without padding and without other characters",
        claims: |parts| !parts.is_base64url(),
    },
    Rule {
        name: "JSON",
        standard: "RFC 7519 §7.2, RFC 8259: an object in JSON, not nearly in JSON",
        claims: |parts| !parts.header.is_object() || !parts.claims.is_object(),
    },
    Rule {
        name: "sizes",
        standard: "RFC 8725 §3.4: limits; 16 kB, 16 levels, 256 characters of kid",
        claims: |parts| parts.is_large(),
    },
    Rule {
        name: "signatures of their length",
        standard: "RFC 7518 §3.4: 64, 96 or 132 octets",
        claims: |parts| parts.ecdsa_length().is_some_and(|length| length != parts.signature.len()),
    },
    Rule {
        name: "the key decides the algorithm",
        standard: "RFC 8725 §3.1: the algorithm that the header names is the one that is used",
        claims: |parts| parts.is_signed_otherwise(),
    },
    Rule {
        name: "the key that is named",
        standard: "RFC 7515 §4.1.4: an empty kid is a kid, and nobody's",
        claims: |parts| parts.header.get("kid").is_some_and(|kid| kid == ""),
    },
    Rule {
        name: "critical headers",
        standard: "RFC 7515 §4.1.11: what is not understood is refused",
        claims: |parts| parts.header.get("crit").is_some(),
    },
    Rule {
        name: "unencoded payloads",
        standard: "RFC 7797 §7: never in a JWT",
        claims: |parts| parts.header.get("b64").is_some(),
    },
    Rule {
        name: "explicit types",
        standard: "RFC 8725 §3.11, RFC 9068 §4: a token of another type is for another use",
        claims: |parts| !matches!(parts.typ().as_deref(), None | Some("jwt" | "at+jwt")),
    },
    Rule {
        name: "other kinds of tokens",
        standard: "RFC 8725 §3.11, §3.12: ID, refresh and logout tokens are no access tokens",
        claims: |parts| parts.is_of_another_kind(),
    },
    Rule {
        name: "dates that are dates",
        standard: "RFC 7519 §2, §4.1.4 to §4.1.6: a NumericDate",
        claims: |parts| ["exp", "nbf", "iat"].iter().any(|name| !parts.is_date(name)),
    },
    Rule {
        name: "an end",
        standard: "RFC 9068 §2.2: an access token has an exp, and 1970 is one",
        claims: |parts| parts.claims.get("exp").and_then(Value::as_f64).unwrap_or_default() < 1.0,
    },
    Rule {
        name: "not issued yet",
        standard: "RFC 7519 §4.1.6: iat is the time it was issued at",
        claims: |parts| {
            let iat = parts.claims.get("iat").and_then(Value::as_f64);
            iat.is_some_and(|iat| iat > (parts.now + TOLERANCE) as f64)
        },
    },
    Rule {
        name: "audiences whole",
        standard: "RFC 7519 §4.1.3, RFC 8725 §3.9: compared as they stand",
        claims: |parts| !parts.is_for(AUDIENCE),
    },
];

/// We accept what `jwt_authn` refuses.
pub(super) const LAXER: [Rule; 1] = [Rule {
    name: "the scheme's case",
    standard: "RFC 9110 §11.1: a scheme's name ignores case",
    claims: |parts| parts.scheme != "Bearer" && parts.scheme.eq_ignore_ascii_case("bearer"),
}];
