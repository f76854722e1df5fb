//! A VM with one configured root, and the few things that nearly every test does with it.

use std::ops::{Deref, DerefMut};

use claimgate_abi::{Action, Answer, Call, Effect, Fate, HeaderMap, LocalReply, Map, Vm};
use serde_json::{Value, json};

use crate::policy;
use crate::tokens::{self, Key, claims, jwks};

/// A VM and its root.
pub(crate) struct Gateway {
    pub(crate) vm: Vm,
    pub(crate) root: u32,
}

impl Gateway {
    /// Configured, and without keys.
    pub(crate) fn cold(policy: &Value) -> Self {
        let mut vm = Vm::start(&policy::CLUSTERS);
        let (root, accepted) = vm.root(policy.to_string().as_bytes());
        assert!(accepted, "{:?}", vm.logs());
        Self { vm, root }
    }

    /// Configured, and with the first key.
    pub(crate) fn warm(policy: &Value) -> Self {
        Self::publishing(policy, &[&Key::one()])
    }

    /// Configured, and with these keys.
    pub(crate) fn publishing(policy: &Value, keys: &[&Key]) -> Self {
        let mut gateway = Self::cold(policy);
        let stream = gateway.get("/customers", &gateway.token());
        let call = gateway.fetch();
        gateway.close(stream);
        gateway.answer(call.token, Answer::new(200, jwks(keys)));
        gateway.forget_effects();
        gateway
    }

    /// A good token of the first key.
    pub(crate) fn token(&self) -> String {
        Key::one().sign(&claims(self.now()))
    }

    /// A request with a token; its stream.
    pub(crate) fn get(&mut self, path: &str, token: &str) -> u32 {
        self.send(request(path).with("authorization", format!("Bearer {token}")))
    }

    /// A request; its stream.
    pub(crate) fn send(&mut self, headers: HeaderMap) -> u32 {
        let root = self.root;
        let stream = self.open(root);
        let action = self.headers(stream, headers);
        let passed = matches!(self.fate(stream), Fate::Forwarded(_));
        assert_eq!(action == Action::Continue, passed, "what it returned against what it did");
        stream
    }

    /// Lets the root see who knocked; the one call it makes.
    pub(crate) fn fetch(&mut self) -> Call {
        self.deliver_queue();
        let call = self.only_call();
        assert_eq!((call.cluster.as_str(), call.by), ("idp", self.root), "{call:?}");
        call
    }

    /// Lets the root's timer run out.
    pub(crate) fn tick(&mut self) {
        self.vm.tick(self.root);
    }

    /// Asserts that a stream was answered, with a problem document that fits; the answer.
    #[track_caller]
    pub(crate) fn refused(&mut self, stream: u32, status: u32) -> LocalReply {
        let Fate::Replied(reply) = self.fate(stream) else {
            panic!("stream {stream}: {:?} and not {status}", self.fate(stream))
        };
        assert_eq!(reply.status, status, "{reply:?}");
        if !reply.body.is_empty() {
            let body: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(body["status"], status);
            assert_eq!(reply.headers.text("content-type").unwrap(), "application/problem+json");
        }
        reply
    }

    /// Asserts a 503 that may be repeated.
    #[track_caller]
    pub(crate) fn unavailable(&mut self, stream: u32) -> LocalReply {
        let reply = self.refused(stream, 503);
        assert_eq!(reply.headers.text("retry-after").as_deref(), Some("1"), "{reply:?}");
        reply
    }

    #[track_caller]
    pub(crate) fn held(&mut self, stream: u32) {
        assert_eq!(self.fate(stream), Fate::Held, "stream {stream}");
    }

    /// Asserts that a stream went upstream; with which headers.
    #[track_caller]
    pub(crate) fn forwarded(&mut self, stream: u32) -> HeaderMap {
        match self.fate(stream) {
            Fate::Forwarded(headers) => headers,
            other => panic!("stream {stream}: {other:?}"),
        }
    }

    /// Asserts that a held stream had its headers changed, and was resumed after that and once.
    #[track_caller]
    pub(crate) fn resumed_last(&self, stream: u32) -> Vec<Effect> {
        let mut done = self.done_to(stream);
        assert_eq!(done.pop(), Some(Effect::Resume { stream }), "after {done:?}");
        let mutates = |effect: &Effect| {
            matches!(
                effect,
                Effect::Replace { map: Map::Request, .. }
                    | Effect::Remove { map: Map::Request, .. }
            )
        };
        assert!(done.iter().all(mutates), "before the end: {done:?}");
        done
    }
}

impl Deref for Gateway {
    type Target = Vm;

    fn deref(&self) -> &Vm {
        &self.vm
    }
}

impl DerefMut for Gateway {
    fn deref_mut(&mut self) -> &mut Vm {
        &mut self.vm
    }
}

/// An ordinary GET.
pub(crate) fn request(path: &str) -> HeaderMap {
    HeaderMap::new(&[
        (":authority", "localhost:8080"),
        (":path", path),
        (":method", "GET"),
        (":scheme", "http"),
        ("user-agent", "test"),
        ("x-request-id", "8d2a"),
    ])
}

/// A yes of the decision point, with these roles.
pub(crate) fn permit(roles: &[&str]) -> Answer {
    Answer::new(200, json!({"decision": true, "context": {"roles": roles}}).to_string())
}

/// A no.
pub(crate) fn deny() -> Answer {
    Answer::new(200, json!({"decision": false, "context": {"roles": []}}).to_string())
}

/// The question of the ordinary token's subject, as the decision point is sent it.
pub(crate) fn question(method: &str, template: &str) -> String {
    let (subject, email) = (tokens::SUBJECT, tokens::EMAIL);
    format!(
        "{{\"subject\":{{\"type\":\"identity\",\"id\":\"{subject}\",\"properties\":\
         {{\"email\":\"{email}\",\"email_verified\":true}}}},\"action\":{{\"name\":\"{method}\"}},\
         \"resource\":{{\"type\":\"route\",\"id\":\"{template}\"}},\"context\":{{}}}}"
    )
}
