//! What a provider may demand of its tokens beside the usual.

use claimgate::authn::AuthnError::{self, *};
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

/// What comes of a token under these settings of its provider.
fn outcome(provider: &Value, header: Value, change: Value) -> Result<(), AuthnError> {
    let mut config = config(json!([route("required", allow_all(), json!({}))]));
    config["identity_headers"] = json!({});
    config["providers"][0].as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    let mut world = World::with_keys(&config);
    let mut whole = json!({"alg": "RS256", "kid": "one"});
    whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    match world.with_token(&ONE.sign(&whole, &claims(change))).1 {
        Step::Forward(..) => Ok(()),
        Step::Reply(Rejection::Credentials { error, .. }, _) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn with_claims(provider: Value, table: &[(Value, Result<(), AuthnError>)]) {
    for (change, expected) in table {
        assert_eq!(outcome(&provider, json!({}), change.clone()), *expected, "{change}");
    }
}

#[test]
fn other_kinds_of_tokens_are_no_access_tokens() {
    let other = Err(TokenType);
    with_claims(
        json!({}),
        &[
            (json!({}), Ok(())),
            (json!({"typ": null}), Ok(())),
            (json!({"typ": "ID"}), other),
            (json!({"typ": "Refresh"}), other),
            (json!({"typ": "Logout"}), other),
            (json!({"typ": null, "at_hash": "x"}), other),
            (json!({"typ": null, "c_hash": "x"}), other),
            (json!({"typ": null, "events": {}}), other),
        ],
    );
}

#[test]
fn a_provider_may_insist_on_the_access_token_type() {
    let strict = json!({"token_type": "at+jwt"});
    for (typ, expected) in [
        (json!({"typ": "at+jwt"}), Ok(())),
        (json!({"typ": "application/at+jwt"}), Ok(())),
        (json!({"typ": "AT+JWT"}), Ok(())),
        (json!({"typ": "JWT"}), Err(TokenType)),
        (json!({}), Err(TokenType)),
    ] {
        assert_eq!(outcome(&strict, typ.clone(), json!({})), expected, "{typ}");
    }
}

#[test]
fn the_client_is_one_of_those_accepted() {
    let provider = json!({"authorized_parties": ["shop", "app"]});
    let refused = Err(Party);
    with_claims(
        provider,
        &[
            (json!({"azp": "shop"}), Ok(())),
            (json!({"azp": null, "client_id": "app"}), Ok(())),
            (json!({"azp": "shop", "client_id": "shop"}), Ok(())),
            (json!({"azp": "Shop"}), refused),
            (json!({"azp": ["shop"]}), refused),
            (json!({"azp": null}), refused),
            (json!({"azp": "shop", "client_id": "other"}), refused),
            (json!({"azp": "other", "client_id": "shop"}), refused),
        ],
    );
}

#[test]
fn required_claims_are_there_with_one_of_their_values() {
    let provider = json!({"required_claims": {
        "email": [], "email_verified": ["true"], "realm_access.roles": ["user", "admin"],
    }});
    let roles = |roles: Value| json!({"realm_access": {"roles": roles}});
    let with = |change: Value| {
        let mut all = roles(json!(["user"]));
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all
    };
    let refused = Err(RequiredClaim);
    with_claims(
        provider,
        &[
            (with(json!({})), Ok(())),
            (roles(json!(["x", "admin"])), Ok(())),
            (roles(json!(["x"])), refused),
            (roles(json!([])), refused),
            (json!({}), refused),
            (with(json!({"email": null})), refused),
            (with(json!({"email_verified": false})), refused),
            (with(json!({"email_verified": null})), refused),
        ],
    );
}

#[test]
fn a_token_lives_no_longer_than_accepted() {
    let provider = json!({"max_lifetime": "10m"});
    with_claims(
        provider,
        &[
            (json!({"exp": START + 600}), Ok(())),
            (json!({"exp": START + 601}), Err(Lifetime)),
            (json!({"iat": START - 400}), Err(Lifetime)),
            (json!({"iat": null}), Err(Lifetime)),
            (json!({"exp": null}), Err(Expired)),
        ],
    );
}
