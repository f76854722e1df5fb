//! Bound tokens: whoever sends one shows the key or the certificate that it is bound to, with every
//! request, and a route may take no others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::dpop::DpopError;
use claimgate::authn::{Algorithm, AuthnError, Thumbprint};
use claimgate::pipeline::Step;
use claimgate::reply::{LocalReply, Rejection};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::signers::Signer;
use crate::support::*;

const ORIGIN: &str = "https://api.test";
/// A hash of no certificate in particular, in the two forms it comes in.
const CERTIFICATE: [u8; 32] = [7; 32];

fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// A client with a key of its own, and a world that checks proofs.
struct Client {
    signer: Signer,
    world: World,
    made: u32,
}

fn configured(dpop: Value, routes: Value) -> Value {
    let mut config = config(routes);
    config["identity_headers"] = json!({});
    config["public_origin"] = json!(ORIGIN);
    if !dpop.is_null() {
        config["dpop"] = dpop;
    }
    config
}

fn routes() -> Value {
    json!([
        route("required", allow_all(), json!({})),
        {"name": "bound", "match": {"path": "/bound"}, "token": "required",
         "require_bound_token": true, "rules": allow_all()},
        {"name": "maybe", "match": {"path": "/maybe"}, "token": "optional",
         "require_bound_token": true, "rules": allow_all()},
    ])
}

impl Client {
    fn new(dpop: Value) -> Self {
        let world = World::with_keys(&configured(dpop, routes()));
        Self { signer: Signer::of(Algorithm::Es256), world, made: 0 }
    }

    fn jwk(&self) -> Value {
        let jwk = self.signer.jwk();
        json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]})
    }

    /// A token bound to the client's key.
    fn token(&self) -> String {
        let jwk = self.jwk();
        let canonical =
            format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        ONE.token(&claims(json!({"cnf": {"jkt": hash(canonical.as_bytes())}})))
    }

    /// A new proof for `GET /r`, with these changes.
    fn proof(&mut self, change: Value) -> String {
        self.made += 1;
        let now = self.world.now.as_millis() / 1_000;
        let mut claims = json!({
            "jti": format!("proof-{}", self.made), "htm": "GET", "htu": format!("{ORIGIN}/r"),
            "iat": now, "ath": hash(self.token().as_bytes()),
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        self.signer.sign(&header, &claims)
    }

    fn send(&mut self, path: &str, scheme: &str, token: &str, proofs: &[&str]) -> Step {
        let authorization = format!("{scheme} {token}");
        let mut headers = vec![("authorization", &*authorization)];
        headers.extend(proofs.iter().map(|proof| ("dpop", *proof)));
        self.world.get(path, &headers).1
    }

    /// What comes of the client's token with these proofs.
    fn outcome(&mut self, proofs: &[&str]) -> Result<(), AuthnError> {
        let token = self.token();
        outcome(&self.send("/r", "DPoP", &token, proofs))
    }

    fn told(&self, step: &Step) -> LocalReply {
        let Step::Reply(rejection, _) = step else { panic!("not refused: {step:?}") };
        rejection.reply(&self.world.engine.policy().challenge(self.world.now))
    }
}

fn outcome(step: &Step) -> Result<(), AuthnError> {
    match step {
        Step::Forward(..) => Ok(()),
        Step::Reply(Rejection::Credentials { error, .. }, _) => Err(*error),
        other => panic!("{other:?}"),
    }
}

fn proof(error: DpopError) -> Result<(), AuthnError> {
    Err(AuthnError::Proof(error))
}

fn values<'r>(reply: &'r LocalReply, wanted: &str) -> Vec<&'r str> {
    let found = reply.headers.iter().filter(|(name, _)| *name == wanted);
    found.map(|(_, value)| &**value).collect()
}

#[test]
fn a_bound_token_with_a_good_proof_passes_and_the_proof_goes_no_further() {
    let mut client = Client::new(json!({}));
    for _ in 0..3 {
        let (token, good) = (client.token(), client.proof(json!({})));
        let step = client.send("/r", "dpop", &token, &[&good]);
        assert_eq!(forwarded(&step).0, ["authorization", "dpop"]);
    }
    let good = client.proof(json!({"htu": "HTTPS://API.test:443/r?x=1#y"}));
    assert_eq!(client.outcome(&[&good]), Ok(()));
}

#[test]
fn every_request_needs_a_proof_of_its_own() {
    let mut client = Client::new(json!({}));
    assert_eq!(client.outcome(&[]), proof(DpopError::Missing));
    let good = client.proof(json!({}));
    assert_eq!(client.outcome(&[&good]), Ok(()));
    // The token is known by now.
    assert_eq!(client.outcome(&[&good]), proof(DpopError::Replayed));
    assert_eq!(client.outcome(&[]), proof(DpopError::Missing));
    let (one, two) = (client.proof(json!({})), client.proof(json!({})));
    assert_eq!(client.outcome(&[&one, &two]), proof(DpopError::Several));
    assert_eq!(client.outcome(&[&one]), Ok(()), "a proof that was refused has not been used");
}

#[test]
fn a_proof_is_for_one_method_uri_token_and_time() {
    let mut client = Client::new(json!({}));
    let now = client.world.now.as_millis() / 1_000;
    for (change, error) in [
        (json!({"htm": "POST"}), DpopError::Method),
        (json!({"htu": "https://api.test/other"}), DpopError::Uri),
        (json!({"htu": "https://evil.test/r"}), DpopError::Uri),
        (json!({"htu": "http://api.test/r"}), DpopError::Uri),
        (json!({"ath": hash(b"another token")}), DpopError::Token),
        (json!({"iat": now - 61}), DpopError::Time),
        (json!({"iat": now + 10}), DpopError::Time),
        (json!({"jti": ""}), DpopError::Malformed),
    ] {
        let bad = client.proof(change.clone());
        assert_eq!(client.outcome(&[&bad]), proof(error), "{change}");
    }
    client.signer = client.signer.stranger();
    let (token, foreign) = (Client::new(json!({})).token(), client.proof(json!({})));
    let step = client.send("/r", "DPoP", &token, &[&foreign]);
    assert_eq!(outcome(&step), proof(DpopError::Thumbprint));
}

#[test]
fn a_bound_token_is_no_bearer_token_and_an_unbound_one_needs_no_proof() {
    let mut client = Client::new(json!({}));
    let (token, good) = (client.token(), client.proof(json!({})));
    let step = client.send("/r", "Bearer", &token, &[&good]);
    assert_eq!(outcome(&step), Err(AuthnError::BoundToKey));
    let unbound = ONE.token(&claims(json!({})));
    assert_eq!(outcome(&client.send("/r", "Bearer", &unbound, &[])), Ok(()));
    let step = client.send("/r", "DPoP", &unbound, &[&good]);
    assert_eq!(outcome(&step), Err(AuthnError::Unbound));
    assert_eq!(client.outcome(&[&good]), Ok(()));
}

#[test]
fn a_route_may_take_bound_tokens_alone() {
    let mut client = Client::new(json!({}));
    let unbound = ONE.token(&claims(json!({})));
    for path in ["/bound", "/maybe"] {
        let step = client.send(path, "Bearer", &unbound, &[]);
        assert_eq!(outcome(&step), Err(AuthnError::Unbound), "{path}");
        let good = client.proof(json!({"htu": format!("{ORIGIN}{path}")}));
        let token = client.token();
        assert_eq!(outcome(&client.send(path, "DPoP", &token, &[&good])), Ok(()));
    }
    assert!(matches!(client.world.get("/maybe", &[]).1, Step::Forward(..)));
}

#[test]
fn where_no_proofs_are_checked_tokens_that_need_one_are_refused() {
    let mut client = Client::new(Value::Null);
    let good = client.proof(json!({}));
    assert_eq!(client.outcome(&[&good]), Err(AuthnError::Confirmation));
    for cnf in [json!({}), json!({"kid": "k"}), json!(null), json!("x")] {
        let token = ONE.token(
            &claims(json!({}))
                .as_object()
                .map(|claims| {
                    let mut claims = claims.clone();
                    claims.insert("cnf".into(), cnf.clone());
                    Value::Object(claims)
                })
                .unwrap(),
        );
        let step = client.send("/r", "Bearer", &token, &[]);
        assert_eq!(outcome(&step), Err(AuthnError::Confirmation), "{cnf}");
    }
}

#[test]
fn clients_are_told_which_schemes_and_algorithms_there_are() {
    let mut client = Client::new(json!({"algorithms": ["ES256", "EdDSA"]}));
    let (_, step) = client.world.get("/r", &[]);
    let told = client.told(&step);
    let expected = ["Bearer", "DPoP algs=\"ES256 EdDSA\""];
    assert_eq!((told.status, values(&told, "www-authenticate")), (401, expected.to_vec()));
    let token = client.token();
    let step = client.send("/r", "DPoP", &token, &[]);
    let told = client.told(&step);
    let challenge = values(&told, "www-authenticate");
    assert_eq!((told.status, challenge.len()), (401, 1));
    assert!(challenge[0].starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge:?}");
    assert!(challenge[0].ends_with("algs=\"ES256 EdDSA\""), "{challenge:?}");
}

fn with_nonces(dpop: Value) -> Client {
    let env = |name: &str| (name == "NONCES").then(|| "n".repeat(32));
    let mut client = Client::new(json!({}));
    let config = configured(dpop, routes());
    client.world = World::in_environment(&config, &env);
    let (stream, _) = client.world.with_token(&ONE.token(&claims(json!({}))));
    assert_eq!(client.world.engine.fetches_due(client.world.now), [0]);
    client.world.publish(&[&ONE]);
    client.world.engine.forget(stream);
    client
}

#[test]
fn a_nonce_is_given_out_with_the_refusal_and_good_for_the_next_proof() {
    let dpop = json!({"nonce_secret_env": "NONCES", "require_nonce": true});
    let mut client = with_nonces(dpop);
    let (token, without) = (client.token(), client.proof(json!({})));
    let step = client.send("/r", "DPoP", &token, &[&without]);
    assert_eq!(outcome(&step), proof(DpopError::Nonce));
    let told = client.told(&step);
    assert!(values(&told, "www-authenticate")[0].starts_with("DPoP error=\"use_dpop_nonce\""));
    let nonce = values(&told, "dpop-nonce")[0].to_owned();
    let good = client.proof(json!({"nonce": nonce}));
    assert_eq!(client.outcome(&[&good]), Ok(()));
    client.world.later(61);
    let late = client.proof(json!({"nonce": nonce}));
    assert_eq!(client.outcome(&[&late]), proof(DpopError::Nonce));
}

#[test]
fn a_cache_that_fills_asks_for_nonces_and_then_takes_no_more() {
    let mut client = with_nonces(json!({"nonce_secret_env": "NONCES", "max_proofs": 4}));
    for _ in 0..2 {
        let good = client.proof(json!({}));
        assert_eq!(client.outcome(&[&good]), Ok(()));
    }
    let (token, third) = (client.token(), client.proof(json!({})));
    let step = client.send("/r", "DPoP", &token, &[&third]);
    assert_eq!(outcome(&step), proof(DpopError::Nonce));
    let nonce = values(&client.told(&step), "dpop-nonce")[0].to_owned();
    for _ in 0..2 {
        let good = client.proof(json!({"nonce": nonce}));
        assert_eq!(client.outcome(&[&good]), Ok(()));
        assert_eq!(client.outcome(&[&good]), proof(DpopError::Replayed));
    }
    let fifth = client.proof(json!({"nonce": nonce}));
    let step = client.send("/r", "DPoP", &token, &[&fifth]);
    assert_eq!(outcome(&step), proof(DpopError::Full));
    assert_eq!(client.told(&step).status, 503);
}

/// What comes of a certificate-bound token when the connection has shown this certificate.
fn with_certificate(client: &mut Client, cnf: Value, shown: Option<[u8; 32]>) -> Step {
    let token = ONE.token(&claims(json!({"cnf": cnf})));
    let bearer = format!("Bearer {token}");
    let (stream, step) = client.world.get("/bound", &[("authorization", &bearer)]);
    assert!(matches!(step, Step::AskCertificate), "{step:?}");
    let shown = shown.map(|hash| {
        let text = URL_SAFE_NO_PAD.encode(hash);
        Thumbprint::from_base64url(&text).unwrap()
    });
    client.world.engine.certificate(stream, shown, client.world.now)
}

#[test]
fn a_token_bound_to_a_certificate_needs_that_certificate() {
    let mut client = Client::new(json!({}));
    let cnf = json!({"x5t#S256": URL_SAFE_NO_PAD.encode(CERTIFICATE)});
    for _ in 0..2 {
        let step = with_certificate(&mut client, cnf.clone(), Some(CERTIFICATE));
        assert_eq!(outcome(&step), Ok(()));
        let step = with_certificate(&mut client, cnf.clone(), Some([8; 32]));
        assert_eq!(outcome(&step), Err(AuthnError::Certificate));
        let step = with_certificate(&mut client, cnf.clone(), None);
        assert_eq!(outcome(&step), Err(AuthnError::Certificate));
    }
    let both = json!({"x5t#S256": URL_SAFE_NO_PAD.encode(CERTIFICATE), "jkt": hash(b"a key")});
    let step = with_certificate(&mut client, both, Some(CERTIFICATE));
    assert_eq!(outcome(&step), Err(AuthnError::BoundToKey));
}
