//! Logouts, told to a real authz-service that has what its pods have: by a provider in the cluster, and by
//! one outside of it, by way of a real Envoy with the module.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claimgate_corpus::sign::{self, Signer};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::{Value, json};
use xtask::run::Scratch;
use xtask::workspace;

use super::{file, succeed};
use crate::cluster::deploy::envoy::Envoy;
use crate::rendered::{
    Object, items, name, of_kind, overlay, pod_template, with_logouts_from_outside,
};

const READY: Duration = Duration::from_secs(60);
const HOST: &str = "login.example.com";
const ISSUER: &str = "https://login.example.com/realms/api-gateway-poc";
const CLIENT: &str = "client-id.example.com";
const TOKEN: &str = "a-token-of-the-tests";

/// Somebody with a certificate for the provider's name, who has its keys where the overlay says and nothing
/// anywhere else.
struct Provider {
    envoy: Envoy,
    folder: Scratch,
}

impl Provider {
    fn start() -> Self {
        let folder = Scratch::new("provider").unwrap();
        let [key, certificate] = ["tls.key", "tls.crt"].map(|one| folder.path().join(one));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        // Nobody believes an authority's own certificate to be a server's.
        openssl.args(["-nodes", "-days", "2", "-subj", "/CN=test", "-addext"]);
        openssl.args(["basicConstraints=critical,CA:FALSE", "-addext"]);
        openssl.arg(format!("subjectAltName=DNS:{HOST}")).arg("-keyout").arg(&key);
        succeed(openssl.arg("-out").arg(&certificate));
        let pair = json!({"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}});
        let socket = json!({"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [pair]},
        }});
        let keys = json!({
            "match": {"path": "/realms/api-gateway-poc/protocol/openid-connect/certs"},
            "direct_response": {"status": 200, "body": {"inline_string": sign::jwks().to_string()}},
        });
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "provider",
            "route_config": {"max_direct_response_body_size_bytes": 65536,
                "virtual_hosts": [{"name": "provider", "domains": [HOST], "routes": [keys]}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        });
        let port = Port::free().unwrap();
        let listener = json!({
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port.number()}},
            "filter_chains": [{"transport_socket": socket,
                "filters": [{"name": "http", "typed_config": manager}]}],
        });
        let text = json!({"static_resources": {"listeners": [listener]}}).to_string();
        Self { envoy: Envoy::start(vec![port], &text), folder }
    }
}

/// authz-service on loopback, with its pods' environment and configuration file but for addresses, stores and
/// secrets.
struct Service {
    address: String,
    _port: Port,
    _process: Process,
    _folder: Scratch,
}

impl Service {
    /// `place`: where the overlay says that the provider is.
    fn of(objects: &[Object], place: &str, provider: &Provider) -> Self {
        let (folder, port) = (Scratch::new("authz-service").unwrap(), Port::free().unwrap());
        let address = format!("127.0.0.1:{}", port.number());
        let text = file(objects, "authz-service", "authz.yaml");
        assert_eq!(text.matches(place).count(), 1, "{text}");
        let written = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            file.display().to_string()
        };
        let config = written("authz.yaml", &text.replace(place, &provider.envoy.address()));
        let token = written("accepted-tokens", TOKEN);
        let log = Output::Log(folder.path().join("log"));
        let program = workspace::debug_binary("authz-service").unwrap();
        let mut launch = Launch::new("authz-service", program, log)
            .env("SSL_CERT_FILE", provider.folder.path().join("tls.crt"));
        for (variable, value) in environment(objects) {
            let here = match variable.as_str() {
                "AUTHZ_SERVICE_LISTEN" => address.clone(),
                "AUTHZ_SERVICE_CONFIG" => {
                    assert_eq!(value, "/etc/authz/config/authz.yaml");
                    config.clone()
                }
                "AUTHZ_SERVICE_POLICIES" => services("authz-service/demo"),
                "AUTHZ_SERVICE_ENTITIES" => services("demo-data/entities.json"),
                "AUTHZ_SERVICE_TOKEN_FILE" => token.clone(),
                // Its store is in memory, and nobody administers.
                one if ["DATABASE", "REDIS", "LOG_KEY", "ADMIN"]
                    .iter()
                    .any(|no| one.contains(no)) =>
                {
                    continue;
                }
                _ => value,
            };
            launch = launch.env(variable, here);
        }
        let process = launch.start().unwrap();
        let ready = Ready::Http(address.parse().unwrap(), "/health/ready".into());
        process.wait_ready(&ready, READY).unwrap();
        Self { address, _port: port, _process: process, _folder: folder }
    }

    /// What filters are told is revoked.
    fn revoked(&self) -> Vec<Value> {
        let bearer = format!("authorization: Bearer {TOKEN}\r\n");
        let (status, body) = send(&self.address, "GET", "/v1/state", &bearer, "");
        assert_eq!(status, 200, "{body}");
        items(&serde_json::from_str(&body).unwrap(), "/entries").to_vec()
    }
}

fn services(below: &str) -> String {
    workspace::root().join("services").join(below).display().to_string()
}

/// What the pods are told, as far as it is no secret.
fn environment(objects: &[Object]) -> Vec<(String, String)> {
    let mut all = of_kind(objects, "Deployment");
    let deployment = all.find(|one| name(one) == "authz-service").unwrap();
    let template = pod_template(deployment).unwrap();
    let variables = items(template, "/spec/containers/0/env").iter();
    let said = variables.filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)));
    said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The status and the body.
fn send(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(READY)).unwrap();
    let length = body.len();
    let host = if headers.starts_with("host: ") { "" } else { "host: gateway\r\n" };
    let head = format!("{method} {path} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\n");
    // Who is refused before the body was sent may be told so while it is.
    let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, unchunked(head, body))
}

fn unchunked(head: &str, body: &str) -> String {
    if !head.to_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    // All of ours are one chunk.
    body.lines().nth(1).unwrap_or_default().to_owned()
}

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

fn logout(audience: &str, session: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": ISSUER, "aud": audience, "iat": now, "exp": now + 120, "jti": session,
        "sid": session, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let header = json!({"alg": "RS256", "kid": sign::kid("RS256"), "typ": "logout+jwt"});
    format!("logout_token={}", Signer::new().token("RS256", &header, &claims))
}

fn tell(address: &str, form: &str) -> (u16, String) {
    send(address, "POST", "/backchannel-logout", FORM, form)
}

#[test]
#[ignore = "cargo xtask test-k8s: needs Envoy and authz-service"]
fn a_logout_that_the_provider_tells_of_is_told_to_filters() {
    let provider = Provider::start();
    for name in ["staging", "production"] {
        let host = if name == "staging" { "login.staging.example.com" } else { HOST };
        let objects = as_of_production(overlay(name), host);
        let place = "keycloak.identity.svc.cluster.local:8443";
        let service = Service::of(&objects, place, &provider);
        assert_eq!(service.revoked(), Vec::<Value>::new());
        let other = tell(&service.address, &logout("account", "session-0"));
        assert_eq!(other.0, 400, "no client of ours: {}", other.1);
        let told = tell(&service.address, &logout(CLIENT, "session-1"));
        assert_eq!(told.0, 200, "{name}: {}", told.1);
        let [entry] = &service.revoked()[..] else { panic!("{name}") };
        assert_eq!((&entry["kind"], &entry["sid"]), (&json!("session"), &json!("session-1")));
        assert_eq!(entry["iss"], ISSUER);
        // All else that whoever reaches this port could ask for wants the gateway's credential.
        for (method, path) in [("GET", "/v1/state"), ("POST", "/access/v1/evaluation")] {
            assert_eq!(send(&service.address, method, path, "", "").0, 401, "{path}");
        }
    }
}

/// Both overlays have names of their own for the same things: one provider stands for both.
fn as_of_production(objects: Vec<Object>, host: &str) -> Vec<Object> {
    let named = |client: &str| client.replace("login.", "client-id.");
    let (theirs, ours) = (named(host), named(HOST));
    let change = |one: Object| {
        let text = one.to_string().replace(host, HOST).replace(&theirs, &ours);
        serde_json::from_str(&text).unwrap()
    };
    objects.into_iter().map(change).collect()
}

#[test]
#[ignore = "cargo xtask test-k8s: needs Envoy, the module and authz-service"]
fn from_outside_a_logout_comes_in_and_nothing_else_does() {
    let (provider, objects) = (Provider::start(), with_logouts_from_outside());
    let service = Service::of(&objects, &format!("{HOST}:443"), &provider);
    let gateway = Envoy::of(&objects, |text| {
        let (theirs, here) = ("{address: authz-service, port_value: 8003}", &service.address);
        assert_eq!(text.matches(theirs).count(), 2, "its own cluster and the one for logouts");
        let (host, port) = here.split_once(':').unwrap();
        text.replace(theirs, &format!("{{address: {host}, port_value: {port}}}"))
    });
    let address = gateway.address();
    let told = tell(&address, &logout(CLIENT, "session-1"));
    assert_eq!(told.0, 200, "{}", told.1);
    let [entry] = &service.revoked()[..] else { panic!("{:?}", service.revoked()) };
    assert_eq!((&entry["sid"], &entry["iss"]), (&json!("session-1"), &json!(ISSUER)));
    nothing_else_of_the_decision_point_is_reached(&address);
    let unsigned = logout(CLIENT, "session-2").rsplit_once('.').unwrap().0.to_owned() + ".AAAA";
    assert_eq!(tell(&address, &unsigned).0, 400);
    assert_eq!(tell(&address, &logout("account", "session-3")).0, 400);
    // Larger than any logout token: it does not leave the gateway.
    let large = format!("logout_token={}", "a".repeat(20_000));
    assert_eq!(tell(&address, &large).0, 413);
    assert_eq!(service.revoked().len(), 1);
}

fn nothing_else_of_the_decision_point_is_reached(gateway: &str) {
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let forwarded = format!("{bearer}x-forwarded-host: authz-service:8003\r\n");
    let inside = format!("host: authz-service:8003\r\n{bearer}");
    for headers in ["", &bearer, &forwarded, &inside] {
        for (method, path) in [
            ("GET", "/v1/state"),
            ("POST", "/access/v1/evaluation"),
            ("POST", "/security-events"),
            ("GET", "/health/ready"),
            ("GET", "/.well-known/authzen-configuration"),
            ("POST", "/backchannel-logout/"),
            ("POST", "/backchannel-logout/x"),
            ("POST", "/Backchannel-Logout"),
        ] {
            let answer = send(gateway, method, path, headers, "");
            assert_eq!(answer.0, 404, "{method} {path}: {}", answer.1);
        }
    }
    assert_eq!(send(gateway, "GET", "/backchannel-logout", "", "").0, 405);
}
