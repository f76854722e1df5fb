//! What the gateway would send and publish: statements signed with test keys, and a server that
//! publishes the public halves. A real one, on a real port.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const ISSUER: &str = "gateway-of-the-tests";
pub(crate) const AUDIENCE: &str = "customers";
pub(crate) const ROUTE: &str = "/customers/{rest=**}";

/// A key of the gateway.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    pub(crate) jwk: Value,
}

impl Key {
    pub(crate) fn first() -> Self {
        let pem = include_str!("../../../../tests/testdata/keys/p256-1.pem");
        Self::of(SigningKey::from_pkcs8_pem(pem).unwrap())
    }

    /// Another for each number.
    pub(crate) fn numbered(number: u8) -> Self {
        Self::of(SigningKey::from_slice(&[number; 32]).unwrap())
    }

    fn of(signing: SigningKey) -> Self {
        let point = signing.verifying_key().to_encoded_point(false);
        let [x, y] = [point.x(), point.y()].map(|part| encode(part.unwrap()));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = encode(&Sha256::digest(members));
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig",
            "alg": "ES256"});
        Self { signing, jwk }
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.jwk["kid"], "typ": "claimgate-identity+jwt"})
    }

    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        let signed = joined(header, payload);
        let signature: Signature = self.signing.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature.to_bytes()))
    }

    /// As the gateway signs.
    pub(crate) fn statement(&self, payload: &Value) -> String {
        self.sign(&self.header(), payload)
    }
}

/// `alg: none`, with nothing for a signature.
pub(crate) fn unsigned(payload: &Value) -> String {
    let header = json!({"alg": "none", "typ": "claimgate-identity+jwt"});
    format!("{}.", joined(&header, payload))
}

/// HS256 with `secret`.
pub(crate) fn mac(header: &Value, payload: &Value, secret: &[u8]) -> String {
    let signed = joined(header, payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
}

/// What the gateway says of a manager who GETs.
pub(crate) fn manager() -> Value {
    said("test.user-cm@example.com", &json!(true), &["user", "customer-manager"])
}

pub(crate) fn said(email: &str, verified: &Value, roles: &[&str]) -> Value {
    let now = now();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "5b1f0c", "sub_iss": "http://idp",
        "provider": "idp", "roles": roles, "claims": {"email": email, "email_verified": verified},
        "method": "GET", "route": ROUTE, "iat": now, "exp": now + 30, "jti": "1"})
}

/// `payload` with `member` set to `value`, or without it where that is null.
pub(crate) fn with(mut payload: Value, member: &str, value: Value) -> Value {
    let members = payload.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(member),
        value => members.insert(member.to_owned(), value),
    };
    payload
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn joined(header: &Value, payload: &Value) -> String {
    [header, payload].map(|part| encode(part.to_string().as_bytes())).join(".")
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Publishes keys; its thread ends with the process.
pub(crate) struct Publisher {
    pub(crate) url: String,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicU32>,
}

impl Publisher {
    pub(crate) fn of(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((200, String::new())));
        let asked = Arc::new(AtomicU32::new(0));
        let publisher = Self { url, answer: Arc::clone(&answer), asked: Arc::clone(&asked) };
        publisher.publish(keys);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let _ = reader.read_line(&mut String::new());
                asked.fetch_add(1, Ordering::SeqCst);
                let (status, body) = answer.lock().unwrap().clone();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = reader.get_mut().write_all((head + &body).as_bytes());
            }
        });
        publisher
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| &key.jwk).collect();
        self.answer(200, &json!({ "keys": keys }).to_string());
    }

    pub(crate) fn answer(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}
