//! Envoy's own filters in front of authz-service, as docs/ext-authz.md has them: `jwt_authn`
//! verifies, `ext_authz` asks over gRPC. The rest of the gateway is the demo's.
//!
//! One stack and one test: what is asked of a service that runs, then of one that is gone.

use std::time::{Duration, Instant};

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::mint::{Key, Mint, Signature, token};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::{CUSTOMER_MANAGER, UNVERIFIED};
use claimgate_e2e::{SOON, edit, tokens};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::Part;

const CLUSTER: &str = "authz-service-grpc";
const FORGED: &str = "customer-manager,admin";

#[test]
fn envoys_own_filters_ask_and_obey_the_service() {
    let echo = Echo::start();
    let builder = builder().without(Part::Customers).without(Part::Products);
    let builder = builder.edit_envoy(edit::all_routes_to(&echo)).edit_envoy(envoys_own_filters);
    let mut gateway = Gateway { stack: own_stack(builder), echo };
    who_may_goes_on_with_the_roles_of_the_store(&gateway);
    who_may_not_is_403_and_who_has_no_token_401(&gateway);
    nothing_a_client_writes_counts(&gateway);
    without_the_service_nobody_passes(&mut gateway);
}

struct Gateway {
    stack: OwnStack,
    echo: Echo,
}

impl Gateway {
    fn token(&self, user: &claimgate_e2e::users::User) -> String {
        tokens::direct(&self.stack, user).access_token
    }

    fn send(&self, request: &Request) -> Reply {
        request.send(self.stack.address(Part::Envoy))
    }

    /// The roles that a request reaches the upstream with: one line, whatever the client sent.
    fn roles(&self, request: &Request) -> String {
        let echoed = Echoed::of(&self.send(request));
        let [roles] = echoed.headers.all("x-user-roles")[..] else { panic!("{echoed:?}") };
        roles.to_owned()
    }

    #[track_caller]
    fn refuses(&self, request: &Request, status: u16) {
        let seen = self.echo.seen().len();
        let reply = self.send(request);
        assert_eq!(reply.status, status, "{}: {reply:?}", request.target());
        assert_eq!(self.echo.seen().len(), seen, "{} reached the upstream", request.target());
    }
}

fn who_may_goes_on_with_the_roles_of_the_store(gateway: &Gateway) {
    let token = gateway.token(&CUSTOMER_MANAGER);
    for path in ["/customers", "/customers/4", "/customers/4?x=/nowhere", "/products"] {
        let request = Request::get(path).bearer(&token);
        assert_eq!(gateway.roles(&request), "user,customer-manager", "{path}");
    }
    let request = Request::get("/customers").bearer(&gateway.token(&UNVERIFIED));
    assert_eq!(gateway.roles(&request), "unverified-user");
    assert_eq!(gateway.roles(&Request::get("/products?category=x")), "guest");
}

fn who_may_not_is_403_and_who_has_no_token_401(gateway: &Gateway) {
    let token = gateway.token(&CUSTOMER_MANAGER);
    gateway.refuses(&Request::get("/customers/4/orders").bearer(&token), 403);
    gateway.refuses(&Request::get("/products/1/2"), 403);
    let reply = gateway.send(&Request::get("/products/1/2"));
    assert_eq!(reply.headers.one("content-type"), Some("application/problem+json"), "{reply:?}");
    gateway.refuses(&Request::get("/customers"), 401);
    gateway.refuses(&Request::get("/customers").bearer("not.a.token"), 401);
    let mint = Mint::of(&gateway.stack);
    let foreign = Key::named("rsa-foreign");
    let claims = mint.claims(&CUSTOMER_MANAGER);
    let forged = token_of(&mint.header(), &claims, &foreign);
    gateway.refuses(&Request::get("/customers").bearer(&forged), 401);
    // Not even where no token is needed.
    gateway.refuses(&Request::get("/products").bearer(&forged), 401);
}

fn token_of(header: &Value, claims: &Value, key: &Key) -> String {
    token(header, claims, &Signature::Rs256(key))
}

fn nothing_a_client_writes_counts(gateway: &Gateway) {
    let claims = json!({"sub": "x", "email": CUSTOMER_MANAGER.email, "email_verified": true});
    let forged = |request: Request| {
        request
            .header("x-user-roles", FORGED)
            .header("X-User-Roles", FORGED)
            .header("x-user-id", "x")
            .header("x-user-email", CUSTOMER_MANAGER.email)
            .header("x-email-verified", "true")
            .header("x-authz-route", "/products")
            .header("route", "/products")
            .header("envoy.filters.http.jwt-authn", claims.to_string())
            .header("x-envoy-metadata", claims.to_string())
            .header("x-jwt-payload", claims.to_string())
            .header("claims", claims.to_string())
    };
    assert_eq!(gateway.roles(&forged(Request::get("/products"))), "guest");
    let unverified = gateway.token(&UNVERIFIED);
    let request = forged(Request::get("/customers")).bearer(&unverified);
    assert_eq!(gateway.roles(&request), "unverified-user");
    gateway.refuses(&forged(Request::get("/customers")), 401);
    gateway.refuses(&forged(Request::get("/products/1/2")), 403);
}

fn without_the_service_nobody_passes(gateway: &mut Gateway) {
    let token = gateway.token(&CUSTOMER_MANAGER);
    gateway.stack.part(Part::Authz).expect("a part").kill();
    for request in [Request::get("/customers").bearer(&token), Request::get("/products")] {
        let begun = Instant::now();
        gateway.refuses(&request, 503);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    gateway.stack.restart(Part::Authz).expect("a service that starts again");
    let request = Request::get("/customers").bearer(&token);
    assert!(wait_until(SOON, || gateway.send(&request).status == 200), "it is not asked again");
    assert_eq!(gateway.roles(&request), "user,customer-manager");
}

/// `jwt_authn` and `ext_authz` in the filter's place.
fn envoys_own_filters(config: &mut Value) {
    let provider = edit::policy(config)["providers"][0].clone();
    let mut cluster = edit::cluster(config, "authz-service").clone();
    cluster["name"] = CLUSTER.into();
    cluster["load_assignment"]["cluster_name"] = CLUSTER.into();
    cluster.as_object_mut().expect("a cluster").remove("health_checks");
    let protocols = &mut cluster["typed_extension_protocol_options"];
    protocols["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["explicit_http_config"] =
        json!({"http2_protocol_options": {}});
    config["static_resources"]["clusters"].as_array_mut().expect("clusters").push(cluster);

    let filters = edit::manager(config)["http_filters"].as_array_mut().expect("filters");
    let ours = filters.iter().position(|filter| filter["name"] == "claimgate").expect("ours");
    filters.splice(ours..=ours, [jwt_authn(&provider), ext_authz()]);

    // A template of its own: what the demo's routes leave to the filter.
    let mut customer = edit::route(config, "customers").clone();
    customer["name"] = "customer".into();
    customer["match"] = json!({"safe_regex": {"regex": "/customers/[^/]+"}});
    customer["typed_per_filter_config"] = json!({"envoy.filters.http.ext_authz": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
        "check_settings": {"context_extensions": {"route": "/customers/{customer_id}"}},
    }});
    let hosts = &mut edit::manager(config)["route_config"]["virtual_hosts"];
    hosts[0]["routes"].as_array_mut().expect("routes").insert(0, customer);
}

fn jwt_authn(provider: &Value) -> Value {
    let jwks = &provider["jwks"];
    let uri = json!({"uri": jwks["url"], "cluster": jwks["cluster"], "timeout": "2s"});
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"main": {
                "issuer": provider["issuer"],
                "audiences": provider["audiences"],
                "remote_jwks": {"http_uri": uri},
                "payload_in_metadata": "claims",
            }},
            "rules": [
                {"match": {"path_separated_prefix": "/products"}, "requires": {"requires_any": {
                    "requirements": [{"provider_name": "main"}, {"allow_missing": {}}],
                }}},
                {"match": {"prefix": "/"}, "requires": {"provider_name": "main"}},
            ],
        },
    })
}

fn ext_authz() -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "failure_mode_allow": false,
            "status_on_error": {"code": "ServiceUnavailable"},
            "metadata_context_namespaces": ["envoy.filters.http.jwt_authn"],
            "grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "0.25s"},
        },
    })
}
