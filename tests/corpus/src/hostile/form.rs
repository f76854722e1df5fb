//! Tokens that are no compact JWS of two JSON objects, signed as they are sent: nothing but
//! strictness refuses them.

use serde_json::json;

use super::{Hostile, World, with};
use crate::sign::header;
use crate::{decode, encode};

const BASE64URL: &str =
    "RFC 7515 §2: base64url without padding, and only one text for the same bytes";
const COMPACT: &str = "RFC 7515 §7.1: three parts";
const JSON: &str = "RFC 7519 §7.2, RFC 8259: one JSON object in UTF-8";
const NESTED: &str = "RFC 7519 §5.2: nested tokens are not taken";
const SIZE: &str = "more than any token needs";

pub(super) fn table(world: &World) -> Vec<Hostile> {
    [parts(world), encodings(world), texts(world), nested(world), sizes(world)]
        .into_iter()
        .flatten()
        .collect()
}

fn good(world: &World) -> [String; 3] {
    let token = world.rs256(&header("RS256"), &world.claims());
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("three parts")
}

fn parts(world: &World) -> Vec<Hostile> {
    let [h, c, s] = good(world);
    let forms = [
        ("one part", h.clone()),
        ("two parts", format!("{h}.{c}")),
        ("four parts", format!("{h}.{c}.{s}.{s}")),
        ("five parts, as a JWE has", format!("{h}.{c}.{s}.{c}.{s}")),
        ("a dot before", format!(".{h}.{c}.{s}")),
        ("a dot behind", format!("{h}.{c}.{s}.")),
        ("two dots", format!("{h}..{c}.{s}")),
        ("no header", format!(".{c}.{s}")),
        ("no claims", world.signer.token_of("RS256", &h, "")),
        ("detached, RFC 7515 appendix F", format!("{h}..{s}")),
        ("only dots", "..".to_owned()),
        ("one letter", "x".to_owned()),
        ("parts in another order", format!("{c}.{h}.{s}")),
        ("the signature first", format!("{s}.{h}.{c}")),
        (
            "the JSON serialisation",
            format!(r#"{{"protected":"{h}","payload":"{c}","signature":"{s}"}}"#),
        ),
    ];
    forms.into_iter().map(|(name, token)| Hostile::new(name, COMPACT, token)).collect()
}

/// Other texts for the same bytes. What is signed is the text as it is sent.
fn encodings(world: &World) -> Vec<Hostile> {
    let [h, c, s] = good(world);
    let signed = |header: &str, claims: &str| world.signer.token_of("RS256", header, claims);
    let mut table = Vec::new();
    for (name, change) in [
        ("padding", (|part| format!("{part}=")) as fn(&str) -> String),
        ("two of padding", |part| format!("{part}==")),
        ("a blank", |part| format!("{part} ")),
        ("a line's end", |part| format!("{part}\n")),
        ("a tab", |part| format!("{part}\t")),
        ("an A more", |part| format!("{part}A")),
        ("a percent code", |part| format!("{part}%3D")),
    ] {
        table.push((format!("{name} behind the header"), signed(&change(&h), &c)));
        table.push((format!("{name} behind the claims"), signed(&h, &change(&c))));
        let changed = change(&s);
        // Blanks at the end of a field's value are no part of it (RFC 9110 §5.5).
        if changed.trim_end() == changed {
            table.push((format!("{name} behind the signature"), format!("{h}.{c}.{changed}")));
        }
    }
    // A claim whose text has both characters in which the alphabets differ.
    let claims = with(&world.claims(), "x", json!("\u{3ff}\u{3fe}???>>>~~~\u{ff}"));
    let claims = encode(claims.to_string());
    assert!(claims.contains(['-', '_']), "a part that shows the alphabet");
    table.push((
        "the other alphabet".into(),
        signed(&h, &claims.replace('-', "+").replace('_', "/")),
    ));
    let part_with_stray_bits = |wanted: usize| {
        let longer =
            (0..3).map(|more| with(&world.claims(), "x", json!("y".repeat(more))).to_string());
        longer.map(encode).find(|part| part.len() % 4 == wanted).expect("one of three")
    };
    for wanted in [2, 3] {
        let claims = stray(&part_with_stray_bits(wanted));
        table.push((format!("stray bits in {wanted} characters"), signed(&h, &claims)));
    }
    table.push(("stray bits in the signature".into(), format!("{h}.{c}.{}", stray(&s))));
    table.into_iter().map(|(name, token)| Hostile::new(name, BASE64URL, token)).collect()
}

/// The same bytes with the last character's unused bits set.
fn stray(part: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.find(last).expect("base64url");
    assert!(part.len() % 4 > 1, "a part with unused bits");
    format!("{rest}{}", &ALPHABET[value + 1..value + 2])
}

fn texts(world: &World) -> Vec<Hostile> {
    let (header, claims) = (world.header_text(), world.claims().to_string());
    let open = claims.trim_end_matches('}');
    let claims_forms: Vec<(&str, Vec<u8>)> = vec![
        ("a byte order mark", format!("\u{feff}{claims}").into_bytes()),
        ("UTF-16", claims.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("another object behind", format!("{claims}{{}}").into_bytes()),
        ("a NUL behind", format!("{claims}\0").into_bytes()),
        ("a comma too many", format!("{open},}}").into_bytes()),
        ("a comment", format!("{open}/* */}}").into_bytes()),
        ("single quotes", claims.replace('"', "'").into_bytes()),
        ("NaN", format!("{open},\"x\":NaN}}").into_bytes()),
        ("a number that is none", format!("{open},\"x\":01}}").into_bytes()),
        ("a raw line's end in a text", format!("{open},\"x\":\"a\nb\"}}").into_bytes()),
        ("no UTF-8", [open.as_bytes(), b",\"x\":\"\xff\xfe\"}"].concat()),
        ("overlong UTF-8", [open.as_bytes(), b",\"x\":\"\xc0\xaf\"}"].concat()),
        ("half a surrogate pair", format!("{open},\"x\":\"\\ud800\"}}").into_bytes()),
        ("cut short", open.as_bytes().to_vec()),
        ("an array", format!("[{claims}]").into_bytes()),
        ("a text", json!(claims).to_string().into_bytes()),
        ("null", b"null".to_vec()),
        ("nothing", Vec::new()),
        (
            "depth of 200",
            format!("{open},\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200)).into_bytes(),
        ),
        ("depth of 3 000", format!("{open},\"x\":{}", "{\"a\":".repeat(1_500)).into_bytes()),
    ];
    let mut table: Vec<_> = claims_forms
        .into_iter()
        .map(|(name, claims)| {
            Hostile::new(format!("claims: {name}"), JSON, world.parts(&header, claims))
        })
        .collect();
    let open = header.trim_end_matches('}');
    for (name, header) in [
        ("a byte order mark", format!("\u{feff}{header}")),
        ("an array", format!("[{header}]")),
        ("another object behind", format!("{header}{header}")),
        ("a comma too many", format!("{open},}}")),
        ("depth of 200", format!("{open},\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200))),
        ("null", "null".to_owned()),
        ("cut short", open.to_owned()),
    ] {
        table.push(Hostile::new(format!("header: {name}"), JSON, world.parts(header, &claims)));
    }
    table
}

fn nested(world: &World) -> Vec<Hostile> {
    let inner = world.rs256(&header("RS256"), &world.claims());
    let outer = with(&header("RS256"), "cty", json!("JWT"));
    let jwe = json!({"alg": "RSA-OAEP", "enc": "A256GCM"}).to_string();
    let [_, c, s] = good(world);
    vec![
        Hostile::new("a token in a token", NESTED, world.parts(outer.to_string(), &inner)),
        Hostile::new(
            "a token in a token, in JSON",
            NESTED,
            world.parts(outer.to_string(), json!(inner).to_string()),
        ),
        Hostile::new("a JWE", NESTED, format!("{}.{s}.{c}.{c}.{s}", encode(jwe))),
        Hostile::new("a token encoded once more", NESTED, encode(inner)),
    ]
}

fn sizes(world: &World) -> Vec<Hostile> {
    let of = |name: &str, claims: serde_json::Value| {
        Hostile::new(name, SIZE, world.rs256(&header("RS256"), &claims))
    };
    let long_signature = {
        let [h, c, s] = good(world);
        format!("{h}.{c}.{}", encode(decode(&s).repeat(40)))
    };
    vec![
        of("17 kB", with(&world.claims(), "x", json!("x".repeat(12_800)))),
        of("50 kB", with(&world.claims(), "x", json!("x".repeat(36_000)))),
        of("64 kB", with(&world.claims(), "x", json!("x".repeat(48_000)))),
        Hostile::new("13 kB of signature", SIZE, long_signature),
    ]
}
