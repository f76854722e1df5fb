//! A credential as the rules see it: read by a reader of its own, which takes whatever it can.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use claimgate_corpus::hostile::World;
use serde_json::Value;

/// Algorithms that sign the same with the same bytes, so that it can be seen who signed.
const DETERMINISTIC: [&str; 6] = ["RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"];

/// What was sent, taken apart. What cannot be read is `null` or empty.
pub(super) struct Parts<'w> {
    world: &'w World,
    pub(super) now: u64,
    pub(super) scheme: String,
    /// Behind the scheme.
    token: String,
    pub(super) texts: Vec<String>,
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) signature: Vec<u8>,
}

impl<'w> Parts<'w> {
    pub(super) fn of(credential: &str, world: &'w World) -> Self {
        let (scheme, token) = credential.trim().split_once(' ').unwrap_or_default();
        let token = token.trim_start_matches(' ');
        let texts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let bytes = |at: usize| texts.get(at).map(|text| decode(text)).unwrap_or_default();
        let value = |at: usize| serde_json::from_slice(&bytes(at)).unwrap_or_default();
        Self {
            world,
            now: world.now,
            scheme: scheme.to_owned(),
            token: token.to_owned(),
            header: value(0),
            claims: value(1),
            signature: bytes(2),
            texts,
        }
    }

    /// RFC 6750 §2.1: `b64token`.
    pub(super) fn is_one_credential(&self) -> bool {
        let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        self.scheme.eq_ignore_ascii_case("bearer")
            && !self.token.is_empty()
            && self.token.bytes().all(is_token_byte)
    }

    pub(super) fn is_base64url(&self) -> bool {
        self.texts.iter().all(|text| URL_SAFE_NO_PAD.decode(text).is_ok())
    }

    pub(super) fn typ(&self) -> Option<String> {
        let typ = self.header.get("typ")?;
        let typ = typ.as_str().map_or_else(|| typ.to_string(), str::to_ascii_lowercase);
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    pub(super) fn is_of_another_kind(&self) -> bool {
        let is_bearer =
            |typ: &Value| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("bearer"));
        self.claims.get("typ").is_some_and(|typ| !is_bearer(typ))
            || ["at_hash", "c_hash", "events"].iter().any(|name| self.claims.get(name).is_some())
    }

    pub(super) fn is_for(&self, audience: &str) -> bool {
        match &self.claims["aud"] {
            Value::Array(list) => list.iter().any(|one| one == audience),
            one => one == audience,
        }
    }

    /// Not there at all, or a number of seconds that a clock can show.
    pub(super) fn is_date(&self, name: &str) -> bool {
        let date = |value: &Value| value.as_f64().is_some_and(|date| (0.0..=1e15).contains(&date));
        self.claims.get(name).is_none_or(date)
    }

    pub(super) fn is_large(&self) -> bool {
        let long_kid = self.header["kid"].as_str().is_some_and(|kid| kid.len() > 256);
        let deep = [&self.header, &self.claims].iter().any(|value| depth(value) > 16);
        self.token.len() > 16 * 1024 || long_kid || deep
    }

    fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap_or_default()
    }

    /// What the algorithm that the header names asks for.
    pub(super) fn ecdsa_length(&self) -> Option<usize> {
        match self.algorithm() {
            "ES256" => Some(64),
            "ES384" => Some(96),
            "ES512" => Some(132),
            _ => None,
        }
    }

    /// With one of our keys, by another algorithm than the one it names.
    pub(super) fn is_signed_otherwise(&self) -> bool {
        let Some((input, _)) = self.token.rsplit_once('.') else { return false };
        let signer = &self.world.signer;
        DETERMINISTIC
            .iter()
            .filter(|algorithm| **algorithm != self.algorithm())
            .any(|algorithm| signer.sign(algorithm, input.as_bytes()) == self.signature)
    }
}

fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(list) => list.iter().map(depth).max(),
        Value::Object(map) => map.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

fn decode(part: &str) -> Vec<u8> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let part = part.replace('+', "-").replace('/', "_");
    GeneralPurpose::new(&alphabet::URL_SAFE, lenient).decode(part).unwrap_or_default()
}
