//! Tokens of 1.3 kB with the claims of an ordinary Keycloak token, and a pool of distinct ones.
//!
//! The key is the test-only one of the repository. Signing a pool takes seconds, so it is kept in a
//! file and used again until an hour before its tokens end.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::say;

/// `iss` of every token.
pub const ISSUER: &str = "http://idp.bench.example/realms/bench";
/// `aud` of every token.
pub const AUDIENCE: &str = "account";
/// Twice what the filter keeps: a token that comes round again has long been dropped.
pub const POOL: usize = 8192;

const KEY: &str = include_str!("../../testdata/keys/rsa-1.pem");
const KEY_ID: &str = "JgyL3oT8Ov4kZ1mqRzE9bX0sWn5hVfUdCpA7iKtYeQo";
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
const LEFT: Duration = Duration::from_secs(3600);

/// Signs RS256.
pub struct Signer {
    key: SigningKey<Sha256>,
    jwks: Value,
}

impl Signer {
    /// With the repository's test key.
    pub fn new() -> Result<Self> {
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(KEY).context("the test key is broken")?;
        let number = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        let jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
            "n": number(key.n()), "e": number(key.e()),
        });
        Ok(Self { key: SigningKey::new(key), jwks: json!({"keys": [jwk]}) })
    }

    /// What the identity provider publishes.
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    /// A token that begins now; `id` makes it differ from every other.
    pub fn token(&self, id: &str, roles: &[&str]) -> Result<String> {
        self.sign(&claims(roles), id, now()?)
    }

    fn sign(&self, claims: &Value, id: &str, begins: Duration) -> Result<String> {
        let mut claims = claims.clone();
        claims["jti"] = json!(format!("onrtro:{id:0>36}"));
        claims["iat"] = json!(begins.as_secs());
        claims["exp"] = json!((begins + LIFETIME).as_secs());
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = self.key.try_sign(input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_vec())))
    }
}

/// All claims but those that differ from token to token.
fn claims(roles: &[&str]) -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "0d5f2c6e-7b1a-4c39-9e58-2f6d1b7a9c04",
        "typ": "Bearer",
        "azp": "bench-frontend",
        "sid": "5b8e7f10-3c2d-4a96-b1e7-84d0f9a6c253",
        "acr": "1",
        "allowed-origins": ["http://localhost:3000"],
        "realm_access": {"roles": roles},
        "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
        "scope": "openid email profile",
        "email_verified": true,
        "name": "Ada Lovelace",
        "preferred_username": "ada",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "ada@bench.example",
    })
}

fn now() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}

/// [`POOL`] distinct tokens, one a line, in a file that a load generator can read.
pub struct Pool {
    /// The file.
    pub path: PathBuf,
}

impl Pool {
    /// The pool in `folder`, signed now unless it is there and will do.
    pub fn open(folder: &Path, signer: &Signer) -> Result<Self> {
        let (path, label) = (folder.join("tokens"), folder.join("label.json"));
        let claims = claims(&["user"]);
        let found: Option<Value> =
            fs::read(&label).ok().and_then(|label| serde_json::from_slice(&label).ok());
        if found.is_some_and(|found| is_usable(&found, &claims)) {
            return Ok(Self { path });
        }
        say(format_args!("signing {POOL} tokens"));
        let begins = now()?;
        // Without its label a pool is not used: it is written last.
        let _ = fs::remove_file(&label);
        fs::create_dir_all(folder)?;
        fs::write(&path, sign_all(signer, &claims, begins)?)?;
        let expires = (begins + LIFETIME).as_secs();
        let written = json!({"claims": claims, "count": POOL, "expires": expires});
        fs::write(&label, written.to_string())?;
        Ok(Self { path })
    }
}

fn is_usable(label: &Value, claims: &Value) -> bool {
    let expires = label["expires"].as_u64().map(Duration::from_secs);
    let lasts = now().is_ok_and(|now| expires.is_some_and(|expires| expires > now + LEFT));
    lasts && label["claims"] == *claims && label["count"] == json!(POOL)
}

fn sign_all(signer: &Signer, claims: &Value, begins: Duration) -> Result<String> {
    let threads = thread::available_parallelism()?.get();
    let share = POOL.div_ceil(threads);
    let sign = |first: usize| -> Result<String> {
        let ids = first..(first + share).min(POOL);
        ids.map(|id| Ok(signer.sign(claims, &id.to_string(), begins)? + "\n")).collect()
    };
    let sign = &sign;
    thread::scope(|scope| {
        let firsts = (0..POOL).step_by(share);
        let working: Vec<_> = firsts.map(|first| scope.spawn(move || sign(first))).collect();
        working
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a signer panicked"))?)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_size_that_results_are_quoted_for() {
        let token = Signer::new().unwrap().token("1", &["user"]).unwrap();
        assert!((1250..=1350).contains(&token.len()), "{} bytes", token.len());
    }
}
