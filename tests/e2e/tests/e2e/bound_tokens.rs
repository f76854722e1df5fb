//! Tokens that are bound to a key or to a client certificate, through Envoy: proofs of possession at
//! one worker, and certificates over real TLS, which a second listener of the same Envoy speaks for
//! the test.

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::edit;
use claimgate_e2e::mint::{Key, Mint, Signature, encode, key_file, now, token};
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::users::USER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::stack::{Part, Stack};

use crate::support::*;

const ORIGIN: &str = "https://api.example.com";
const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

fn checks_proofs(config: &mut Value) {
    let policy = edit::policy(config);
    policy["public_origin"] = json!(ORIGIN);
    policy["dpop"] = json!({});
    policy["protected_resource"] = json!({});
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Where the test speaks plainly, and Envoy TLS with a certificate or without one.
struct Fronts {
    first: u16,
    second: u16,
    bare: u16,
}

fn fronts() -> &'static Fronts {
    static FRONTS: OnceLock<Fronts> = OnceLock::new();
    FRONTS.get_or_init(|| Fronts { first: free_port(), second: free_port(), bare: free_port() })
}

fn file(name: &str) -> Value {
    json!({"filename": key_file(name).to_str().expect("a path")})
}

fn certificate(client: u32) -> Value {
    let part = |part: &str| file(&format!("client-{client}-{part}"));
    json!([{"certificate_chain": part("cert"), "private_key": part("key")}])
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

/// The gateway once more, behind TLS, and three listeners that lead there.
fn speaks_tls(config: &mut Value) {
    let tls_port = free_port();
    let mut gateway = config["static_resources"]["listeners"][0].clone();
    gateway["name"] = json!("tls");
    gateway["address"] = address(tls_port);
    // Whoever shows a certificate has its key; whether to believe in it is the token's affair.
    gateway["filter_chains"][0]["transport_socket"] = json!({
        "name": "tls",
        "typed_config": {
            "@type": format!("{TLS}.DownstreamTlsContext"),
            "common_tls_context": {
                "tls_certificates": certificate(1),
                "validation_context": {
                    "trusted_ca": file("client-1-cert"),
                    "trust_chain_verification": "ACCEPT_UNTRUSTED",
                },
            },
        },
    });
    let mut listeners = vec![gateway];
    let mut clusters = Vec::new();
    let Fronts { first, second, bare } = fronts();
    for (name, port, shown) in [
        ("first", first, certificate(1)),
        ("second", second, certificate(2)),
        ("bare", bare, json!([])),
    ] {
        listeners.push(front(name, *port));
        clusters.push(behind(name, tls_port, &shown));
    }
    for (list, entries) in [("listeners", listeners), ("clusters", clusters)] {
        config["static_resources"][list].as_array_mut().expect("a list").extend(entries);
    }
}

fn front(name: &str, port: u16) -> Value {
    json!({
        "name": name, "address": address(port),
        "filter_chains": [{"filters": [{
            "name": "tcp",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": name, "cluster": name,
            },
        }]}],
    })
}

fn behind(name: &str, port: u16, shown: &Value) -> Value {
    json!({
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(port)}}]},
        ]},
        "transport_socket": {"name": "tls", "typed_config": {
            "@type": format!("{TLS}.UpstreamTlsContext"),
            "common_tls_context": {"tls_certificates": shown},
        }},
    })
}

fn stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "bound", || {
        builder().workers(1).edit_envoy(checks_proofs).edit_envoy(speaks_tls)
    })
}

fn bound(cnf: &Value) -> String {
    let mint = Mint::of(stack());
    let mut claims = mint.claims(&USER);
    claims["cnf"] = cnf.clone();
    mint.good(&claims)
}

fn hash(bytes: impl AsRef<[u8]>) -> String {
    encode(&Sha256::digest(bytes))
}

fn public(key: &Key) -> Value {
    json!({"kty": "RSA", "n": encode(&key.modulus()), "e": "AQAB"})
}

/// A token bound to a client's key.
fn bound_to(key: &Key) -> String {
    let public = public(key);
    let canonical = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, public["e"], public["n"]);
    bound(&json!({"jkt": hash(canonical)}))
}

/// A new proof for a request.
fn proof(key: &Key, method: &str, path: &str, access: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let header = json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": public(key)});
    let claims = json!({
        "jti": format!("{number}"), "htm": method, "htu": format!("{ORIGIN}{path}"),
        "iat": now(), "ath": hash(access),
    });
    token(&header, &claims, &Signature::Rs256(key))
}

fn send(request: &Request) -> Reply {
    request.send(stack().address(Part::Envoy))
}

fn with_proof(access: &str, proof: &str) -> Request {
    let request = Request::get("/products?page=1");
    request.header("authorization", format!("DPoP {access}")).header("dpop", proof)
}

#[test]
fn a_bound_token_passes_with_a_proof_for_this_request_and_once() {
    let client = Key::named("rsa-2");
    let access = bound_to(&client);
    for _ in 0..3 {
        let good = with_proof(&access, &proof(&client, "GET", "/products", &access));
        assert_eq!(send(&good).status, 200);
        let again = send(&good);
        assert_problem(&again, 401);
        let challenge = again.headers.one("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
    }
}

#[test]
fn nothing_less_than_that_will_do() {
    let client = Key::named("rsa-2");
    let access = bound_to(&client);
    let good = || proof(&client, "GET", "/products", &access);
    let bearer = Request::get("/products").bearer(&access);
    for (what, request) in [
        ("no proof", Request::get("/products").header("authorization", format!("DPoP {access}"))),
        ("as a bearer token", bearer.clone()),
        ("as a bearer token with a proof", bearer.header("dpop", good())),
        ("two proofs", with_proof(&access, &good()).header("dpop", good())),
        ("another method", with_proof(&access, &proof(&client, "POST", "/products", &access))),
        ("another path", with_proof(&access, &proof(&client, "GET", "/customers", &access))),
        ("another token", with_proof(&access, &proof(&client, "GET", "/products", "a.b.c"))),
        ("another key", {
            let thief = Key::named("rsa-foreign");
            with_proof(&access, &proof(&thief, "GET", "/products", &access))
        }),
        (
            "no token's proof",
            with_proof(&Mint::of(stack()).good(&Mint::of(stack()).claims(&USER)), &good()),
        ),
    ] {
        let reply = send(&request);
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
    }
}

#[test]
fn clients_find_out_where_tokens_come_from() {
    let reply = send(&Request::get("/customers"));
    assert_problem(&reply, 401);
    let url = format!("{ORIGIN}/.well-known/oauth-protected-resource");
    let challenges = reply.headers.all("www-authenticate");
    let metadata = format!("resource_metadata=\"{url}\"");
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    assert_eq!(challenges[0], format!("Bearer {metadata}"));
    assert!(challenges[1].starts_with("DPoP algs=\"") && challenges[1].ends_with(&metadata));
    let path = url.strip_prefix(ORIGIN).expect("a path");
    let served = send(&Request::get(path).host("evil.example"));
    assert_eq!(
        (served.status, served.headers.one("content-type")),
        (200, Some("application/json"))
    );
    let document = served.json();
    assert_eq!(document["resource"], ORIGIN);
    assert_eq!(document["authorization_servers"], json!([stack().issuer()]));
    assert!(!served.text().contains("evil.example"));
}

#[test]
fn a_token_bound_to_a_certificate_passes_over_a_connection_that_has_shown_it() {
    let pem = std::fs::read_to_string(key_file("client-1-cert")).expect("a certificate");
    let base64: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let der = STANDARD.decode(base64).expect("a certificate");
    let access = bound(&json!({"x5t#S256": hash(der)}));
    let status = |port: u16| {
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        Request::get("/products").bearer(&access).send(to).status
    };
    let Fronts { first, second, bare } = fronts();
    for _ in 0..2 {
        assert_eq!(status(stack().address(Part::Envoy).port()), 401, "without TLS");
        assert_eq!(status(*first), 200, "with the certificate");
        assert_eq!(status(*second), 401, "with another certificate");
        assert_eq!(status(*bare), 401, "without a certificate");
    }
}
