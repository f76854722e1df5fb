//! Tokens made by hand: any header, any claims, any signature.
//!
//! The stacks of the tests have the identity provider sign with `rsa-1`, one of the test-only keys
//! in tests/testdata/keys, so a token from here can be good in every respect but the one a test is
//! about.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use claimgate_corpus::hostile::with;
use hmac::{Hmac, Mac};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey, LineEnding};
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;
use xtask::stack::Stack;
use xtask::workspace;

use crate::tokens;
use crate::users::User;

/// One of the test-only keys.
#[derive(Clone, Debug)]
pub struct Key(RsaPrivateKey);

/// What signs a token.
#[derive(Clone, Debug)]
pub enum Signature<'a> {
    /// RS256 with this key.
    Rs256(&'a Key),
    /// HS256 with these bytes as the secret.
    Hs256(&'a [u8]),
    /// These bytes, whatever they are.
    Bytes(&'a [u8]),
}

/// Makes tokens that look like the stack's identity provider's.
#[derive(Clone, Debug)]
pub struct Mint {
    key: Key,
    kid: String,
    issuer: String,
}

/// The file of a test-only key: `rsa-1`, `rsa-2` or `rsa-foreign`.
#[must_use]
pub fn key_file(name: &str) -> PathBuf {
    workspace::root().join("tests/testdata/keys").join(name).with_extension("pem")
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

impl Key {
    /// By name, see [`key_file`].
    #[must_use]
    pub fn named(name: &str) -> Self {
        let pem = fs::read_to_string(key_file(name)).expect(name);
        Self(RsaPrivateKey::from_pkcs8_pem(&pem).expect(name))
    }

    /// The public half as PEM.
    #[must_use]
    pub fn public_pem(&self) -> String {
        self.public().to_public_key_pem(LineEnding::LF).expect("an encodable key")
    }

    /// The public half as DER.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        self.public().to_public_key_der().expect("an encodable key").into_vec()
    }

    /// The modulus, big-endian.
    #[must_use]
    pub fn modulus(&self) -> Vec<u8> {
        self.0.n().to_bytes_be()
    }

    fn public(&self) -> RsaPublicKey {
        self.0.to_public_key()
    }
}

impl Mint {
    /// For a stack whose identity provider signs with `rsa-1`; panics when it does not publish
    /// that key, since every token from here would then be refused for that alone.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let key = Key::named("rsa-1");
        let modulus = URL_SAFE_NO_PAD.encode(key.modulus());
        let published = tokens::published_keys(stack);
        let keys = published["keys"].as_array().expect("keys").iter();
        let mut ours = keys.filter(|one| one["use"] == "sig" && one["n"] == modulus.as_str());
        let kid = ours.next().expect("rsa-1 among the published keys")["kid"].clone();
        let kid = kid.as_str().expect("a kid").to_owned();
        Self { key, kid, issuer: stack.issuer() }
    }

    /// The key that the identity provider signs with.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The header of a good token.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({"alg": "RS256", "typ": "JWT", "kid": self.kid})
    }

    /// The claims of a good token for this user, issued now. The subject is one that no store
    /// knows: what such a token is worth comes from its e-mail alone.
    #[must_use]
    pub fn claims(&self, user: &User) -> Value {
        json!({
            "exp": now() + 300,
            "iat": now(),
            "jti": format!("minted-{}", user.username),
            "iss": self.issuer,
            "aud": "account",
            "sub": format!("minted-{}", user.username),
            "typ": "Bearer",
            "azp": "test-client",
            "sid": "minted",
            "scope": "profile email",
            "email_verified": user.verified,
            "name": user.name,
            "preferred_username": user.username,
            "email": user.email,
        })
    }

    /// A token with these claims that is good in every other respect.
    #[must_use]
    pub fn good(&self, claims: &Value) -> String {
        self.token(&self.header(), claims)
    }

    /// A token with this header and these claims, signed as the identity provider signs.
    #[must_use]
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, &Signature::Rs256(&self.key))
    }
}

/// A token put together from its parts.
#[must_use]
pub fn token(header: &Value, claims: &Value, signature: &Signature<'_>) -> String {
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature = signature.over(signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

/// base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The reverse of [`encode`]; panics on anything else.
#[must_use]
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

impl Signature<'_> {
    fn over(&self, signed: &[u8]) -> Vec<u8> {
        match self {
            Self::Rs256(key) => {
                let key = SigningKey::<Sha256>::new(key.0.clone());
                key.sign(signed).to_vec()
            }
            Self::Hs256(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length will do");
                mac.update(signed);
                mac.finalize().into_bytes().to_vec()
            }
            Self::Bytes(bytes) => bytes.to_vec(),
        }
    }
}
