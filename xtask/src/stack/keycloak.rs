//! A real Keycloak in the identity provider's place: the demo's realm on this stack's ports.
//!
//! Keycloak writes into its own folder, so a stack has a copy of the installed one. It must never change
//! what the realm says of users and clients: only where things are, and what a test asks for.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::Launch;
use serde_json::{Map, Value, json};

use super::parts::{Part, Plan, local};
use crate::workspace;

/// Who administers it; the password is the stack's own.
pub const ADMIN: &str = "admin";
/// What the realm's file asks for: where the authorization service is, for logouts.
const AUTHZ: &str = "AUTHZ_SERVICE_URL";
/// A small heap and the quick compiler: ready in a third of the time.
const HEAP: &str = "-Xms64m -Xmx192m";
const JVM: &str = "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC";

/// Only Linux has it.
const MORTAL_JAVA: &str = r#"#!/bin/sh
command -v setpriv > /dev/null && exec setpriv --pdeathsig KILL java "$@"
exec java "$@"
"#;

/// The realm as it is shipped, but with this key to sign with, and this life of access tokens, where there are
/// such.
pub fn realm(signing_key: Option<&Path>, lifetime: Option<Duration>) -> Result<Value> {
    let file = workspace::root().join("keycloak/realm.json");
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut realm: Map<String, Value> =
        serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    if let Some(lifetime) = lifetime {
        realm.insert("accessTokenLifespan".into(), lifetime.as_secs().into());
    }
    if let Some(key) = signing_key {
        realm.insert("components".into(), signing_with(key)?);
    }
    Ok(realm.into())
}

impl Plan<'_> {
    /// Keycloak, of the installation in `home`.
    pub(super) fn keycloak(&self, home: &Path) -> Result<Launch> {
        let copy = self.folder.join("keycloak");
        let copied = Command::new("cp").arg("-a").arg(home).arg(&copy).status()?;
        ensure!(copied.success(), "cannot copy {}", home.display());
        let import = copy.join("data/import");
        fs::create_dir_all(&import)?;
        fs::write(import.join("realm.json"), self.realm()?.to_string())?;
        let java = mortal_java(&copy)?;
        let name = format!("--hostname=http://localhost:{}", self.ports.idp);
        Ok(self
            .program(Part::Idp, &copy.join("bin/kc.sh"))
            // Without the cache it would look for others of its kind on every network.
            .args([
                "start",
                "--optimized",
                "--import-realm",
                "--cache=local",
                "--http-enabled=true",
            ])
            .args(["--http-host=127.0.0.1", "--http-management-host=127.0.0.1", &name])
            .arg(format!("--http-port={}", self.ports.idp))
            .arg(format!("--http-management-port={}", self.ports.idp_admin))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", self.admin_password)
            .env(AUTHZ, format!("http://{}", local(self.ports.authz)))
            .env("JAVA", java)
            .env("JAVA_OPTS_KC_HEAP", HEAP)
            .env("JAVA_OPTS_APPEND", JVM))
    }

    fn realm(&self) -> Result<Value> {
        realm(self.builder.signing_key.as_deref(), self.builder.token_lifetime)
    }

    /// What has the authorization service heed the realm's logouts.
    pub(super) fn trust(&self) -> Result<PathBuf> {
        let file = self.folder.join("authz.json");
        let issuers = json!([{
            "issuer": self.ports.issuer(),
            "logout-audiences": ["test-client", "authz-console"],
        }]);
        fs::write(&file, json!({"issuers": issuers}).to_string())?;
        Ok(file)
    }
}

/// A Java that ends with its parent, which is Keycloak's script: that is what the kernel ends with us, and it would
/// leave the server behind.
fn mortal_java(home: &Path) -> Result<PathBuf> {
    let script = home.join("bin/java");
    fs::write(&script, MORTAL_JAVA)?;
    fs::set_permissions(&script, Permissions::from_mode(0o755))?;
    Ok(script)
}

/// A key of ours in place of one that Keycloak would make.
fn signing_with(key: &Path) -> Result<Value> {
    let pem = fs::read_to_string(key).with_context(|| key.display().to_string())?;
    let config = json!({
        "priority": ["300"],
        "enabled": ["true"],
        "active": ["true"],
        "algorithm": ["RS256"],
        "privateKey": [pem],
    });
    let provider =
        json!({"name": "own", "providerId": "rsa", "subComponents": {}, "config": config});
    Ok(json!({"org.keycloak.keys.KeyProvider": [provider]}))
}
