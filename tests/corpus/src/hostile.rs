//! Tokens that somebody's verifier once took. Each is good but for one thing, is signed with a
//! published key wherever that one thing is not the signature, and says why it must be refused.
//!
//! [`good`] is the control: the same tokens without the one thing, which must be taken.

mod claims;
mod form;
mod header;
mod signature;

use serde_json::{Value, json};

use crate::sign::{self, Signer};
use crate::{Family, encode, text};

/// For whom tokens are made.
pub struct World {
    /// The issuer that is configured.
    pub issuer: String,
    /// The audience that is configured.
    pub audience: String,
    /// Seconds since the epoch.
    pub now: u64,
    /// The keys.
    pub signer: Signer,
}

/// A token, what is wrong with it, and what says so.
#[derive(Debug)]
pub struct Hostile {
    /// What is wrong with it.
    pub name: String,
    /// The standard that it breaks, or the attack's name.
    pub why: &'static str,
    /// The token.
    pub token: String,
}

impl Hostile {
    fn new(name: impl Into<String>, why: &'static str, token: impl Into<String>) -> Self {
        Self { name: name.into(), why, token: token.into() }
    }
}

/// All of them, by what is wrong.
#[must_use]
pub fn families(world: &World) -> [(Family, Vec<Hostile>); 5] {
    [
        (Family::Header, header::table(world)),
        (Family::Signature, signature::table(world)),
        (Family::Claims, claims::table(world)),
        (Family::Time, claims::times(world)),
        (Family::Encoding, form::table(world)),
    ]
}

/// All of them.
#[must_use]
pub fn all(world: &World) -> Vec<Hostile> {
    families(world).into_iter().flat_map(|(_, table)| table).collect()
}

/// One good token of each algorithm, and good ones that look odd.
#[must_use]
pub fn good(world: &World) -> Vec<(String, String)> {
    let of_each = sign::ALGORITHMS.iter().map(|alg| {
        ((*alg).to_owned(), world.signer.token(alg, &sign::header(alg), &world.claims()))
    });
    let odd = |name: &str, header: Value, claims: Value| {
        (name.to_owned(), world.signer.token("RS256", &header, &claims))
    };
    let header = sign::header("RS256");
    let claims = world.claims();
    let audiences = json!([world.audience, "another"]);
    of_each
        .chain([
            odd("no typ", with(&header, "typ", Value::Null), claims.clone()),
            odd("at+jwt", with(&header, "typ", "at+jwt".into()), claims.clone()),
            odd("an unknown header", with(&header, "x-unknown", json!({"a": [1]})), claims.clone()),
            odd("several audiences", header.clone(), with(&claims, "aud", audiences)),
            odd(
                "exp with a fraction",
                header.clone(),
                with(&claims, "exp", json!(world.now as f64 + 99.5)),
            ),
            odd("no iat", header, with(&claims, "iat", Value::Null)),
        ])
        .collect()
}

impl World {
    /// The claims of a good token.
    #[must_use]
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": self.audience, "sub": "alice", "azp": "shop",
            "scope": "read", "iat": self.now - 10, "exp": self.now + 600,
        })
    }

    /// RS256 over parts that are sent as they are.
    fn parts(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        self.signer.token_of("RS256", &encode(header), &encode(claims))
    }

    fn rs256(&self, header: &Value, claims: &Value) -> String {
        self.signer.token("RS256", header, claims)
    }

    /// A good header as text.
    fn header_text(&self) -> String {
        sign::header("RS256").to_string()
    }
}

/// The value with `name` set; with `null` the name goes.
#[must_use]
pub fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut changed = object.as_object().expect("an object").clone();
    if value.is_null() {
        changed.remove(name);
    } else {
        changed.insert(name.to_owned(), value);
    }
    changed.into()
}

/// The object's text with `member` in front of all others.
fn first(object: &Value, member: &str) -> String {
    object.to_string().replacen('{', &format!("{{{member},"), 1)
}

/// The published RSA key's text member.
fn rsa_member(name: &str) -> String {
    text(&sign::jwks()["keys"][0], name).to_owned()
}
