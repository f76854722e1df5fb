//! `variants/native`: what callers get where Envoy's own filters verify tokens and ask authz-service, over TLS.
//!
//! The contract's own cases are run by `cargo xtask test-gateway` besides, as far as they are kept; what is not is here, and
//! in docs/gateway-api.md, "Without Wasm".

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::mint::{Mint, now, with};
use claimgate_e2e::users::{ADMIN, CUSTOMER_MANAGER, USER};
use claimgate_e2e::{SOON, tokens};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::gateway::manifests::find_mut;
use xtask::gateway::{Native, World};
use xtask::stack::Part;
use xtask::workspace;

use crate::passing::nobody_reaches_what_has_no_route;
use crate::support::{Own, get};

/// Services that believe whoever has the gateway's secret: there are no statements without the filter.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let folder = workspace::target_dir().unwrap().join("gateway/native");
        World::start(&folder, false).unwrap_or_else(|error| panic!("{error:#}"))
    })
}

fn start() -> (Own, Native) {
    let native = world().native().unwrap_or_else(|error| panic!("{error:#}"));
    let gateway = Own::start_in(world(), native.manifests());
    let guarded = || get(&gateway, "/customers", None).status == 401;
    assert!(wait_until(SOON, guarded), "nothing is protected");
    (gateway, native)
}

fn records(reply: &Reply) -> Option<usize> {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json().as_array().map(Vec::len)
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn without_wasm_everybody_gets_what_they_may_have_and_services_see_who_they_are() {
    let (gateway, native) = start();
    let [manager, user] =
        [CUSTOMER_MANAGER, USER].map(|user| tokens::direct(world().stack(), &user).access_token);
    assert_eq!(records(&get(&gateway, "/customers", Some(&manager))), Some(7));
    assert_eq!(records(&get(&gateway, "/customers", Some(&user))), Some(1));
    // Policies know it as `/customers/{customer_id}`; the role decides in the service.
    assert_eq!(get(&gateway, "/customers/7", Some(&manager)).status, 200);
    assert_eq!(get(&gateway, "/customers/7", Some(&user)).status, 403);
    assert_eq!(records(&get(&gateway, "/products", None)), Some(3));
    assert_eq!(get(&gateway, "/products", Some("no.good.token")).status, 401);
    let me = get(&gateway, "/auth/me", Some(&manager));
    assert_eq!((me.status, &me.json()["email"]), (200, &CUSTOMER_MANAGER.email.into()), "{me:?}");
    nobody_is_believed_who_says_who_they_are(&gateway, &user);
    tokens_are_refused_for_what_they_say(&gateway);
    nobody_reaches_what_has_no_route(&gateway);
    authz_service_knows_the_gateway_by_its_certificate(&native);
    // Nothing of it is patched, so whoever uses it need not allow that.
    let settings = fs::read_to_string(gateway.folder().join("envoy-gateway.yaml")).unwrap();
    assert!(settings.contains(r#""enableEnvoyPatchPolicy":false"#), "{settings}");
}

fn nobody_is_believed_who_says_who_they_are(gateway: &Own, user: &str) {
    let spoofed = |path: &str| {
        Request::get(path).headers([
            ("x-user-id", "somebody"),
            ("x-user-email", CUSTOMER_MANAGER.email),
            ("x-email-verified", "true"),
            ("x-user-roles", "customer-manager"),
            ("x-authz-route", "/customers"),
            ("x-gateway-secret", "a-guess-of-the-caller"),
        ])
    };
    assert_eq!(records(&spoofed("/customers").bearer(user).send(gateway.address())), Some(1));
    assert_eq!(spoofed("/customers").send(gateway.address()).status, 401);
    let guest = spoofed("/auth/me").send(gateway.address());
    assert_eq!(&*guest.text(), r#"{"email":"","roles":["guest"]}"#);
    assert_eq!(records(&spoofed("/products").send(gateway.address())), Some(3));
    // The services themselves take nothing that has not the gateway's secret.
    for part in [Part::Customers, Part::Products] {
        let path = if part == Part::Customers { "/customers" } else { "/products" };
        assert_eq!(spoofed(path).send(world().stack().address(part)).status, 403);
    }
}

/// As the contract has it, but for the audience, of which Envoy says 403.
fn tokens_are_refused_for_what_they_say(gateway: &Own) {
    let mint = Mint::of(world().stack());
    let claims = mint.claims(&ADMIN);
    let changed = |name, value| mint.good(&with(&claims, name, value));
    let refused = [
        (401, changed("exp", (now() - 65).into())),
        (401, changed("nbf", (now() + 120).into())),
        (401, changed("iss", "http://evil.example/realms/api-gateway-poc".into())),
        (403, changed("aud", "test-client".into())),
        (403, changed("aud", Value::Null)),
        (403, tokens::direct(world().stack(), &ADMIN).id_token),
    ];
    for (status, token) in refused {
        for path in ["/customers", "/customers/7", "/products", "/auth/me"] {
            let reply = get(gateway, path, Some(&token));
            assert_eq!(reply.status, status, "{path}: {reply:?}");
        }
    }
    // Who has no address is somebody all the same: authz-service is told the subject.
    let nameless = changed("email", Value::Null);
    assert_eq!(records(&get(gateway, "/customers", Some(&nameless))), Some(0));
}

fn authz_service_knows_the_gateway_by_its_certificate(native: &Native) {
    let port = native.port();
    let of = |name: &str, file: &str| native.certificates().join(name).join(file);
    let ask = |own: bool| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "10", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code}", "--cacert"]).arg(of("authority", "tls.crt"));
        if own {
            curl.arg("--cert").arg(of("gateway", "tls.crt"));
            curl.arg("--key").arg(of("gateway", "tls.key"));
        }
        let name = "authz-service.claimgate.svc.cluster.local";
        curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
        let output = curl.arg(format!("https://{name}:{port}/authz/me")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!([ask(false), ask(true)], ["401", "200"]);
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn without_wasm_nobody_undecided_passes_while_authz_service_is_away() {
    let (gateway, mut native) = start();
    let token = tokens::direct(world().stack(), &CUSTOMER_MANAGER).access_token;
    let statuses =
        |path: &str| [None, Some(&*token)].map(|token| get(&gateway, path, token).status);
    assert_eq!(statuses("/customers"), [401, 200]);
    native.authz().process().freeze();
    // The answer is Envoy's, with no word of when to come back; the filter's has `retry-after`.
    assert_eq!((statuses("/customers"), statuses("/products")), ([401, 503], [200, 200]));
    native.authz().process().thaw();
    let back = || statuses("/customers") == [401, 200] && statuses("/auth/me") == [200, 200];
    assert!(wait_until(SOON, back), "it does not come back after it hung");
    native.authz().process().kill();
    assert_eq!((statuses("/customers"), statuses("/products")), ([401, 503], [200, 200]));
    assert_eq!(statuses("/auth/me"), [503, 503]);
    assert_eq!(statuses("/customers/health"), [401, 503]);
    native.authz().restart().unwrap();
    assert!(wait_until(SOON, back), "it does not come back");
}

/// What the issuer signed and `jwt_authn` takes or passes over, which the filter refuses with 401 or 400: the statuses of
/// `/customers` and of `/products`.
#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn what_envoy_takes_and_the_filter_does_not() {
    let (gateway, _native) = start();
    let mint = Mint::of(world().stack());
    let (header, claims) = (mint.header(), mint.claims(&ADMIN));
    let good = mint.good(&claims);
    let bearer = |token: &str| format!("Bearer {token}");
    let claim = |name, value| bearer(&mint.good(&with(&claims, name, value)));
    let head = |name, value| bearer(&mint.token(&with(&header, name, value), &claims));
    let (taken, refused, a_guest) = ((200, 200), (401, 401), (401, 200));
    let one = |value: String| vec![value];
    let rows = [
        ("another kind of token", one(claim("typ", "Refresh".into())), taken),
        ("the same in its header", one(head("typ", "logout+jwt".into())), taken),
        ("no end", one(claim("exp", Value::Null)), taken),
        ("an end at 0", one(claim("exp", 0.into())), taken),
        ("issued in the future", one(claim("iat", (now() + 100_000).into())), taken),
        ("an extension to be understood", one(head("crit", json!(["exp"]))), taken),
        ("a key without a name", one(head("kid", "".into())), taken),
        ("a dot at the end", one(bearer(&format!("{good}."))), taken),
        ("two tokens", vec![bearer(&good); 2], refused),
        ("one of 20 kB", one(bearer(&"a".repeat(20_000))), refused),
        ("the scheme in small letters", one(format!("bearer {good}")), a_guest),
        ("another scheme", one("Basic dTpw".to_owned()), a_guest),
        ("nothing", one(String::new()), a_guest),
    ];
    for (what, values, expected) in rows {
        let status = |path: &str| {
            let request = Request::get(path);
            let add = |request: Request, value| request.header("authorization", value);
            values.iter().fold(request, add).send(gateway.address()).status
        };
        assert_eq!((status("/customers"), status("/products")), expected, "{what}");
    }
    // The claim as text is as good as the truth value.
    let reply = Request::get("/customers/7")
        .header("authorization", claim("email_verified", "true".into()))
        .send(gateway.address());
    assert_eq!(reply.status, 200, "{reply:?}");
    // Nobody tells authz-service the subject there.
    let nameless = mint.good(&with(&claims, "email", Value::Null));
    let me = get(&gateway, "/auth/me", Some(&nameless));
    assert_eq!(&*me.text(), r#"{"email":"","roles":["guest"]}"#);
}

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn without_wasm_and_without_keys_every_token_is_refused() {
    let native = world().native().unwrap_or_else(|error| panic!("{error:#}"));
    let mut manifests = native.manifests().to_vec();
    let idp = find_mut(&mut manifests, "Backend", "idp").unwrap();
    idp["spec"]["endpoints"][0]["ip"]["port"] = 1.into();
    let gateway = Own::start_in(world(), &manifests);
    assert!(wait_until(SOON, || get(&gateway, "/products", None).status == 200));
    let token = tokens::direct(world().stack(), &CUSTOMER_MANAGER).access_token;
    for path in ["/customers", "/products", "/auth/me"] {
        assert_eq!(get(&gateway, path, Some(&token)).status, 401, "{path}");
    }
}
