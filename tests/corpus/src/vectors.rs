//! Signatures of others: RFC examples, the edges of `ecdsa.json` and `rsa.json`, Wycheproof.
//!
//! Each has one expectation, which every verifier has to meet. Where a source leaves the choice, the
//! choice is made here and said why.

use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use crate::{decode, encode, file, text};

/// A signature, and what is to be said of it.
pub struct Vector {
    /// Where it comes from, and what it is.
    pub name: String,
    /// JOSE's name.
    pub algorithm: String,
    /// The key as a JWK; `oct` for a secret.
    pub jwk: Value,
    /// What is signed.
    pub message: Vec<u8>,
    /// The signature in JOSE's form.
    pub signature: Vec<u8>,
    /// Whether it is one.
    pub good: bool,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Vector> {
    [rfc(), edges("ecdsa.json"), edges("rsa.json"), wycheproof()].into_iter().flatten().collect()
}

/// RFC 7515 appendix A, RFC 7520 section 4, RFC 8037 appendix A.
#[must_use]
pub fn rfc() -> Vec<Vector> {
    cases(&file("rfc.json"), |case| (case["key"].clone(), text(case, "algorithm").to_owned()))
}

/// The edges of one kind of signature, for tokens of ours.
#[must_use]
pub fn edges(name: &str) -> Vec<Vector> {
    let file = file(name);
    let keys = file["jwks"]["keys"].as_array().expect("keys");
    cases(&file, |case| {
        let header = text(case, "token").split('.').next().expect("a header");
        let header: Value = serde_json::from_slice(&decode(header)).expect("a JSON header");
        let key = keys.iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
        (key.clone(), text(&header, "alg").to_owned())
    })
}

fn cases(file: &Value, key: impl Fn(&Value) -> (Value, String)) -> Vec<Vector> {
    let vector = |case: &Value| {
        let (message, signature) = text(case, "token").rsplit_once('.').expect("a token");
        let (jwk, algorithm) = key(case);
        Vector {
            name: text(case, "name").to_owned(),
            algorithm,
            jwk,
            message: message.into(),
            signature: decode(signature),
            good: case["good"].as_bool().expect("good"),
        }
    };
    file["cases"].as_array().expect("cases").iter().map(vector).collect()
}

/// The sets of Wycheproof for what JOSE has: ECDSA as raw r‖s (IEEE P1363), RSA with both paddings,
/// Ed25519.
#[must_use]
pub fn wycheproof() -> Vec<Vector> {
    use ecdsa::TestName as Ecdsa;
    use rsa_pkcs1_verify::TestName as Pkcs1;
    use rsa_pss_verify::TestName as Pss;
    let sets = [
        ("ES256", Ecdsa::EcdsaSecp256r1Sha256P1363.json_data()),
        ("ES384", Ecdsa::EcdsaSecp384r1Sha384P1363.json_data()),
        ("ES512", Ecdsa::EcdsaSecp521r1Sha512P1363.json_data()),
        ("RS256", Pkcs1::Rsa2048Sha256.json_data()),
        ("RS384", Pkcs1::Rsa2048Sha384.json_data()),
        ("RS512", Pkcs1::Rsa2048Sha512.json_data()),
        ("RS256", Pkcs1::Rsa3072Sha256.json_data()),
        ("RS384", Pkcs1::Rsa3072Sha384.json_data()),
        ("RS512", Pkcs1::Rsa3072Sha512.json_data()),
        ("RS256", Pkcs1::Rsa4096Sha256.json_data()),
        ("RS384", Pkcs1::Rsa4096Sha384.json_data()),
        ("RS512", Pkcs1::Rsa4096Sha512.json_data()),
        ("RS256", Pkcs1::Rsa8192Sha256.json_data()),
        ("PS256", Pss::RsaPss2048Sha256Mgf1SaltLen32.json_data()),
        ("PS384", Pss::RsaPss2048Sha384Mgf1SaltLen48.json_data()),
        ("PS256", Pss::RsaPss3072Sha256Mgf1SaltLen32.json_data()),
        ("PS256", Pss::RsaPss4096Sha256Mgf1SaltLen32.json_data()),
        ("PS384", Pss::RsaPss4096Sha384Mgf1SaltLen48.json_data()),
        ("PS512", Pss::RsaPss4096Sha512Mgf1SaltLen64.json_data()),
        // RFC 7518 §3.5 wants a salt as long as the hash: what is valid here is not PS256 or PS512.
        ("PS256", Pss::RsaPss2048Sha256Mgf1SaltLen0.json_data()),
        ("PS512", Pss::RsaPss4096Sha512Mgf1SaltLen32.json_data()),
        ("EdDSA", eddsa::TestName::Ed25519.json_data()),
    ];
    sets.into_iter().flat_map(|(algorithm, json)| wycheproof_set(algorithm, json)).collect()
}

fn wycheproof_set(algorithm: &str, json: &str) -> Vec<Vector> {
    let set: Value = serde_json::from_str(json).expect("Wycheproof's JSON");
    let groups = set["testGroups"].as_array().expect("groups").iter();
    groups.flat_map(|group| wycheproof_group(algorithm, group)).collect()
}

fn wycheproof_group(algorithm: &str, group: &Value) -> Vec<Vector> {
    let jwk = wycheproof_key(&group["publicKey"]);
    let hash_length = algorithm[2..].parse::<u64>().ok().map(|bits| bits / 8);
    let salt_fits = group["sLen"].is_null() || group["sLen"].as_u64() == hash_length;
    // Where the set's own salt is of another length, this one is of ours.
    let with_our_salt = hash_length.map(|length| format!("s_len changed to {length}"));
    let is_ours = |test: &Value| with_our_salt.as_deref() == test["comment"].as_str();
    let vector = |test: &Value| Vector {
        name: format!(
            "Wycheproof {algorithm} {} #{}: {} {}",
            group["keySize"],
            test["tcId"],
            text(test, "comment"),
            test["flags"]
        ),
        algorithm: algorithm.to_owned(),
        jwk: jwk.clone(),
        message: hex(text(test, "msg")),
        signature: hex(text(test, "sig")),
        // "Acceptable" is PKCS #1 without the NULL that RFC 8017 §9.2 writes: not what a signer of
        // ours sends, so it is refused.
        good: if salt_fits { test["result"] == "valid" } else { is_ours(test) },
    };
    group["tests"].as_array().expect("tests").iter().map(vector).collect()
}

fn wycheproof_key(key: &Value) -> Value {
    let number = |name: &str| {
        let bytes = hex(text(key, name));
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes[zeros..].to_vec()
    };
    let coordinate = |name: &str, size: usize| {
        let bytes = number(name);
        [vec![0; size - bytes.len()], bytes].concat()
    };
    if key["modulus"].is_string() {
        let (n, e) = (number("modulus"), number("publicExponent"));
        return json!({"kty": "RSA", "n": encode(n), "e": encode(e)});
    }
    if key["pk"].is_string() {
        return json!({"kty": "OKP", "crv": "Ed25519", "x": encode(hex(text(key, "pk")))});
    }
    let (curve, size) = match text(key, "curve") {
        "secp256r1" => ("P-256", 32),
        "secp384r1" => ("P-384", 48),
        "secp521r1" => ("P-521", 66),
        other => panic!("unknown curve {other}"),
    };
    let [x, y] = ["wx", "wy"].map(|name| encode(coordinate(name, size)));
    json!({"kty": "EC", "crv": curve, "x": x, "y": y})
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |two: &[u8]| {
        let two = std::str::from_utf8(two).expect("hexadecimal");
        u8::from_str_radix(two, 16).expect("hexadecimal")
    };
    digits.map(byte).collect()
}
