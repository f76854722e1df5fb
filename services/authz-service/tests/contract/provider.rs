//! An identity provider that publishes the corpus's keys, counts who asks for them, and can be made
//! to misbehave. A real server on a real port.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use claimgate_corpus::sign::{self, Signer};
use serde_json::{Value, json};

/// A running provider; its thread ends with the process.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    asked: Arc<AtomicU32>,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/realms/test", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU32::new(0));
        let answer = Arc::new(Mutex::new((200, sign::jwks().to_string())));
        let (count, reply) = (Arc::clone(&asked), Arc::clone(&answer));
        let discovery =
            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/certs")}).to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let (status, body) = if line.contains("/certs") {
                    count.fetch_add(1, Ordering::SeqCst);
                    reply.lock().unwrap().clone()
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
        Self { issuer, asked, answer }
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// What it answers to whoever wants its keys.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// A statement of this type, signed with its key.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": sign::kid("RS256"), "typ": typ});
        Signer::new().token("RS256", &header, claims)
    }
}
