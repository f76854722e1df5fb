//! Credentials made by chance: the same ones for the same seed but for the time and for what
//! signing adds.

use claimgate_corpus::hostile::{World, with};
use claimgate_corpus::mutate::{MUTATIONS, Material, Mutation};
use claimgate_corpus::random::Random;
use claimgate_corpus::sign::{ALGORITHMS, header, kid};
use claimgate_corpus::{Family, file};
use serde_json::{Value, json};

use super::samples::{Sample, bearer};
use super::{AUDIENCE, ISSUER, TOLERANCE};

/// Of each family, and as many good ones.
const OF_EACH: usize = 300;

pub(super) fn all(world: &World, seed: u64) -> Vec<Sample> {
    let material = Material::of(&file("signed.json"));
    let mut source = Source { world, material, random: Random::new(seed) };
    (0..OF_EACH).flat_map(|_| source.one_of_each()).collect()
}

struct Source<'w> {
    world: &'w World,
    material: Material,
    random: Random,
}

/// How a token came about, and the token.
type Made = (String, String);

impl Source<'_> {
    fn one_of_each(&mut self) -> [Sample; 6] {
        [
            (None, self.good()),
            (Some(Family::Header), self.header()),
            (Some(Family::Claims), self.claims()),
            (Some(Family::Time), self.time()),
            (Some(Family::Signature), self.signature()),
            (Some(Family::Encoding), self.encoding()),
        ]
        .map(|(family, (name, token))| bearer(family, name, &token))
    }

    fn algorithm(&mut self) -> &'static str {
        self.random.choose::<&'static str>(&ALGORITHMS)
    }

    fn good_token(&self, algorithm: &str) -> String {
        self.world.signer.token(algorithm, &header(algorithm), &self.world.claims())
    }

    /// One or two members changed by chance; a `null` takes the member away.
    fn changed(&mut self, object: Value, pool: &[(&str, Value)]) -> (String, Value) {
        let mut name = String::new();
        let mut object = object;
        for _ in 0..=self.random.below(2) {
            let (member, value) = self.random.choose(pool);
            name.push_str(&format!(" {member}={value}"));
            object = with(&object, member, value.clone());
        }
        (name, object)
    }

    /// What no judge may mind.
    fn good(&mut self) -> Made {
        let algorithm = self.algorithm();
        let (header_name, header) = self.changed(header(algorithm), &harmless_headers());
        let (claims_name, claims) = self.changed(self.world.claims(), &harmless_claims(self.world));
        let token = self.world.signer.token(algorithm, &header, &claims);
        (format!("{algorithm}, good:{header_name}{claims_name}"), token)
    }

    fn header(&mut self) -> Made {
        let algorithm = self.algorithm();
        let (name, header) = self.changed(header(algorithm), &headers());
        let token = self.world.signer.token(algorithm, &header, &self.world.claims());
        (format!("{algorithm}, header{name}"), token)
    }

    fn claims(&mut self) -> Made {
        let algorithm = self.algorithm();
        let (name, claims) = self.changed(self.world.claims(), &claims());
        let token = self.world.signer.token(algorithm, &header(algorithm), &claims);
        (format!("{algorithm}, claims{name}"), token)
    }

    fn time(&mut self) -> Made {
        let algorithm = self.algorithm();
        let (name, claims) = self.changed(self.world.claims(), &times(self.world.now));
        let token = self.world.signer.token(algorithm, &header(algorithm), &claims);
        (format!("{algorithm}, times{name}"), token)
    }

    /// Without the key, or with the key for something else.
    fn signature(&mut self) -> Made {
        let said = self.algorithm();
        if self.random.below(3) == 0 {
            let done = self.algorithm();
            let kid = *self.random.choose(&[kid(said), kid(done)]);
            let token = self.world.signer.token(
                done,
                &with(&header(said), "kid", kid.into()),
                &self.world.claims(),
            );
            return (format!("says {said} and kid {kid}, signed {done}"), token);
        }
        let token = self.good_token(said);
        let (name, token) = self.mutated(&token, Family::Signature);
        (format!("{said}, {name}"), token)
    }

    /// One or two changes, half of the time signed as they are sent.
    fn encoding(&mut self) -> Made {
        let algorithm = self.algorithm();
        let mut token = self.good_token(algorithm);
        let mut names = algorithm.to_owned();
        for _ in 0..=self.random.below(2) {
            let (name, mutated) = self.mutated(&token, Family::Encoding);
            names.push_str(&format!(", {name}"));
            token = mutated;
        }
        if let Some((input, _)) = token.rsplit_once('.').filter(|_| self.random.below(2) == 0) {
            let signature = self.world.signer.sign(algorithm, input.as_bytes());
            token = format!("{input}.{}", claimgate_corpus::encode(signature));
            names.push_str(", signed again");
        }
        (names, token)
    }

    fn mutated(&mut self, token: &str, family: Family) -> (&'static str, String) {
        let of_family: Vec<&Mutation> =
            MUTATIONS.iter().filter(|mutation| mutation.family == family).collect();
        let mutation = *self.random.choose(&of_family);
        (mutation.name, mutation.apply(token, &self.material, &mut self.random))
    }
}

fn harmless_headers() -> [(&'static str, Value); 7] {
    [
        ("typ", Value::Null),
        ("typ", json!("jwt")),
        ("typ", json!("at+jwt")),
        ("typ", json!("application/at+jwt")),
        ("kid", Value::Null),
        ("x", json!({"y": [1, 2, {"z": null}]})),
        ("cty", json!("json")),
    ]
}

fn harmless_claims(world: &World) -> [(&'static str, Value); 14] {
    let now = world.now;
    [
        ("aud", json!(["another", AUDIENCE])),
        ("aud", json!([AUDIENCE, "another", "more"])),
        ("sub", json!("bob@shop.test")),
        ("sub", json!("\u{1f600} \"quoted\" \\ \u{7f}")),
        ("exp", json!(now + 86_400)),
        ("exp", json!(now as f64 + 900.5)),
        ("nbf", json!(now - 3_600)),
        ("nbf", json!(0)),
        ("iat", Value::Null),
        ("iat", json!(now - 86_400)),
        ("jti", json!("0")),
        ("typ", json!("Bearer")),
        ("x", json!({"y": {"z": [[[[]]]]}})),
        ("x", json!(-1.5e-300)),
    ]
}

/// What may be in a header's `alg`, `kid` and `typ`, and what else may be asked for there.
fn headers() -> Vec<(&'static str, Value)> {
    let texts = |name: &'static str, texts: &[&str]| {
        texts.iter().map(|text| (name, json!(text))).collect::<Vec<_>>()
    };
    [
        texts("alg", &ALGORITHMS),
        texts("alg", &["none", "HS256", "ES256K", "Ed25519", "rs256", "RS1", ""]),
        texts("kid", &["rsa", "es256", "es384", "es512", "eddsa", "nobody", "", "RSA", "rsa "]),
        texts("typ", &["JWT", "at+jwt", "dpop+jwt", "logout+jwt", "JWE", "", "application/jwt"]),
        texts("cty", &["JWT", "application/json"]),
        texts("jku", &["https://elsewhere.test/keys"]),
        texts("zip", &["DEF"]),
        odd_values()
            .into_iter()
            .flat_map(|v| ["alg", "kid", "typ"].map(|n| (n, v.clone())))
            .collect(),
        vec![
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("x5c", json!(["MIIB"])),
            ("jwk", json!({"kty": "oct", "k": "AAAA"})),
            ("kid", json!("k".repeat(300))),
        ],
    ]
    .concat()
}

fn claims() -> Vec<(&'static str, Value)> {
    let names = ["iss", "aud", "sub", "typ", "scope", "azp", "jti", "x"];
    let odd = odd_values().into_iter().flat_map(|value| names.map(|name| (name, value.clone())));
    let near = |name: &'static str, text: &str| {
        let texts = [
            format!("{text}/"),
            format!("{text}x"),
            format!(" {text}"),
            format!("https://{text}"),
            format!("http://{text}/"),
            text.to_uppercase(),
            format!("{text}/../{text}"),
            String::new(),
        ];
        texts.into_iter().flat_map(move |text| [(name, json!(text)), (name, json!(["y", text]))])
    };
    let kinds = ["ID", "Refresh", "Logout", "Bearer", "bearer", "JWT"];
    odd.chain(near("aud", AUDIENCE))
        .chain(near("iss", ISSUER))
        .chain(kinds.map(|kind| ("typ", json!(kind))))
        .chain([("at_hash", json!("AAAA")), ("events", json!({}))])
        .collect()
}

fn times(now: u64) -> Vec<(&'static str, Value)> {
    let apart = [10, TOLERANCE / 3, TOLERANCE * 2, 7_200, 1_000_000_000];
    let moments = apart.iter().flat_map(|secs| [now - secs, now + secs]);
    let odd = [0, 1, u64::from(u32::MAX), 1 << 53, i64::MAX as u64, u64::MAX];
    let whole = moments.clone().chain(odd).map(|moment| json!(moment));
    let fractions = moments.map(|moment| json!(moment as f64 + 0.75));
    let strange = [0.25, -1.0, -0.0, 1e12, 1e18, 1e100, -1e100].map(|date| json!(date));
    let texts = [json!(now.to_string()), json!("tomorrow"), json!(-1), json!(i64::MIN)];
    whole
        .chain(fractions)
        .chain(strange)
        .chain(texts)
        .chain(odd_values())
        .flat_map(|value| ["exp", "nbf", "iat"].map(|name| (name, value.clone())))
        .collect()
}

/// Of every JSON type; the first takes the member away.
fn odd_values() -> [Value; 9] {
    [
        Value::Null,
        json!(true),
        json!(1),
        json!(-1.5),
        json!("x"),
        json!([]),
        json!([null]),
        json!({}),
        json!([[["x"]], {"y": "z"}]),
    ]
}
