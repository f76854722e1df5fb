//! The credentials that both judges are shown: good ones, and good ones changed in header, claims,
//! signature, encoding and time. Wherever it can be, what was changed is signed again: a bad
//! signature hides everything else.
//!
//! These are made by table; `generated` makes more by chance.

use std::collections::HashSet;

use claimgate_corpus::Family;
use claimgate_corpus::hostile::{self, World, with};
use claimgate_corpus::sign::{ALGORITHMS, header};
use serde_json::{Value, json};

use super::{AUDIENCE, TOLERANCE, generated};

/// A credential, and how it came about.
pub(super) struct Sample {
    /// Where it differs from a good one; `None` is good and has to be taken.
    pub(super) changed: Option<Family>,
    pub(super) name: String,
    /// What `authorization` carries.
    pub(super) credential: String,
}

/// Thousands, all different: the same ones for the same seed but for the time and for what signing
/// adds.
pub(super) fn all(world: &World, seed: u64) -> Vec<Sample> {
    let good = hostile::good(world).into_iter().map(|(name, token)| bearer(None, name, &token));
    let mut seen = HashSet::new();
    good.chain(hostile_ones(world))
        .chain(schemes(world))
        .chain(times(world))
        .chain(headers(world))
        .chain(claims(world))
        .chain(generated::all(world, seed))
        .filter(|sample| can_be_sent(&sample.credential) && seen.insert(sample.credential.clone()))
        .collect()
}

pub(super) fn bearer(changed: Option<Family>, name: String, token: &str) -> Sample {
    Sample { changed, name, credential: super::bearer(token) }
}

/// A line's end, a NUL and other such characters cannot stand in a header.
fn can_be_sent(credential: &str) -> bool {
    credential.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn hostile_ones(world: &World) -> impl Iterator<Item = Sample> {
    hostile::families(world).into_iter().flat_map(|(family, table)| {
        table.into_iter().map(move |one| bearer(Some(family), one.name, &one.token))
    })
}

fn schemes(world: &World) -> Vec<Sample> {
    let token = world.signer.token("ES256", &header("ES256"), &world.claims());
    let before = [
        "bearer ",
        "BEARER ",
        "bEARER ",
        "Bearer  ",
        "bearer  ",
        "Bearer\t",
        "Bearer",
        "Token ",
        "Basic ",
        "JWT ",
        "",
        "Bearer:",
        "Bearer=",
        "\"Bearer\" ",
        "DPoP ",
        "Basic Bearer ",
        "Bearer Bearer ",
        "Bearer, Bearer ",
        "xBearer ",
    ];
    let before = before.map(|scheme| (format!("scheme {scheme:?}"), format!("{scheme}{token}")));
    let behind = [",", ", x", " x", ";", ", Bearer x", "~", "\""]
        .map(|more| (format!("followed by {more:?}"), format!("Bearer {token}{more}")));
    let sample = |(name, credential)| Sample { changed: Some(Family::Encoding), name, credential };
    before.into_iter().chain(behind).map(sample).collect()
}

/// Minutes from where the answer changes, so that it is the same for whoever is asked last.
fn times(world: &World) -> Vec<Sample> {
    let apart = [5, TOLERANCE / 2, TOLERANCE * 3 / 2, 3_600, 86_400];
    let mut samples = Vec::new();
    for algorithm in ALGORITHMS {
        for name in ["exp", "nbf", "iat"] {
            for moment in apart.iter().flat_map(|secs| [world.now - secs, world.now + secs]) {
                for value in [json!(moment), json!(moment as f64 + 0.25)] {
                    let token = world.signer.token(
                        algorithm,
                        &header(algorithm),
                        &with(&world.claims(), name, value),
                    );
                    let apart = i128::from(moment) - i128::from(world.now);
                    let name = format!("{algorithm}, {name} {apart:+} s");
                    samples.push(bearer(Some(Family::Time), name, &token));
                }
            }
        }
    }
    samples
}

/// Headers that change nothing, or should.
fn headers(world: &World) -> Vec<Sample> {
    let members = [
        ("typ", json!("dpop+jwt")),
        ("kid", json!("nobody")),
        ("kid", json!("")),
        ("crit", json!(["exp"])),
        ("cty", json!("json")),
        ("jku", json!("https://elsewhere.test")),
        ("x5t", json!("AAAA")),
    ];
    signed_again(Family::Header, &members, |algorithm, name, value| {
        let header = with(&header(algorithm), name, value.clone());
        world.signer.token(algorithm, &header, &world.claims())
    })
}

fn claims(world: &World) -> Vec<Sample> {
    let members = [
        ("aud", json!("another")),
        ("aud", json!(format!("https://{AUDIENCE}"))),
        ("aud", json!(format!("{AUDIENCE}/"))),
        ("iss", json!("https://elsewhere.test")),
        ("iss", Value::Null),
        ("exp", Value::Null),
        ("sub", Value::Null),
        ("typ", json!("ID")),
        ("scope", json!(["a", "b"])),
    ];
    signed_again(Family::Claims, &members, |algorithm, name, value| {
        let claims = with(&world.claims(), name, value.clone());
        world.signer.token(algorithm, &header(algorithm), &claims)
    })
}

fn signed_again(
    family: Family,
    members: &[(&str, Value)],
    token: impl Fn(&str, &str, &Value) -> String,
) -> Vec<Sample> {
    let each = ALGORITHMS
        .iter()
        .flat_map(|algorithm| members.iter().map(move |(name, value)| (algorithm, name, value)));
    let sample = |(algorithm, name, value): (&&str, &&str, &Value)| {
        let token = token(algorithm, name, value);
        bearer(Some(family), format!("{algorithm}, {name} {value}"), &token)
    };
    each.map(sample).collect()
}
