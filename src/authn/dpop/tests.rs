//! Proofs of RFC 9449, proofs of our own, and what is wrong with the others.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

use super::*;
use crate::authn::{Algorithm, AlgorithmSet, Key, PortableVerifier, SignatureVerifier, Thumbprint};
use crate::time::Timestamp;

const NOW: u64 = 1_562_262_618;
const RFC_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const RFC_JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
/// RFC 9449 §7.1, figure 12.
const RFC_RESOURCE: &str =
    include_str!("../../../tests/testdata/jose/dpop-resource.txt").trim_ascii();
/// RFC 9449 §4.1, figure 2: for the token endpoint, so without `ath`.
const RFC_GRANT: &str = include_str!("../../../tests/testdata/jose/dpop-grant.txt").trim_ascii();

pub(super) const WINDOW: Window =
    Window { max_age: Duration::from_secs(60), clock_skew: Duration::from_secs(5) };

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(NOW.checked_add_signed(seconds).unwrap())
}

/// A client's key.
fn key() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn jwk() -> Value {
    let point = key().verifying_key().to_encoded_point(false);
    let [x, y] = [point.x(), point.y()].map(|c| URL_SAFE_NO_PAD.encode(c.unwrap()));
    json!({"kty": "EC", "crv": "P-256", "x": x, "y": y})
}

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk()})
}

fn claims() -> Value {
    let ath = URL_SAFE_NO_PAD.encode(Thumbprint::of(b"the.access.token").as_bytes());
    json!({"jti": "1", "htm": "GET", "htu": "https://api.example.com/r", "iat": NOW, "ath": ath})
}

fn input(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}")
}

fn sign(header: &Value, claims: &Value) -> String {
    let input = input(header, claims);
    let signature: p256::ecdsa::Signature = key().sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn changed(mut object: Value, name: &str, value: &Value) -> Value {
    object[name] = value.clone();
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

/// A proof with another claim.
fn claiming(name: &str, value: &Value) -> String {
    sign(&header(), &changed(claims(), name, value))
}

/// What the client's ordinary proof is good for.
fn expected() -> Expected<'static> {
    static ORIGIN: LazyLock<PublicOrigin> =
        LazyLock::new(|| PublicOrigin::parse("https://api.example.com").unwrap());
    Expected {
        algorithms: AlgorithmSet::ASYMMETRIC,
        key: Thumbprint::of_key(&Key::of_jwk(&jwk()).unwrap()).unwrap(),
        method: "GET",
        origin: &ORIGIN,
        path: "/r",
        token: "the.access.token",
        window: WINDOW,
        nonces: Nonces::Off,
    }
}

fn check(proof: &str, expected: &Expected<'_>, now: Timestamp) -> Result<FreshProof, DpopError> {
    Proof::parse(proof)?.check(expected, &PortableVerifier, now)
}

fn refusal(proof: &str) -> Option<DpopError> {
    check(proof, &expected(), at(0)).err()
}

#[test]
fn the_proof_of_the_standard_is_good_for_its_request() {
    let origin = PublicOrigin::parse("https://resource.example.org").unwrap();
    let (key, token) = (Thumbprint::from_base64url(RFC_JKT).unwrap(), RFC_TOKEN);
    let request =
        Expected { key, origin: &origin, path: "/protectedresource", token, ..expected() };
    let fresh = check(RFC_RESOURCE, &request, at(0)).unwrap();
    assert_eq!((fresh.usable_until, fresh.may_ask_nonce), (at(60), false));
    let ath = Thumbprint::from_base64url("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    assert_eq!(ath, Some(Thumbprint::of(RFC_TOKEN.as_bytes())));
}

#[test]
fn a_proof_for_the_token_endpoint_is_none_for_a_resource() {
    let origin = PublicOrigin::parse("https://server.example.com").unwrap();
    let (key, token) = (Thumbprint::from_base64url(RFC_JKT).unwrap(), RFC_TOKEN);
    let request =
        Expected { key, method: "POST", origin: &origin, path: "/token", token, ..expected() };
    assert_eq!(check(RFC_GRANT, &request, at(0)).err(), Some(DpopError::Token));
}

#[test]
fn keys_of_other_kinds_sign_proofs_too() {
    use ed25519_dalek::Signer as _;
    use rsa::pkcs8::DecodePrivateKey as _;
    use rsa::signature::SignatureEncoding as _;
    use rsa::traits::PublicKeyParts as _;

    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let x = URL_SAFE_NO_PAD.encode(ed25519.verifying_key().as_bytes());
    let ed25519_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let pem = include_str!("../../../tests/testdata/keys/rsa-1.pem");
    let rsa = rsa::RsaPrivateKey::from_pkcs8_pem(pem).unwrap();
    let [n, e] = [rsa.n(), rsa.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_bytes_be()));
    let rsa_jwk = json!({"kty": "RSA", "n": n, "e": e});
    let rsa = rsa::pkcs1v15::SigningKey::<sha2::Sha256>::new(rsa);
    let ed25519 = |input: &[u8]| ed25519.sign(input).to_vec();
    let rsa = |input: &[u8]| rsa::signature::Signer::sign(&rsa, input).to_vec();
    type Sign<'s> = &'s dyn Fn(&[u8]) -> Vec<u8>;
    let table = [("EdDSA", ed25519_jwk, &ed25519 as Sign<'_>), ("RS256", rsa_jwk, &rsa)];
    for (alg, jwk, sign) in table {
        let input = input(&json!({"typ": "dpop+jwt", "alg": alg, "jwk": jwk}), &claims());
        let proof = format!("{input}.{}", URL_SAFE_NO_PAD.encode(sign(input.as_bytes())));
        let key = Thumbprint::of_key(&Key::of_jwk(&jwk).unwrap()).unwrap();
        assert!(check(&proof, &Expected { key, ..expected() }, at(0)).is_ok(), "{alg}");
        assert_eq!(refusal(&proof), Some(DpopError::Thumbprint), "{alg}");
    }
}

#[test]
fn what_a_header_must_not_say_has_its_own_reason() {
    use DpopError::{Algorithm, Critical, Key, Malformed, Type};
    let table = [
        ("typ", json!("application/DPoP+JWT"), None),
        ("kid", json!("anything"), None),
        ("typ", json!("jwt"), Some(Type)),
        ("typ", json!("at+jwt"), Some(Type)),
        ("typ", json!("dpop+jwt "), Some(Type)),
        ("typ", json!("text/dpop+jwt"), Some(Type)),
        ("typ", json!(["dpop+jwt"]), Some(Malformed)),
        ("alg", json!("none"), Some(Algorithm)),
        ("alg", json!("HS256"), Some(Algorithm)),
        ("alg", json!("es256"), Some(Algorithm)),
        ("alg", json!("RS256"), Some(Algorithm)),
        ("alg", json!("ES384"), Some(Algorithm)),
        ("alg", json!(null), Some(Malformed)),
        ("crit", json!(["exp"]), Some(Critical)),
        ("b64", json!(true), Some(Critical)),
        ("jwk", json!(null), Some(Key)),
        ("jwk", json!("x"), Some(Key)),
        ("jwk", json!([jwk()]), Some(Key)),
        ("jwk", json!({}), Some(Key)),
        ("jwk", json!({"kty": "oct", "k": "AAAA"}), Some(Key)),
        ("jwk", changed(jwk(), "use", &json!("enc")), Some(Key)),
        ("jwk", changed(jwk(), "crv", &json!("P-384")), Some(Key)),
        ("jwk", changed(jwk(), "y", &jwk()["x"]), Some(Key)),
        ("jwk", changed(jwk(), "alg", &json!("ES384")), Some(Key)),
    ];
    for (member, value, reason) in table {
        let proof = sign(&changed(header(), member, &value), &claims());
        assert_eq!(refusal(&proof), reason, "{member}: {value}");
    }
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let proof =
            sign(&changed(header(), "jwk", &changed(jwk(), member, &json!(null))), &claims());
        assert_eq!(refusal(&proof), Some(Key), "{member}");
    }
    for (member, reason) in [("typ", Type), ("alg", Malformed), ("jwk", Key)] {
        assert_eq!(refusal(&sign(&without(header(), member), &claims())), Some(reason));
    }
}

#[test]
fn a_claim_of_another_type_is_malformed() {
    for name in ["jti", "htm", "htu", "iat"] {
        let proof = sign(&header(), &without(claims(), name));
        assert_eq!(refusal(&proof), Some(DpopError::Malformed), "{name}");
        for value in [json!(null), json!(true), json!([]), json!({})] {
            assert_eq!(refusal(&claiming(name, &value)), Some(DpopError::Malformed), "{name}");
        }
    }
    for name in ["ath", "nonce"] {
        assert_eq!(refusal(&claiming(name, &json!(1))), Some(DpopError::Malformed), "{name}");
    }
    for iat in [json!("1562262618"), json!(-1), json!(1e16), json!(u64::MAX)] {
        assert_eq!(refusal(&claiming("iat", &iat)), Some(DpopError::Malformed), "{iat}");
    }
    for (length, reason) in
        [(0, Some(DpopError::Malformed)), (256, None), (257, Some(DpopError::Malformed))]
    {
        assert_eq!(refusal(&claiming("jti", &json!("j".repeat(length)))), reason, "{length}");
    }
}

#[test]
fn each_check_fails_alone_with_its_own_reason() {
    use DpopError::{Method, Time, Token, Uri};
    assert_eq!(refusal(&sign(&header(), &claims())), None);
    let table = [
        ("htm", json!("POST"), Method),
        ("htm", json!("get"), Method),
        ("htm", json!(""), Method),
        ("htu", json!("https://api.example.com/"), Uri),
        ("htu", json!("http://api.example.com/r"), Uri),
        ("htu", json!("/r"), Uri),
        ("ath", json!(""), Token),
        ("ath", json!("the.access.token"), Token),
        ("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"), Token),
        ("iat", json!(NOW - 60), Time),
        ("iat", json!(NOW + 6), Time),
        ("iat", json!(0), Time),
    ];
    for (name, value, reason) in table {
        assert_eq!(refusal(&claiming(name, &value)), Some(reason), "{name}: {value}");
    }
    assert_eq!(refusal(&sign(&header(), &without(claims(), "ath"))), Some(Token));
    let key = Thumbprint::from_base64url(RFC_JKT).unwrap();
    let proof = sign(&header(), &claims());
    let check = |expected| check(&proof, &expected, at(0)).err();
    assert_eq!(check(Expected { key, ..expected() }), Some(DpopError::Thumbprint));
    let algorithms = AlgorithmSet::RSA;
    assert_eq!(check(Expected { algorithms, ..expected() }), Some(DpopError::Algorithm));
}

#[test]
fn only_the_keys_own_signature_is_taken() {
    let proof = sign(&header(), &claims());
    let (input, signature) = proof.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[40] ^= 1;
    let flipped = URL_SAFE_NO_PAD.encode(&bytes);
    let longer = URL_SAFE_NO_PAD.encode([&bytes[..], &[0]].concat());
    let der = URL_SAFE_NO_PAD.encode([0x30; 70]);
    for signature in ["", "AAAA", &flipped, &longer, &der, &URL_SAFE_NO_PAD.encode([0; 64])] {
        let forged = format!("{input}.{signature}");
        assert_eq!(refusal(&forged), Some(DpopError::Signature), "{signature}");
    }
    // Another's signature of a header that names our key.
    let other = p256::ecdsa::SigningKey::from_slice(&[8; 32]).unwrap();
    let foreign: p256::ecdsa::Signature = other.sign(input.as_bytes());
    let forged = format!("{input}.{}", URL_SAFE_NO_PAD.encode(foreign.to_bytes()));
    assert_eq!(refusal(&forged), Some(DpopError::Signature));
}

/// Fails the test when it is asked.
#[derive(Debug)]
struct NeverAsked;

impl SignatureVerifier for NeverAsked {
    fn verify(&self, _: Algorithm, _: &Key, _: &[u8], _: &[u8]) -> bool {
        panic!("asked about a signature")
    }
}

#[test]
fn no_signature_is_checked_with_a_key_that_the_token_does_not_name() {
    let key = Thumbprint::from_base64url(RFC_JKT).unwrap();
    let proof = sign(&header(), &claims());
    let checked =
        Proof::parse(&proof).unwrap().check(&Expected { key, ..expected() }, &NeverAsked, at(0));
    assert_eq!(checked.err(), Some(DpopError::Thumbprint));
}

#[test]
fn texts_that_are_no_proof_are_refused() {
    use DpopError::{Malformed, Several, TooLong, Type};
    let proof = sign(&header(), &claims());
    let (input, signature) = proof.rsplit_once('.').unwrap();
    let (_, payload) = input.split_once('.').unwrap();
    let twice = URL_SAFE_NO_PAD.encode(r#"{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256"}"#);
    let table = [
        (String::new(), Malformed),
        ("a.b".into(), Malformed),
        (input.to_owned(), Malformed),
        (format!("{proof}."), Malformed),
        (format!("{proof}.e30"), Malformed),
        (format!("{proof}="), Malformed),
        (format!(" {proof}"), Malformed),
        (format!("{input}.é"), Malformed),
        (format!("{twice}.{payload}.{signature}"), Malformed),
        (format!("e30.{payload}.{signature}"), Type),
        (format!("W10.{payload}.{signature}"), Malformed),
        (format!("{proof}, {proof}"), Several),
        ("A".repeat(8 * 1024 + 1), TooLong),
        ("A".repeat(8 * 1024), Malformed),
    ];
    for (text, reason) in table {
        assert_eq!(Proof::parse(&text).err(), Some(reason), "{text}");
    }
}

#[test]
fn a_proof_is_good_from_a_skew_before_it_was_made_to_its_age_after() {
    let proof = sign(&header(), &claims());
    let table = [(-6, false), (-5, true), (0, true), (59, true), (60, false), (3_600, false)];
    for (now, good) in table {
        let checked = check(&proof, &expected(), at(now));
        assert_eq!(checked.err(), (!good).then_some(DpopError::Time), "{now}");
    }
}

#[test]
fn a_nonce_is_needed_where_it_is_asked_for_and_ends_the_proof() {
    let keeper = NonceKeeper::new(&[1; 32]).unwrap();
    let plain = sign(&header(), &claims());
    let nonced = claiming("nonce", &json!(keeper.current(at(0))));
    let foreign = claiming("nonce", &json!("anything"));
    let check = |proof: &str, nonces| {
        let fresh = check(proof, &Expected { nonces, ..expected() }, at(0));
        fresh.map(|fresh| (fresh.usable_until, fresh.may_ask_nonce))
    };
    // 1562262618 is 18 s into a window of 30 s.
    let (by_age, by_nonce) = (at(60), at(-18 + 60));
    assert_eq!(check(&plain, Nonces::Off), Ok((by_age, false)));
    assert_eq!(check(&foreign, Nonces::Off), Ok((by_age, false)));
    assert_eq!(check(&plain, Nonces::Accepted(&keeper)), Ok((by_age, true)));
    assert_eq!(check(&nonced, Nonces::Accepted(&keeper)), Ok((by_nonce, false)));
    assert_eq!(check(&foreign, Nonces::Accepted(&keeper)), Err(DpopError::Nonce));
    assert_eq!(check(&plain, Nonces::Required(&keeper)), Err(DpopError::Nonce));
    assert_eq!(check(&nonced, Nonces::Required(&keeper)), Ok((by_nonce, false)));
    assert_eq!(check(&foreign, Nonces::Required(&keeper)), Err(DpopError::Nonce));
}

#[test]
fn a_proof_is_known_by_its_key_and_its_jti() {
    let id = |proof: &str| Proof::parse(proof).unwrap().id;
    let first = id(&sign(&header(), &claims()));
    assert_eq!(first, id(&claiming("iat", &json!(NOW + 1))));
    assert_ne!(first, id(&claiming("jti", &json!("2"))));
    assert_ne!(id(RFC_GRANT), id(RFC_RESOURCE));
}

#[test]
fn clients_are_told_one_of_three_things_or_that_it_is_not_their_fault() {
    assert_eq!(DpopError::Nonce.code(), Some("use_dpop_nonce"));
    assert_eq!(DpopError::Thumbprint.code(), Some("invalid_token"));
    assert_eq!(DpopError::Replayed.code(), Some("invalid_dpop_proof"));
    assert_eq!(DpopError::Full.code(), None);
}
