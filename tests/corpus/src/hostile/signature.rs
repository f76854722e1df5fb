//! Signatures that are none, or not of the key or the algorithm that the header says.

use serde_json::{Value, json};

use super::{Hostile, World, rsa_member, with};
use crate::sign::{ALGORITHMS, header, jwks, kid, mac};
use crate::{decode, encode};

const CONFUSION: &str = "RFC 8725 §2.1, §3.1: the key decides the algorithm";
const NO_SIGNATURE: &str = "RFC 7515 §5.2: the signature must be one";

pub(super) fn table(world: &World) -> Vec<Hostile> {
    [macs(world), confused(world), damaged(world)].into_iter().flatten().collect()
}

/// HS* keyed with whatever is public.
fn macs(world: &World) -> Vec<Hostile> {
    let keys = jwks();
    let modulus = rsa_member("n");
    let secrets = [
        ("the modulus", decode(&modulus)),
        ("the modulus as it is written", modulus.clone().into_bytes()),
        ("the JWK", keys["keys"][0].to_string().into_bytes()),
        ("the key set", keys.to_string().into_bytes()),
        ("a point", decode(keys["keys"][1]["x"].as_str().expect("x"))),
        ("nothing", Vec::new()),
        ("zeros", vec![0; 64]),
    ];
    let mut table = Vec::new();
    for algorithm in ["HS256", "HS384", "HS512"] {
        for (name, secret) in &secrets {
            for kid in [json!("rsa"), Value::Null] {
                let header = with(&header(algorithm), "kid", kid);
                let input = format!(
                    "{}.{}",
                    encode(header.to_string()),
                    encode(world.claims().to_string())
                );
                let tag = encode(mac(algorithm, secret, input.as_bytes()));
                let name = format!("{algorithm} keyed with {name}");
                table.push(Hostile::new(name, CONFUSION, format!("{input}.{tag}")));
            }
        }
    }
    table
}

/// Signed well, by a published key, with another algorithm than the header says.
fn confused(world: &World) -> Vec<Hostile> {
    let mut table = Vec::new();
    for said in ALGORITHMS {
        for done in ALGORITHMS.into_iter().filter(|done| *done != said) {
            for kid in [json!(kid(said)), json!(kid(done)), Value::Null] {
                let header = with(&header(said), "kid", kid);
                let token = world.signer.token(done, &header, &world.claims());
                let name = format!("says {said} and kid {}, signed {done}", header["kid"]);
                table.push(Hostile::new(name, CONFUSION, token));
            }
        }
    }
    for said in ["ES256K", "RS1", "Ed448", "Ed25519", "ECDH-ES", "RSA-OAEP", "dir", "HS1", "ES256 "]
    {
        let token = world.rs256(&with(&header("RS256"), "alg", said.into()), &world.claims());
        table.push(Hostile::new(format!("says {said}, signed RS256"), CONFUSION, token));
    }
    table
}

/// No signature, or a good one with something done to it.
fn damaged(world: &World) -> Vec<Hostile> {
    let mut table = Vec::new();
    for algorithm in ALGORITHMS {
        let good = world.signer.token(algorithm, &header(algorithm), &world.claims());
        let (input, signature) = good.rsplit_once('.').expect("a token");
        let bytes = decode(signature);
        let half = bytes.len() / 2;
        let forms: [(&str, Vec<u8>); 9] = [
            ("empty", vec![]),
            ("zeros", vec![0; bytes.len()]),
            ("all bits", vec![0xff; bytes.len()]),
            ("a byte short", bytes[1..].to_vec()),
            ("a byte less", bytes[..bytes.len() - 1].to_vec()),
            ("a zero before", [&[0], &bytes[..]].concat()),
            ("a zero behind", [&bytes[..], &[0]].concat()),
            ("halves swapped", [&bytes[half..], &bytes[..half]].concat()),
            ("backwards", bytes.iter().rev().copied().collect()),
        ];
        for (name, bytes) in forms {
            let name = format!("{algorithm}, signature {name}");
            table.push(Hostile::new(name, NO_SIGNATURE, format!("{input}.{}", encode(bytes))));
        }
        for changed in
            [json!({"sub": "admin"}), json!({"exp": u32::MAX}), json!({"scope": "admin"})]
        {
            let (name, value) = changed.as_object().and_then(|one| one.iter().next()).expect("one");
            let claims = with(&world.claims(), name, value.clone());
            let header = encode(header(algorithm).to_string());
            let token = format!("{header}.{}.{signature}", encode(claims.to_string()));
            table.push(Hostile::new(format!("{algorithm}, {name} changed"), NO_SIGNATURE, token));
        }
    }
    table
}
