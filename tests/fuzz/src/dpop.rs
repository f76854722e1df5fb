//! A proof of possession at a request with a fixed token at a fixed time.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::dpop::{
    Expected, FreshProof, NonceKeeper, Nonces, Proof, PublicOrigin, ReplayCache, Window,
};
use claimgate::authn::{AlgorithmSet, PortableVerifier, SignatureVerifier, Thumbprint};
use claimgate::time::Timestamp;
use serde_json::{Value, json};

use crate::gateway::{BelievesEverything, payload};

/// The proofs of RFC 9449 §7.1 and §4.1: the only ones that were signed with their key.
const RESOURCE: &str = include_str!("../../testdata/jose/dpop-resource.txt").trim_ascii();
const GRANT: &str = include_str!("../../testdata/jose/dpop-grant.txt").trim_ascii();
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
const NOW: u64 = 1_562_262_618;
const WINDOW: Window =
    Window { max_age: Duration::from_secs(60), clock_skew: Duration::from_secs(5) };

/// A `DPoP` header. Only what was signed may pass; where every signature is believed, only what
/// is made for this request, and that once.
pub fn dpop(header: &[u8]) {
    let Ok(text) = std::str::from_utf8(header) else { return };
    if check(text, &PortableVerifier, Nonces::Off).is_some() {
        // An ECDSA signature has a twin, so the signature itself may be another.
        let input = |proof: &str| proof.rsplit_once('.').map(|(input, _)| input.to_owned());
        assert_eq!(input(text), input(RESOURCE), "accepted, and nobody signed it");
    }
    let keeper = NonceKeeper::new(&[7; 32]).expect("a secret");
    let nonced = check(text, &BelievesEverything, Nonces::Required(&keeper));
    let Some(fresh) = check(text, &BelievesEverything, Nonces::Off) else {
        assert!(nonced.is_none(), "good with a nonce alone");
        return;
    };
    let claims = payload(text).expect("what passes has claims");
    assert_eq!(claims["htm"], json!("GET"), "another method");
    assert_eq!(claims["ath"], json!(ATH), "another token");
    assert!(claims["htu"].as_str().is_some_and(is_ours), "another host");
    let age = NOW as f64 - claims["iat"].as_f64().expect("a date");
    assert!((-5.0..60.0).contains(&age), "made at another time");
    if nonced.is_some() {
        assert_eq!(claims["nonce"], json!(keeper.current(now())), "a nonce of nobody's");
    }
    check_once(fresh, text);
}

fn check_once(fresh: FreshProof, text: &str) {
    let mut used = ReplayCache::new(16, WINDOW);
    assert_eq!(used.admit(fresh, now()), Ok(()));
    let again = check(text, &BelievesEverything, Nonces::Off).expect("the same proof");
    assert!(used.admit(again, now()).is_err(), "used twice");
}

fn check(text: &str, verifier: &dyn SignatureVerifier, nonces: Nonces<'_>) -> Option<FreshProof> {
    let origin = PublicOrigin::parse("https://resource.example.org").expect("an origin");
    let expected = Expected {
        algorithms: AlgorithmSet::ASYMMETRIC,
        key: Thumbprint::from_base64url(JKT).expect("a hash"),
        method: "GET",
        origin: &origin,
        path: "/protectedresource",
        token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
        window: WINDOW,
        nonces,
    };
    Proof::parse(text).ok()?.check(&expected, verifier, now()).ok()
}

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn is_ours(htu: &str) -> bool {
    let htu = htu.to_ascii_lowercase();
    let rest = htu.strip_prefix("https://resource.example.org");
    rest.is_some_and(|rest| rest.starts_with(['/', ':']))
}

/// The proofs that were signed, one that another key would have to sign, and the good one with
/// other claims, which only a verifier that believes everything takes.
pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let claims = payload(RESOURCE).expect("claims");
    let keeper = NonceKeeper::new(&[7; 32]).expect("a secret");
    let others = [
        ("nonce", json!(keeper.current(now()))),
        ("nonce", json!("another")),
        ("jti", json!("x".repeat(256))),
        ("htm", json!("POST")),
        ("htu", json!("HTTPS://Resource.Example.ORG:443/a/../%70rotectedresource?a#b")),
        ("htu", json!("https://resource.example.org:8443/%2e%2E/%zz")),
        ("htu", json!("https://[2001:db8::1]:443")),
        ("iat", json!(1_562_262_617.5)),
        ("ath", json!("")),
    ];
    let others = others.map(|(name, value)| with(&claims, name, value));
    let ed25519 = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}});
    let foreign = format!("{}.{}.{}", part(&ed25519), part(&claims), "A".repeat(86));
    let signed = [RESOURCE, GRANT].map(str::to_owned);
    signed.into_iter().chain(others).chain([foreign]).map(String::into_bytes).collect()
}

fn with(claims: &Value, name: &str, value: Value) -> String {
    let mut claims = claims.clone();
    claims[name] = value;
    let (header, _) = RESOURCE.split_once('.').expect("a header");
    let (_, signature) = RESOURCE.rsplit_once('.').expect("a signature");
    format!("{header}.{}.{signature}", part(&claims))
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}
