//! Signs tokens with every algorithm that a published key can verify. Keys are the test-only ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::Algorithm;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, pkcs1v15, pss};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

/// A private key and the one algorithm it is used with.
pub struct Signer {
    algorithm: Algorithm,
    private: Private,
}

enum Private {
    Rsa(RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::SecretKey),
    Ed25519(ed25519_dalek::SigningKey),
}

/// PSS and P-521 want randomness; a test wants the same token every time. A xorshift generator.
struct Fixed(u64);

impl rsa::rand_core::RngCore for Fixed {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| (self.next_u64() >> 56) as u8);
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Fixed {}

fn fixed() -> Fixed {
    Fixed(0x9e37_79b9_7f4a_7c15)
}

impl Signer {
    /// One for every asymmetric algorithm.
    pub fn all() -> impl Iterator<Item = Self> {
        Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()).map(Self::of)
    }

    pub fn of(algorithm: Algorithm) -> Self {
        let rsa = include_str!("../testdata/keys/rsa-1.pem");
        let private = match algorithm {
            Algorithm::Es256 => Private::P256(pem(include_str!("../testdata/keys/p256-1.pem"))),
            Algorithm::Es384 => Private::P384(pem(include_str!("../testdata/keys/p384-1.pem"))),
            Algorithm::Es512 => Private::P521(pem(include_str!("../testdata/keys/p521-1.pem"))),
            Algorithm::EdDsa => {
                Private::Ed25519(pem(include_str!("../testdata/keys/ed25519-1.pem")))
            }
            _ => Private::Rsa(pem(rsa)),
        };
        Self { algorithm, private }
    }

    /// Signs with the same algorithm and another key, under the same name.
    pub fn stranger(&self) -> Self {
        let private = match &self.private {
            Private::Rsa(_) => Private::Rsa(pem(include_str!("../testdata/keys/rsa-foreign.pem"))),
            Private::P256(_) => {
                Private::P256(p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap())
            }
            Private::P384(_) => {
                Private::P384(p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap())
            }
            Private::P521(_) => {
                let mut scalar = [7; 66];
                scalar[0] = 0;
                Private::P521(p521::SecretKey::from_slice(&scalar).unwrap())
            }
            Private::Ed25519(_) => {
                Private::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[7; 32]))
            }
        };
        Self { algorithm: self.algorithm, private }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn kid(&self) -> &'static str {
        self.algorithm.name()
    }

    /// The public key, stating its algorithm.
    pub fn jwk(&self) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ec = |crv: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at((point.len() - 1) / 2);
            json!({"kty": "EC", "crv": crv, "x": number(x), "y": number(y)})
        };
        let mut jwk = match &self.private {
            Private::Rsa(key) => {
                let (n, e) = (key.n().to_bytes_be(), key.e().to_bytes_be());
                json!({"kty": "RSA", "n": number(&n), "e": number(&e)})
            }
            Private::P256(key) => {
                ec("P-256", key.verifying_key().to_encoded_point(false).as_bytes())
            }
            Private::P384(key) => {
                ec("P-384", key.verifying_key().to_encoded_point(false).as_bytes())
            }
            Private::P521(key) => ec("P-521", &key.public_key().to_sec1_bytes()),
            Private::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": number(key.verifying_key().as_bytes())})
            }
        };
        jwk["kid"] = self.kid().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = self.algorithm.name().into();
        jwk
    }

    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm.name(), "typ": "JWT", "kid": self.kid()});
        self.sign(&header, claims)
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The signature of a message, in JOSE's form.
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match &self.private {
            Private::Rsa(key) => rsa(self.algorithm, key.clone(), message),
            Private::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            Private::P521(key) => {
                let key = p521::ecdsa::SigningKey::from_slice(&key.to_bytes()).unwrap();
                use p521::ecdsa::signature::RandomizedSigner as _;
                let signature: p521::ecdsa::Signature = key.sign_with_rng(&mut fixed(), message);
                signature.to_vec()
            }
            Private::Ed25519(key) => key.sign(message).to_vec(),
        }
    }
}

fn pem<K: rsa::pkcs8::DecodePrivateKey>(text: &str) -> K {
    K::from_pkcs8_pem(text).unwrap()
}

fn rsa(algorithm: Algorithm, key: RsaPrivateKey, message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => pkcs1v15::SigningKey::<Sha256>::new(key).sign(message).to_vec(),
        Algorithm::Rs384 => pkcs1v15::SigningKey::<Sha384>::new(key).sign(message).to_vec(),
        Algorithm::Rs512 => pkcs1v15::SigningKey::<Sha512>::new(key).sign(message).to_vec(),
        Algorithm::Ps256 => {
            pss::SigningKey::<Sha256>::new(key).sign_with_rng(&mut fixed(), message).to_vec()
        }
        Algorithm::Ps384 => {
            pss::SigningKey::<Sha384>::new(key).sign_with_rng(&mut fixed(), message).to_vec()
        }
        Algorithm::Ps512 => {
            pss::SigningKey::<Sha512>::new(key).sign_with_rng(&mut fixed(), message).to_vec()
        }
        _ => unreachable!("no RSA algorithm"),
    }
}
