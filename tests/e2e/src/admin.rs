//! The authorization service's administration API, as a local administrator uses it.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use xtask::stack::Stack;
use xtask::workspace;

use crate::client::{Reply, Request};

/// An administrator of a stack that is [`xtask::stack::Builder::administered`].
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    secret: String,
}

impl Admin {
    /// With a secret made beside the database.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let service = workspace::debug_binary("authz-service").expect("a built service");
        let made = Command::new(service)
            .args(["admin-token", "--lifetime", "15m", "--database", &stack.database()])
            .output()
            .expect("a service that starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let secret = String::from_utf8(made.stdout).expect("a secret is text").trim().to_owned();
        Self { address: ([127, 0, 0, 1], stack.ports().authz_admin).into(), secret }
    }

    /// Revokes; the body is as `/admin/v1/revocations` takes it.
    pub fn revoke(&self, revocation: &Value) {
        let request = Request::new("POST", "/admin/v1/revocations");
        let request = request.header("content-type", "application/json");
        self.done(&request.body(revocation.to_string()));
    }

    /// Takes a role from a subject of the type `identity`.
    pub fn withdraw(&self, subject: &str, role: &str) {
        let path = format!("/admin/v1/subjects/identity/{subject}/roles/{role}");
        self.done(&Request::new("DELETE", path));
    }

    fn done(&self, request: &Request) {
        let reply: Reply = request.clone().bearer(&self.secret).send(self.address);
        assert!((200..300).contains(&reply.status), "{request}: {reply:?}");
    }
}
