//! A stack with a real Keycloak, and what its administrator may do there.
//!
//! Only for tests that `cargo xtask test-idp` runs: it says where Keycloak is installed.

use std::env;

use serde_json::{Value, json};
use xtask::stack::{Builder, KEYCLOAK_ADMIN, Part, Stack};

use crate::client::{Reply, Request};
use crate::users::User;

const REALM: &str = "/realms/api-gateway-poc";

/// The builder of a stack whose identity provider is a Keycloak that makes its own keys.
#[must_use]
pub fn builder() -> Builder {
    let home = env::var_os("KEYCLOAK_HOME").expect("run by `cargo xtask test-idp`");
    Stack::builder().keycloak(home)
}

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Session {
    /// For `authorization`.
    pub access: String,
    /// What ends the session.
    pub refresh: String,
}

/// Logs in by way of the gateway, as this client of the realm.
#[must_use]
pub fn log_in(stack: &Stack, client: &str, user: &User) -> Session {
    let form = format!(
        "grant_type=password&client_id={client}&username={}&password={}",
        user.username, user.password
    );
    let path = format!("/auth{REALM}/protocol/openid-connect/token");
    let reply = Request::new("POST", path).form(&form).send(stack.address(Part::Envoy));
    assert_eq!(reply.status, 200, "{reply:?}");
    let said = reply.json();
    let text = |name: &str| said[name].as_str().map(str::to_owned).expect(name);
    Session { access: text("access_token"), refresh: text("refresh_token") }
}

/// Logs out by way of the gateway.
pub fn log_out(stack: &Stack, client: &str, session: &Session) {
    let form = format!("client_id={client}&refresh_token={}", session.refresh);
    let path = format!("/auth{REALM}/protocol/openid-connect/logout");
    let reply = Request::new("POST", path).form(&form).send(stack.address(Part::Envoy));
    assert_eq!(reply.status, 204, "{reply:?}");
}

/// The administration of the stack's Keycloak, past the gateway.
#[derive(Clone, Copy, Debug)]
pub struct Administration<'a>(pub &'a Stack);

impl Administration<'_> {
    /// Has the realm sign with a new RSA key from now on; both are published.
    pub fn add_signing_key(&self) {
        let realm = self.ask("GET", "", None).json()["id"].clone();
        let config = json!({
            "priority": ["400"],
            "enabled": ["true"],
            "active": ["true"],
            "algorithm": ["RS256"],
            "keySize": ["2048"],
        });
        let key = json!({
            "name": "next",
            "providerId": "rsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm,
            "config": config,
        });
        let reply = self.ask("POST", "/components", Some(&key));
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    /// Withdraws every signing key but the one added last: it is published no more.
    pub fn withdraw_older_keys(&self) {
        let path = "/components?type=org.keycloak.keys.KeyProvider";
        let keys = self.ask("GET", path, None).json();
        let keys = keys.as_array().expect("key providers");
        let rsa = keys.iter().filter(|key| key["providerId"] == "rsa-generated");
        for key in rsa.filter(|key| key["name"] != "next") {
            let mut withdrawn = key.clone();
            withdrawn["config"]["active"] = json!(["false"]);
            withdrawn["config"]["enabled"] = json!(["false"]);
            let path = format!("/components/{}", key["id"].as_str().expect("an id"));
            let reply = self.ask("PUT", &path, Some(&withdrawn));
            assert_eq!(reply.status, 204, "{reply:?}");
        }
    }

    /// Ends every session of a user, as after a theft.
    pub fn end_sessions_of(&self, user: &User) {
        let found = self.ask("GET", &format!("/users?exact=true&username={}", user.username), None);
        let id = found.json()[0]["id"].as_str().expect("the user's id").to_owned();
        let reply = self.ask("POST", &format!("/users/{id}/logout"), Some(&json!({})));
        assert_eq!(reply.status, 204, "{reply:?}");
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let request = Request::new(method, format!("/admin{REALM}{path}")).bearer(&self.token());
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        request.send(self.0.address(Part::Idp))
    }

    /// A new one for each question: they live for a minute.
    fn token(&self) -> String {
        let form = format!(
            "grant_type=password&client_id=admin-cli&username={KEYCLOAK_ADMIN}&password={}",
            self.0.admin_password()
        );
        let path = "/realms/master/protocol/openid-connect/token";
        let reply = Request::new("POST", path).form(&form).send(self.0.address(Part::Idp));
        reply.json()["access_token"].as_str().expect("an access token").to_owned()
    }
}
