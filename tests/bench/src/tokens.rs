//! Tokens of 1.3 kB with the claims of an ordinary Keycloak token, and pools of distinct ones.
//!
//! Signing a pool takes seconds, so it is kept in a file and used again until an hour before its
//! tokens end.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::say;
use crate::signer::{Algorithm, Signer};

/// `iss` of every token.
pub const ISSUER: &str = "http://idp.bench.example/realms/bench";
/// `aud` of every token.
pub const AUDIENCE: &str = "account";

const LIFETIME: Duration = Duration::from_secs(24 * 3600);
const LEFT: Duration = Duration::from_secs(3600);

impl Signer {
    /// A token that begins now; `id` makes it differ from every other.
    pub fn token(&self, algorithm: Algorithm, id: &str, roles: &[&str]) -> Result<String> {
        self.token_of(algorithm, &claims(algorithm, roles), id, now()?)
    }

    fn token_of(
        &self,
        algorithm: Algorithm,
        claims: &Value,
        id: &str,
        begins: Duration,
    ) -> Result<String> {
        let mut claims = claims.clone();
        claims["jti"] = json!(token_id(id));
        claims["sub"] = json!(format!("{id:0>36}"));
        claims["iat"] = json!(begins.as_secs());
        claims["exp"] = json!((begins + LIFETIME).as_secs());
        let header = json!({"alg": algorithm.name(), "typ": "JWT", "kid": algorithm.key_id()});
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = self.sign(algorithm, input.as_bytes())?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// `jti` of the token that was made with this id.
pub fn token_id(id: &str) -> String {
    format!("onrtro:{id:0>36}")
}

/// All claims but those that differ from token to token. A short signature leaves room for more, so
/// that all tokens have one size.
fn claims(algorithm: Algorithm, roles: &[&str]) -> Value {
    let origins: &[&str] = match algorithm.is_short() {
        false => &["http://localhost:3000"],
        true => &[
            "http://localhost:3000",
            "https://desktop.frontend.bench.example",
            "https://mobile.frontend.bench.example",
            "https://tablet.frontend.bench.example",
            "https://kiosk.frontend.bench.example",
            "https://tv.frontend.bench.example",
        ],
    };
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": "Bearer",
        "azp": "bench-frontend",
        "sid": "5b8e7f10-3c2d-4a96-b1e7-84d0f9a6c253",
        "acr": "1",
        "allowed-origins": origins,
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

/// Distinct tokens of one algorithm, one a line, in a file that a load generator can read.
pub struct Pool {
    /// The file.
    pub path: PathBuf,
}

impl Pool {
    /// At least `count` tokens in `folder`, signed now unless they are there and will do.
    pub fn open(
        folder: &Path,
        signer: &Signer,
        algorithm: Algorithm,
        count: usize,
    ) -> Result<Self> {
        let folder = folder.join(format!("tokens-{}", algorithm.name()));
        let (path, label) = (folder.join("tokens"), folder.join("label.json"));
        let claims = claims(algorithm, &["user"]);
        let found: Option<Value> =
            fs::read(&label).ok().and_then(|label| serde_json::from_slice(&label).ok());
        if found.is_some_and(|found| is_usable(&found, &claims, count)) {
            return Ok(Self { path });
        }
        say(format_args!("signing {count} {} tokens", algorithm.name()));
        let begins = now()?;
        // Without its label a pool is not used: it is written last.
        let _ = fs::remove_file(&label);
        fs::create_dir_all(&folder)?;
        let sign = |id: usize| signer.token_of(algorithm, &claims, &id.to_string(), begins);
        fs::write(&path, each_in_parallel(count, &sign)?)?;
        let expires = (begins + LIFETIME).as_secs();
        let written = json!({"claims": claims, "count": count, "expires": expires});
        fs::write(&label, written.to_string())?;
        Ok(Self { path })
    }
}

fn is_usable(label: &Value, claims: &Value, count: usize) -> bool {
    let expires = label["expires"].as_u64().map(Duration::from_secs);
    let lasts = now().is_ok_and(|now| expires.is_some_and(|expires| expires > now + LEFT));
    let enough = label["count"].as_u64().is_some_and(|has| has >= count as u64);
    lasts && enough && label["claims"] == *claims
}

fn each_in_parallel(
    count: usize,
    make: &(dyn Fn(usize) -> Result<String> + Sync),
) -> Result<String> {
    let threads = thread::available_parallelism()?.get();
    let share = count.div_ceil(threads);
    let lines = |first: usize| -> Result<String> {
        (first..(first + share).min(count)).map(|id| Ok(make(id)? + "\n")).collect()
    };
    let lines = &lines;
    thread::scope(|scope| {
        let firsts = (0..count).step_by(share);
        let working: Vec<_> = firsts.map(|first| scope.spawn(move || lines(first))).collect();
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
    fn every_token_has_the_size_that_results_are_quoted_for() {
        let signer = Signer::new().unwrap();
        for algorithm in Algorithm::ALL {
            let length = signer.token(algorithm, "1", &["user"]).unwrap().len();
            assert!((1250..=1350).contains(&length), "{}: {length} bytes", algorithm.name());
        }
    }
}
