//! Tokens and key sets, made with the published test keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::policy::ISSUER;

pub(crate) const SUBJECT: &str = "6e8f4c3a-1d55-4b0e-9c57-2f0f8f6f8a01";
pub(crate) const EMAIL: &str = "ada@example.com";

/// A signing key and its name.
pub(crate) struct Key {
    kid: &'static str,
    key: RsaPrivateKey,
}

impl Key {
    pub(crate) fn one() -> Self {
        Self::load("kid-1", include_str!("../../../testdata/keys/rsa-1.pem"))
    }

    pub(crate) fn two() -> Self {
        Self::load("kid-2", include_str!("../../../testdata/keys/rsa-2.pem"))
    }

    /// A key that no provider publishes, under the name of one that is.
    pub(crate) fn foreign() -> Self {
        Self::load("kid-1", include_str!("../../../testdata/keys/rsa-foreign.pem"))
    }

    fn load(kid: &'static str, pem: &str) -> Self {
        Self { kid, key: RsaPrivateKey::from_pkcs8_pem(pem).unwrap() }
    }

    /// A signed token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({"alg": "RS256", "typ": "JWT", "kid": self.kid}), claims)
    }

    /// Signed claims under this header.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = SigningKey::<Sha256>::new(self.key.clone()).sign(input.as_bytes());
        format!("{input}.{}", encode(signature.to_bytes()))
    }

    pub(crate) fn public(&self) -> Value {
        let number = |number: &rsa::BigUint| encode(number.to_bytes_be());
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
               "n": number(self.key.n()), "e": number(self.key.e())})
    }
}

/// The document that publishes these keys, beside an encryption key as Keycloak has one.
pub(crate) fn jwks(keys: &[&Key]) -> String {
    let mut all: Vec<_> = keys.iter().map(|key| key.public()).collect();
    let mut encryption = Key::two().public();
    encryption["kid"] = json!("encryption");
    encryption["use"] = json!("enc");
    encryption["alg"] = json!("RSA-OAEP");
    all.push(encryption);
    json!({"keys": all}).to_string()
}

/// An ordinary access token's claims, good for five minutes.
pub(crate) fn claims(now: u64) -> Value {
    json!({
        "iss": ISSUER, "aud": ["account"], "sub": SUBJECT, "typ": "Bearer", "azp": "demo",
        "iat": now, "exp": now + 300, "email": EMAIL, "email_verified": true, "name": "Ada L.",
        "realm_access": {"roles": ["user", "admin"]},
    })
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
