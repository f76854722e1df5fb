//! Signing with every algorithm, with the test-only keys that `signed.json` publishes.

use std::fs;

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac};
use rsa::RsaPrivateKey;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::{encode, file, testdata};

/// What published keys can verify.
pub const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// The private keys.
pub struct Signer {
    rsa: RsaPrivateKey,
    foreign: RsaPrivateKey,
    p256: p256::ecdsa::SigningKey,
    p384: p384::ecdsa::SigningKey,
    p521: p521::ecdsa::SigningKey,
    ed25519: SigningKey,
}

fn pem(name: &str) -> String {
    let path = testdata().join("keys").join(name).with_extension("pem");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rsa_key(name: &str) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_pem(&pem(name)).expect(name)
}

/// The `kid` of the published key that verifies this algorithm.
#[must_use]
pub fn kid(algorithm: &str) -> &'static str {
    match algorithm {
        "ES256" => "es256",
        "ES384" => "es384",
        "ES512" => "es512",
        "EdDSA" => "eddsa",
        _ => "rsa",
    }
}

/// The published keys.
#[must_use]
pub fn jwks() -> Value {
    file("signed.json")["jwks"].clone()
}

/// HMAC, by the names of JOSE.
#[must_use]
pub fn mac(algorithm: &str, secret: &[u8], input: &[u8]) -> Vec<u8> {
    fn tag<M: Mac>(mac: M, input: &[u8]) -> Vec<u8> {
        mac.chain_update(input).finalize().into_bytes().to_vec()
    }
    let any = "any length will do";
    match algorithm {
        "HS384" => tag(Hmac::<Sha384>::new_from_slice(secret).expect(any), input),
        "HS512" => tag(Hmac::<Sha512>::new_from_slice(secret).expect(any), input),
        _ => tag(Hmac::<Sha256>::new_from_slice(secret).expect(any), input),
    }
}

impl Signer {
    /// From `tests/testdata/keys`.
    #[must_use]
    pub fn new() -> Self {
        let p521 = p521::SecretKey::from_pkcs8_pem(&pem("p521-1")).expect("p521-1");
        Self {
            rsa: rsa_key("rsa-1"),
            foreign: rsa_key("rsa-foreign"),
            p256: p256::ecdsa::SigningKey::from_pkcs8_pem(&pem("p256-1")).expect("p256-1"),
            p384: p384::ecdsa::SigningKey::from_pkcs8_pem(&pem("p384-1")).expect("p384-1"),
            p521: p521::ecdsa::SigningKey::from_slice(&p521.to_bytes()).expect("p521-1"),
            ed25519: SigningKey::from_pkcs8_pem(&pem("ed25519-1")).expect("ed25519-1"),
        }
    }

    /// The signature of `input`; panics for an algorithm that is not in [`ALGORITHMS`].
    #[must_use]
    pub fn sign(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        match algorithm {
            "ES256" => {
                let signature: p256::ecdsa::Signature = self.p256.sign(input);
                signature.to_vec()
            }
            "ES384" => {
                let signature: p384::ecdsa::Signature = self.p384.sign(input);
                signature.to_vec()
            }
            "ES512" => {
                let signature: p521::ecdsa::Signature = self.p521.sign_with_rng(&mut OsRng, input);
                signature.to_vec()
            }
            "EdDSA" => self.ed25519.sign(input).to_vec(),
            _ => sign_rsa(&self.rsa, algorithm, input),
        }
    }

    /// RS256 with a key that nobody publishes.
    #[must_use]
    pub fn sign_foreign(&self, input: &[u8]) -> Vec<u8> {
        sign_rsa(&self.foreign, "RS256", input)
    }

    /// A token with this header and these claims, signed with the key of `algorithm`, whatever the
    /// header says.
    #[must_use]
    pub fn token(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        self.token_of(algorithm, &encode(header.to_string()), &encode(claims.to_string()))
    }

    /// The same from parts as they are to be sent.
    #[must_use]
    pub fn token_of(&self, algorithm: &str, header: &str, claims: &str) -> String {
        let input = format!("{header}.{claims}");
        let signature = self.sign(algorithm, input.as_bytes());
        format!("{input}.{}", encode(signature))
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

fn sign_rsa(key: &RsaPrivateKey, algorithm: &str, input: &[u8]) -> Vec<u8> {
    use rsa::{pkcs1v15, pss};
    let key = key.clone();
    match algorithm {
        "RS256" => pkcs1v15::SigningKey::<Sha256>::new(key).sign(input).to_vec(),
        "RS384" => pkcs1v15::SigningKey::<Sha384>::new(key).sign(input).to_vec(),
        "RS512" => pkcs1v15::SigningKey::<Sha512>::new(key).sign(input).to_vec(),
        "PS256" => pss::SigningKey::<Sha256>::new(key).sign_with_rng(&mut OsRng, input).to_vec(),
        "PS384" => pss::SigningKey::<Sha384>::new(key).sign_with_rng(&mut OsRng, input).to_vec(),
        "PS512" => pss::SigningKey::<Sha512>::new(key).sign_with_rng(&mut OsRng, input).to_vec(),
        other => panic!("no key for {other}"),
    }
}

/// The header of an ordinary token.
#[must_use]
pub fn header(algorithm: &str) -> Value {
    json!({"alg": algorithm, "typ": "JWT", "kid": kid(algorithm)})
}
