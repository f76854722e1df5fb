//! Keys that the provider's discovery document names: through the real provider, and from one that
//! would send the gateway elsewhere.

use claimgate_e2e::edit;
use claimgate_e2e::mint::Mint;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::USER;
use serde_json::{Value, json};

use super::keys::fetches;
use super::liar::{Liar, Lie};
use super::{KEYS_BOUND, becomes, expect, expect_undecided_within, gauge, get};

/// The provider's keys, by discovery instead of by their URL.
fn discovering(config: &mut Value) {
    let provider = &mut edit::policy(config)["providers"][0];
    provider.as_object_mut().expect("a provider").remove("jwks");
    provider["discovery"] = json!({"cluster": "idp"});
}

#[test]
fn the_providers_own_document_leads_to_its_keys() {
    let stack = own_stack(builder().edit_envoy(discovering));
    let (mint, base) = (Mint::of(&stack), fetches(&stack));
    let token = mint.good(&mint.claims(&USER));
    for _ in 0..10 {
        expect(&stack, &get("/products", Some(&token)), 200);
        expect(&stack, &get("/customers/health", Some(&token)), 200);
    }
    assert_eq!(fetches(&stack) - base, 1);
}

#[test]
fn a_document_that_names_another_host_is_not_followed() {
    let liar = Liar::start();
    let edited = builder().edit_envoy(discovering).edit_envoy(liar.instead_of("idp"));
    let stack = own_stack(edited);
    let mint = Mint::of(&stack);
    let token = mint.good(&mint.claims(&USER));
    let issuer = stack.issuer();
    let realm = &issuer[issuer.find("/realms").expect("a realm")..];
    let document = format!("{realm}/.well-known/openid-configuration");
    let host = issuer.strip_suffix(realm).expect("a host");
    let says = |uri: String| {
        liar.tell(&document, Lie::json(json!({"issuer": issuer, "jwks_uri": uri}).to_string()));
    };
    liar.tell("/keys", Lie::json(tokens::published_keys(&stack).to_string()));
    says("http://elsewhere.test/keys".to_owned());
    expect_undecided_within(KEYS_BOUND, &stack, &get("/products", Some(&token)));
    assert!(liar.asked(&document) > 0, "nobody asked for the document");
    assert_eq!(liar.asked("/keys"), 0, "it was followed");
    let refused = "wasmcustom.claimgate.jwks.keycloak.failed.jwks_uri_foreign_host";
    assert!(gauge(&stack, refused) > 0);
    says(format!("{host}/keys"));
    becomes(&stack, &get("/products", Some(&token)), 200);
}
