//! One entry of a key set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): `kty`, `crv`, `use`, `key_ops`
//! and `alg` all have to agree, or the entry is none of ours.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek as ed25519;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;

use super::curve::{P256Key, P384Key, P521Key};
use super::key::Material;
use crate::authn::algorithm::{Algorithm, AlgorithmSet};

const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

/// What an entry says about a key that may verify signatures.
pub(super) struct Jwk {
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithms: AlgorithmSet,
    pub(super) material: Material,
}

impl Jwk {
    /// The public key of an entry; `None` when it cannot verify signatures, is of a kind we do not
    /// know, or contradicts itself.
    pub(super) fn read(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name).map(|value| value.as_str());
        let signs = matches!(text("use"), None | Some(Some("sig")));
        let verifies = entry.get("key_ops").is_none_or(|ops| {
            ops.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify")))
        });
        if !signs || !verifies {
            return None;
        }
        let algorithms = match text("alg") {
            None => AlgorithmSet::ASYMMETRIC,
            Some(name) => AlgorithmSet::of(&[algorithm(name?)?]),
        };
        let kid = match text("kid") {
            None => None,
            Some(kid) => Some(kid?.into()),
        };
        Some(Self { kid, algorithms, material: material(entry)? })
    }
}

/// By the name that a key states. RFC 9864 gives EdDSA on Ed25519 a name of its own.
fn algorithm(name: &str) -> Option<Algorithm> {
    if name == "Ed25519" { Some(Algorithm::EdDsa) } else { Algorithm::named(name) }
}

/// The key itself. `oct` is no kind that a published set may have: a secret that is fetched from
/// an issuer's public document is none.
fn material(entry: &Value) -> Option<Material> {
    let text = |name: &str| entry.get(name)?.as_str();
    match (text("kty")?, text("crv")) {
        ("RSA", _) => rsa_key(text("n")?, text("e")?).map(Material::Rsa),
        ("EC", Some("P-256")) => {
            let point = point::<32>(text("x")?, text("y")?)?;
            P256Key::from_sec1(&point).map(Material::P256)
        }
        ("EC", Some("P-384")) => {
            let point = point::<48>(text("x")?, text("y")?)?;
            P384Key::from_sec1(&point).map(Material::P384)
        }
        ("EC", Some("P-521")) => {
            let point = point::<66>(text("x")?, text("y")?)?;
            P521Key::from_sec1(&point).map(Material::P521)
        }
        ("OKP", Some("Ed25519")) => {
            let key = ed25519::VerifyingKey::from_bytes(&coordinate(text("x")?)?).ok()?;
            (!key.is_weak()).then_some(Material::Ed25519(key))
        }
        _ => None,
    }
}

/// An uncompressed point (SEC 1 §2.3.3). Whether it is on its curve is for its curve to say.
fn point<const LEN: usize>(x: &str, y: &str) -> Option<Vec<u8>> {
    Some([&[4][..], &coordinate::<LEN>(x)?, &coordinate::<LEN>(y)?].concat())
}

/// A coordinate at its full length (RFC 7518 §6.2.1.2).
fn coordinate<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn rsa_key(modulus: &str, exponent: &str) -> Option<RsaPublicKey> {
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().map(|b| BigUint::from_bytes_be(&b));
    let key = RsaPublicKey::new_with_max_size(number(modulus)?, number(exponent)?, MAX_RSA_BITS);
    key.ok().filter(|key| key.n().bits() >= MIN_RSA_BITS)
}
