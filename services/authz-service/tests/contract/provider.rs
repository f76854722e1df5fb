//! An identity provider that publishes the corpus's keys, counts who asks for them, and can be made
//! to misbehave. A real server on a real port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use claimgate_corpus::sign::{self, Signer};
use serde_json::{Value, json};

/// A running provider; its thread ends with the process.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    asked: Arc<AtomicU32>,
    answer: Arc<Mutex<(u16, String)>>,
    tokens: Arc<Mutex<(u16, String)>>,
    forms: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/realms/test", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU32::new(0));
        let answer = Arc::new(Mutex::new((200, sign::jwks().to_string())));
        let (count, reply) = (Arc::clone(&asked), Arc::clone(&answer));
        let tokens = Arc::new(Mutex::new((400, String::new())));
        let forms = Arc::new(Mutex::new(Vec::new()));
        let (given, sent) = (Arc::clone(&tokens), Arc::clone(&forms));
        let discovery = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/certs"),
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
        })
        .to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let (status, body) = if line.contains("/certs") {
                    count.fetch_add(1, Ordering::SeqCst);
                    reply.lock().unwrap().clone()
                } else if line.contains("/token") {
                    sent.lock().unwrap().push(read_form(&mut reader));
                    given.lock().unwrap().clone()
                } else {
                    (200, discovery.clone())
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = reader.get_mut().write_all((head + &body).as_bytes());
            }
        });
        Self { issuer, asked, answer, tokens, forms }
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// What it answers to whoever wants its keys.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// What it answers to whoever exchanges a code.
    pub(crate) fn gives(&self, id_token: &str) {
        let tokens = json!({"access_token": "x", "token_type": "Bearer", "id_token": id_token});
        *self.tokens.lock().unwrap() = (200, tokens.to_string());
    }

    /// Whoever exchanges a code is refused.
    pub(crate) fn gives_nothing(&self) {
        *self.tokens.lock().unwrap() = (400, json!({"error": "invalid_grant"}).to_string());
    }

    /// What was sent to exchange the last code: header lines and form.
    pub(crate) fn exchanged(&self) -> String {
        self.forms.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// A statement of this type, signed with its key.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": sign::kid("RS256"), "typ": typ});
        Signer::new().token("RS256", &header, claims)
    }
}

/// The rest of a request: its header lines, and its body to the end.
fn read_form(reader: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|length| length > 2) {}
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let length = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: u64 = length.map(|(_, length)| length.parse().unwrap()).next().unwrap_or(0);
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).unwrap();
    head + &body
}
