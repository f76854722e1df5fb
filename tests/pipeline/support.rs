//! An engine under a configuration, tokens signed with the test-only keys, and time by hand.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{PortableVerifier, Progress};
use claimgate::authz::{CalloutResponse, CheckError};
use claimgate::engine::{Engine, FlightId, Landing, StreamId};
use claimgate::pipeline::Step;
use claimgate::policy::Policy;
use claimgate::reply::{Challenge, LocalReply, Rejection};
use claimgate::request::{Pairs, RequestHead};
use claimgate::shared_data::OneThread;
use claimgate::time::Timestamp;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

/// Seconds since the epoch at which tests begin.
pub const START: u64 = 1_800_000_000;
pub const ISSUER: &str = "https://idp.test/realms/demo";

pub struct Key {
    pub kid: &'static str,
    private: rsa::RsaPrivateKey,
}

fn key(kid: &'static str, pem: &str) -> Key {
    Key { kid, private: rsa::RsaPrivateKey::from_pkcs8_pem(pem).unwrap() }
}

pub static ONE: LazyLock<Key> =
    LazyLock::new(|| key("one", include_str!("../testdata/keys/rsa-1.pem")));
pub static TWO: LazyLock<Key> =
    LazyLock::new(|| key("two", include_str!("../testdata/keys/rsa-2.pem")));
pub static FOREIGN: LazyLock<Key> =
    LazyLock::new(|| key("one", include_str!("../testdata/keys/rsa-foreign.pem")));

impl Key {
    pub fn jwk(&self) -> Value {
        let number = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        let (n, e) = (number(self.private.n()), number(self.private.e()));
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e})
    }

    pub fn modulus(&self) -> Vec<u8> {
        self.private.n().to_bytes_be()
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_raw(&header.to_string(), &claims.to_string())
    }

    pub fn sign_raw(&self, header: &str, claims: &str) -> String {
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = SigningKey::<Sha256>::new(self.private.clone()).sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_vec()))
    }

    pub fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "typ": "JWT", "kid": self.kid}), claims)
    }
}

pub fn jwks(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// The claims of a good token; `changes` are merged in, null removes.
pub fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "account", "sub": "alice", "typ": "Bearer", "azp": "shop",
        "email": "alice@example.com", "email_verified": true, "name": "Alice",
        "iat": START, "exp": START + 300,
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// A configuration with these routes.
pub fn config(routes: Value) -> Value {
    json!({
        "version": "v1",
        "providers": [{
            "name": "idp", "issuer": ISSUER, "audiences": ["account"],
            "roles_claim": "realm_access.roles",
            "jwks": {"cluster": "idp", "url": format!("{ISSUER}/certs")},
        }],
        "authorization": [{
            "name": "authz", "cluster": "authz",
            "request": {"subject": {"properties": {"email": {"claim": "email"}}}},
        }],
        "identity_headers": {
            "x-user-email": {"claim": "email"},
            "x-user-roles": {"roles": "decision", "anonymous": "guest"},
        },
        "routes": routes,
    })
}

/// A route for `/r`.
pub fn route(token: &str, rules: Value, more: Value) -> Value {
    let mut route = json!({"name": "r", "match": {"path": "/r"}, "token": token, "rules": rules});
    route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    route
}

pub fn allow_all() -> Value {
    json!([{"name": "all", "allow": {"always": true}}])
}

pub fn by_decision() -> Value {
    json!([{"name": "permitted", "allow": {"decision": true}}])
}

/// An engine and the time it is.
pub struct World {
    pub engine: Engine,
    pub now: Timestamp,
    next: StreamId,
    /// The flight that each stream has asked with.
    flights: BTreeMap<StreamId, FlightId>,
    /// What happened to those who waited for what another had asked.
    pub resumed: Vec<(StreamId, Step)>,
}

impl World {
    pub fn new(config: &Value) -> Self {
        Self::sharing(config, &OneThread::default())
    }

    /// One of several VMs of a process.
    pub fn sharing(config: &Value, data: &OneThread) -> Self {
        Self::with(config, data, &|_| None)
    }

    /// One that sees these environment variables.
    pub fn in_environment(config: &Value, env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::with(config, &OneThread::default(), env)
    }

    fn with(config: &Value, data: &OneThread, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let policy = Policy::from_document(config.to_string().as_bytes(), env);
        let policy = policy.unwrap_or_else(|error| panic!("{error}"));
        let data = Box::new(data.clone());
        Self {
            engine: Engine::sharing(policy, Box::new(PortableVerifier), data, 7),
            now: Timestamp::from_secs(START),
            next: 1,
            flights: BTreeMap::new(),
            resumed: Vec::new(),
        }
    }

    /// One whose keys have been fetched.
    pub fn with_keys(config: &Value) -> Self {
        Self::with_document(config, &jwks(&[&ONE]))
    }

    /// One that has fetched this key set.
    pub fn with_document(config: &Value, document: &str) -> Self {
        let mut world = Self::new(config);
        let (stream, _) = world.with_token(&ONE.token(&claims(json!({}))));
        if world.engine.fetches_due(world.now) == [0] {
            world.publish_document(document);
        }
        world.engine.forget(stream);
        world
    }

    /// The fetch that is out brings these keys.
    pub fn publish(&mut self, keys: &[&Key]) {
        self.publish_document(&jwks(keys));
    }

    fn publish_document(&mut self, document: &str) {
        let outcome = self.engine.keys_fetched(0, document.as_bytes(), None, self.now);
        assert_eq!(outcome, Some(Ok(Progress::Keys)));
    }

    pub fn later(&mut self, secs: u64) {
        self.now = self.now.after(std::time::Duration::from_secs(secs));
    }

    /// Sends a request; its stream and the first step.
    pub fn send(&mut self, headers: &[(&str, &str)]) -> (StreamId, Step) {
        let pairs: Vec<_> = headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        self.send_bytes(&pairs)
    }

    /// Sends a request that need not be text.
    pub fn send_bytes(&mut self, headers: &[(&[u8], &[u8])]) -> (StreamId, Step) {
        let stream = self.next;
        self.next += 1;
        let policy = self.engine.policy();
        let (own, reads) = (&policy.own_headers, &policy.reads);
        let head = RequestHead::parse(Pairs::serialize(headers.iter().copied()), own, reads);
        let step = self.engine.request(stream, head.unwrap(), self.now);
        (stream, self.calling(stream, step))
    }

    /// The client's address, for a request that asks for it.
    pub fn address(&mut self, stream: StreamId, address: Option<IpAddr>) -> Step {
        let step = self.engine.address(stream, address, self.now);
        self.calling(stream, step)
    }

    /// A fetch of keys that a stream waited for has ended.
    pub fn keys_changed(&mut self, stream: StreamId) -> Step {
        let step = self.engine.keys_changed(stream, self.now);
        self.calling(stream, step)
    }

    /// Makes the call that a step asks for, if it does.
    fn calling(&mut self, stream: StreamId, step: Step) -> Step {
        if let Step::Ask(flight, question) = &step {
            let call = self.engine.make_call(*flight, Some(stream), self.now);
            assert_eq!(call.map(|(_, asked, _)| asked).as_ref(), Some(question));
            self.flights.insert(stream, *flight);
        }
        step
    }

    /// Calls that are left to the root are made there: which flights, and what they ask.
    pub fn root_calls(&mut self) -> Vec<(FlightId, Value)> {
        let grounded = self.engine.grounded().into_iter();
        let make = |flight| {
            let (_, question, _) = self.engine.make_call(flight, None, self.now).unwrap();
            (flight, serde_json::from_slice(&question).unwrap())
        };
        grounded.map(make).collect()
    }

    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> (StreamId, Step) {
        self.send(
            &[&[(":method", "GET"), (":path", path), (":authority", "shop")], headers].concat(),
        )
    }

    /// `GET /r` with a token.
    pub fn with_token(&mut self, token: &str) -> (StreamId, Step) {
        self.get("/r", &[("authorization", &format!("Bearer {token}"))])
    }

    /// The decision point answers.
    pub fn answer(
        &mut self,
        stream: StreamId,
        status: u16,
        cache_control: Option<&str>,
        body: &str,
    ) -> Step {
        let cache_control = cache_control.map(str::as_bytes);
        self.lands(stream, Ok(CalloutResponse { status, cache_control, body: body.as_bytes() }))
    }

    pub fn no_answer(&mut self, stream: StreamId) -> Step {
        self.lands(stream, Err(CheckError::Unreachable))
    }

    /// The call that a stream made is over; what happens to the stream. What happens to the others
    /// is found in `resumed`.
    fn lands(&mut self, stream: StreamId, answer: Result<CalloutResponse<'_>, CheckError>) -> Step {
        self.land(self.flights[&stream], answer);
        let at = self.resumed.iter().position(|(one, _)| *one == stream);
        at.map_or(Step::Ignore, |at| self.resumed.remove(at).1)
    }

    /// A flight's call is over; all who waited for it are in `resumed`.
    pub fn land(&mut self, flight: FlightId, answer: Result<CalloutResponse<'_>, CheckError>) {
        let landing = self.engine.answered(flight, answer, self.now);
        let Some(Landing::Over(landed)) = landing else { panic!("not over: {landing:?}") };
        for stream in landed.waiters {
            let step = self.engine.decided(stream, landed.outcome.clone(), self.now);
            let step = self.calling(stream, step);
            self.resumed.push((stream, step));
        }
    }
}

/// The reply of a step that refuses.
pub fn refused(step: &Step) -> (u16, Rejection) {
    let Step::Reply(rejection, _) = step else { panic!("not refused: {step:?}") };
    (rejection.reply(&Challenge::default()).status, rejection.clone())
}

pub fn reply(step: &Step) -> LocalReply {
    let Step::Reply(rejection, _) = step else { panic!("not refused: {step:?}") };
    rejection.reply(&Challenge::default())
}

/// The headers a forwarded request gets: removed, and set.
pub fn forwarded(step: &Step) -> (Vec<&str>, Vec<(&str, &str)>) {
    let Step::Forward(mutations, ..) = step else { panic!("not forwarded: {step:?}") };
    let remove = mutations.remove.iter().map(AsRef::as_ref).collect();
    let set = mutations.set.iter().map(|(name, value)| (&**name, &**value)).collect();
    (remove, set)
}

/// Asserts that a request waits for a decision, asked for by itself or by another.
pub fn awaits_decision(step: &Step) {
    assert!(matches!(step, Step::Ask(..) | Step::AwaitAnswer), "{step:?}");
}

/// The question a step asks the decision point.
pub fn asked(step: &Step) -> Value {
    let Step::Ask(_, question) = step else { panic!("asks nothing: {step:?}") };
    serde_json::from_slice(question).unwrap()
}
