//! Tokens as a client gets them: the password grant, through the gateway or straight from the
//! identity provider.
//!
//! Hand-made tokens are in [`crate::mint`].

use std::net::SocketAddr;

use serde_json::Value;
use xtask::stack::{Part, Stack};

use crate::client::{Reply, Request};
use crate::users::User;

const TOKEN: &str = "/realms/api-gateway-poc/protocol/openid-connect/token";

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Grant {
    /// For `authorization`.
    pub access_token: String,
    /// For the client only; asked for with the scope `openid`.
    pub id_token: String,
    /// In seconds.
    pub expires_in: u64,
}

/// An access token, through the gateway's `/auth` route.
#[must_use]
pub fn access(stack: &Stack, user: &User) -> String {
    grant(stack, user).access_token
}

/// Both tokens, through the gateway's `/auth` route.
#[must_use]
pub fn grant(stack: &Stack, user: &User) -> Grant {
    read(&ask(stack.address(Part::Envoy), &format!("/auth{TOKEN}"), user))
}

/// Both tokens, past the gateway.
#[must_use]
pub fn direct(stack: &Stack, user: &User) -> Grant {
    read(&ask(stack.address(Part::Idp), TOKEN, user))
}

fn ask(address: SocketAddr, path: &str, user: &User) -> Reply {
    let form = format!(
        "grant_type=password&client_id=test-client&scope=openid&username={}&password={}",
        user.username, user.password
    );
    Request::new("POST", path).form(&form).send(address)
}

fn read(reply: &Reply) -> Grant {
    assert_eq!(reply.status, 200, "{reply:?}");
    let said = reply.json();
    let text = |name: &str| said[name].as_str().map(str::to_owned).expect(name);
    Grant {
        access_token: text("access_token"),
        id_token: text("id_token"),
        expires_in: said["expires_in"].as_u64().expect("expires_in"),
    }
}

/// The key set that the identity provider publishes.
#[must_use]
pub fn published_keys(stack: &Stack) -> Value {
    let path = "/realms/api-gateway-poc/protocol/openid-connect/certs";
    Request::get(path).send(stack.address(Part::Idp)).json()
}
