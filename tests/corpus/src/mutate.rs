//! What can be done to a token without its key. Each gives another text, if it can.
//!
//! A mutation may meet what an earlier one has left, so it assumes nothing about the form.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use crate::random::Random;
use crate::{Family, sign, text};

/// Gives another text, if it can.
pub struct Mutation {
    /// What it changes.
    pub family: Family,
    /// What it does.
    pub name: &'static str,
    apply: fn(&str, &Material, &mut Random) -> String,
}

impl Mutation {
    const fn of(
        family: Family,
        name: &'static str,
        apply: fn(&str, &Material, &mut Random) -> String,
    ) -> Self {
        Self { family, name, apply }
    }

    /// The token after it, by chance.
    #[must_use]
    pub fn apply(&self, token: &str, material: &Material, random: &mut Random) -> String {
        (self.apply)(token, material, random)
    }
}

/// All of them.
pub const MUTATIONS: [Mutation; 20] = [
    Mutation::of(Family::Signature, "a bit of a part", bit),
    Mutation::of(Family::Encoding, "a character", character),
    Mutation::of(Family::Encoding, "a character more", character_more),
    Mutation::of(Family::Encoding, "a character less", character_less),
    Mutation::of(Family::Encoding, "cut", cut),
    Mutation::of(Family::Encoding, "parts swapped", swapped),
    Mutation::of(Family::Signature, "another token's part", borrowed),
    Mutation::of(Family::Encoding, "parts added", added),
    Mutation::of(Family::Encoding, "padding", padding),
    Mutation::of(Family::Encoding, "stray bits", stray_bits),
    Mutation::of(Family::Encoding, "the other alphabet", other_alphabet),
    Mutation::of(Family::Encoding, "blanks", blanks),
    Mutation::of(Family::Header, "another algorithm", algorithm),
    Mutation::of(Family::Header, "another key", key),
    Mutation::of(Family::Header, "header members", header_members),
    Mutation::of(Family::Claims, "claims", claims),
    Mutation::of(Family::Encoding, "members twice", members_twice),
    Mutation::of(Family::Encoding, "blanks in the JSON", json_blanks),
    Mutation::of(Family::Signature, "a MAC keyed with what is public", public_mac),
    Mutation::of(Family::Signature, "a made-up signature", made_up_signature),
];

/// What an attacker has: other tokens, and what is published.
pub struct Material {
    tokens: Vec<String>,
    kids: Vec<String>,
    secrets: Vec<Vec<u8>>,
}

impl Material {
    /// Of a file with `tokens` and `jwks`.
    #[must_use]
    pub fn of(file: &Value) -> Self {
        let tokens = file["tokens"].as_object().unwrap().values();
        let keys = file["jwks"]["keys"].as_array().unwrap();
        let numbers = keys.iter().flat_map(|key| ["n", "e", "x", "y"].map(|name| &key[name]));
        let numbers: Vec<_> = numbers.filter_map(Value::as_str).collect();
        let decoded = numbers.iter().filter_map(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let texts = numbers.iter().map(|text| text.as_bytes().to_vec());
        let jwks = keys.iter().map(|key| key.to_string().into_bytes());
        Self {
            tokens: tokens.map(|token| token.as_str().unwrap().to_owned()).collect(),
            kids: keys.iter().map(|key| text(key, "kid").to_owned()).collect(),
            secrets: decoded.chain(texts).chain(jwks).chain([Vec::new()]).collect(),
        }
    }
}

fn parts(token: &str) -> Vec<String> {
    token.split('.').map(str::to_owned).collect()
}

/// Decodes whatever it can, so that mutations can be put on top of each other.
fn decode(part: &str) -> Vec<u8> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::URL_SAFE, lenient).decode(part).unwrap_or_default()
}

/// The token with one part made anew from its bytes.
fn with_part(token: &str, index: usize, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let mut parts = parts(token);
    if let Some(part) = parts.get_mut(index) {
        *part = URL_SAFE_NO_PAD.encode(change(decode(part)));
    }
    parts.join(".")
}

fn with_json(token: &str, index: usize, change: impl FnOnce(&mut Value)) -> String {
    with_part(token, index, |bytes| {
        let mut value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}));
        if value.is_object() {
            change(&mut value);
        }
        value.to_string().into_bytes()
    })
}

fn bit(token: &str, _: &Material, random: &mut Random) -> String {
    with_part(token, random.below(3), |mut bytes| {
        let at = random.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.below(8);
        }
        bytes
    })
}

/// At a place between characters.
fn place(token: &str, random: &mut Random) -> usize {
    let at = random.below(token.len() + 1);
    (0..=at).rev().find(|at| token.is_char_boundary(*at)).unwrap_or_default()
}

fn character(token: &str, material: &Material, random: &mut Random) -> String {
    character_more(&character_less(token, material, random), material, random)
}

fn character_more(token: &str, _: &Material, random: &mut Random) -> String {
    let mut token = token.to_owned();
    let any = char::from(b' ' + random.byte() % 95);
    let at = place(&token, random);
    token.insert(at, *random.choose(&['A', '_', '-', '.', any]));
    token
}

fn character_less(token: &str, _: &Material, random: &mut Random) -> String {
    let mut token = token.to_owned();
    let at = place(&token, random);
    if at < token.len() {
        token.remove(at);
    }
    token
}

fn cut(token: &str, _: &Material, random: &mut Random) -> String {
    let at = place(token, random);
    if random.below(4) == 0 { token[at..].to_owned() } else { token[..at].to_owned() }
}

fn swapped(token: &str, _: &Material, random: &mut Random) -> String {
    let mut parts = parts(token);
    let (one, other) = (random.below(parts.len()), random.below(parts.len()));
    parts.swap(one, other);
    parts.join(".")
}

fn borrowed(token: &str, material: &Material, random: &mut Random) -> String {
    let other: &String = random.choose(&material.tokens);
    let other = parts(other);
    let mut parts = parts(token);
    let at = random.below(3);
    if let Some(part) = parts.get_mut(at) {
        part.clone_from(&other[at]);
    }
    parts.join(".")
}

fn added(token: &str, _: &Material, random: &mut Random) -> String {
    let mut parts = parts(token);
    let one = *random.choose(&["", "e30", "AA", "."]);
    let again = random.choose(&parts).clone();
    let at = random.below(parts.len() + 1);
    parts.insert(at, random.choose(&[one.to_owned(), again]).clone());
    parts.join(".")
}

fn padding(token: &str, _: &Material, random: &mut Random) -> String {
    let mut parts = parts(token);
    let at = random.below(parts.len());
    let more = *random.choose(&["=", "==", "===", "%3D"]);
    parts[at].push_str(more);
    parts.join(".")
}

/// The last character's unused bits: another text for the same bytes, where there are any.
fn stray_bits(token: &str, _: &Material, random: &mut Random) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut parts = parts(token);
    let at = random.below(parts.len());
    let last = parts[at].pop();
    let value = last.and_then(|last| ALPHABET.iter().position(|one| char::from(*one) == last));
    let changed = value.map(|value| char::from(ALPHABET[value ^ (1 + random.below(3))]));
    parts[at].extend(changed.or(last));
    parts.join(".")
}

fn other_alphabet(token: &str, _: &Material, random: &mut Random) -> String {
    let pairs =
        [('-', "+"), ('_', "/"), ('-', "%2D"), ('_', "%5F"), ('.', "%2E"), ('A', "\u{410}")];
    let (from, to) = random.choose(&pairs);
    token.replacen(*from, to, 1 + random.below(3))
}

fn blanks(token: &str, _: &Material, random: &mut Random) -> String {
    let mut token = token.to_owned();
    let at = place(&token, random);
    token.insert(at, *random.choose(&[' ', '\t', '\u{b}', '\u{a0}', '\u{200b}', '\u{feff}', ',']));
    token
}

fn algorithm(token: &str, _: &Material, random: &mut Random) -> String {
    let names = [
        "none", "None", "NONE", "", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256",
        "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "HS256", "HS384", "HS512", "rs256", "RS1",
    ];
    let name = *random.choose(&names);
    let token = with_json(token, 0, |header| header["alg"] = name.into());
    if random.below(3) == 0 { with_part(&token, 2, |_| Vec::new()) } else { token }
}

fn key(token: &str, material: &Material, random: &mut Random) -> String {
    let kid = random.choose(&material.kids).clone();
    let kids =
        [kid.into(), Value::Null, json!(["a"]), json!(1), "".into(), "../../dev/null".into()];
    let kid = random.choose(&kids).clone();
    with_json(token, 0, |header| header["kid"] = kid)
}

fn header_members(token: &str, _: &Material, random: &mut Random) -> String {
    let members = [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("typ", json!("dpop+jwt")),
        ("jku", json!("https://elsewhere.test/keys")),
        ("x5u", json!("https://elsewhere.test/cert")),
        ("x", json!({"deep": [[[[1]]]]})),
    ];
    let (name, value) = random.choose(&members).clone();
    with_json(token, 0, |header| header[name] = value)
}

fn claims(token: &str, _: &Material, random: &mut Random) -> String {
    let members = [
        ("exp", json!(u64::MAX)),
        ("exp", json!(1_900_000_000)),
        ("sub", json!("admin")),
        ("email", json!("admin@example.com")),
        ("aud", json!(["account", "admin"])),
        ("iss", json!("https://elsewhere.test")),
        ("scope", json!("admin")),
        ("nbf", json!(0)),
        ("iat", json!(1)),
        ("admin", json!(true)),
    ];
    let (name, value) = random.choose(&members).clone();
    with_json(token, 1, |claims| claims[name] = value)
}

fn members_twice(token: &str, _: &Material, random: &mut Random) -> String {
    let first = random.below(2);
    let members = [r#""alg":"none""#, r#""sub":"admin""#, r#""exp":1900000000"#, r#""kid":"x""#];
    let member = *random.choose(&members);
    let at_the_end = random.below(2) == 0;
    with_part(token, first, |bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        let inner = if at_the_end { [inner, member] } else { [member, inner] };
        format!("{{{}}}", inner.join(",")).into_bytes()
    })
}

fn json_blanks(token: &str, _: &Material, random: &mut Random) -> String {
    let blank = *random.choose(&[&b" "[..], b"\n", b"\t", b"\xef\xbb\xbf", b"\0", b"{}"]);
    let front = random.below(2) == 0;
    with_part(token, random.below(2), |bytes| {
        if front { [blank, &bytes].concat() } else { [&bytes, blank].concat() }
    })
}

fn public_mac(token: &str, material: &Material, random: &mut Random) -> String {
    let alg = *random.choose(&["HS256", "HS384", "HS512"]);
    let secret = random.choose(&material.secrets);
    let token = with_json(token, 0, |header| header["alg"] = alg.into());
    let input = token.rsplit_once('.').map_or("", |(input, _)| input).to_owned();
    with_part(&token, 2, |_| sign::mac(alg, secret, input.as_bytes()))
}

fn made_up_signature(token: &str, _: &Material, random: &mut Random) -> String {
    let len = *random.choose(&[0, 1, 31, 32, 48, 63, 64, 65, 96, 128, 132, 255, 256, 257]);
    let fill = *random.choose(&[0, 1, 0x7f, 0xff]);
    with_part(token, 2, |_| match fill {
        1 => (0..len).map(|_| random.byte()).collect(),
        fill => vec![fill; len],
    })
}
