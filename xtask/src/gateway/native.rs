//! What `variants/native` needs besides: an authz-service that speaks TLS and knows the gateway by its certificate.
//!
//! Authority and certificates are made anew each time and are for tests alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::host::{NAMESPACE, secret};
use super::{Beside, Choice, World};
use crate::stack::Part;
use crate::{run, workspace};

/// What the certificate of authz-service is for: its name in a cluster, as the manifests have it.
const NAME: &str = "authz-service.claimgate.svc.cluster.local";
const LIMIT: Duration = Duration::from_secs(30);

/// The manifests, and the service behind them. Dropping it stops the service.
#[derive(Debug)]
pub struct Native {
    authz: Beside,
    manifests: Vec<Value>,
    certificates: PathBuf,
}

impl Native {
    pub(super) fn start(world: &World) -> Result<Self> {
        let folder = world.folder.join("certificates");
        let [authority, server, client] =
            ["authority", "authz-service", "gateway"].map(|name| folder.join(name));
        for folder in [&authority, &server, &client] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        certificate(&authority, "basicConstraints=critical,CA:TRUE", None)?;
        let named = format!("basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:{NAME}");
        certificate(&server, &named, Some(&authority))?;
        let client_only = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth";
        certificate(&client, client_only, Some(&authority))?;
        let authz = service(&world.folder, &server, &authority.join("tls.crt"))?;
        let services = [(Part::Authz.name(), authz.port())];
        let choice = Choice { folder: "variants/native", services: &services, ..Choice::default() };
        let mut manifests = world.chosen(&choice)?;
        manifests.push(secret(NAMESPACE, "gateway-client", &client)?);
        let vouching = fs::read_to_string(authority.join("tls.crt"))?;
        manifests.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": vouching},
            "metadata": {"name": "authz-ca", "namespace": NAMESPACE},
        }));
        Ok(Self { authz, manifests, certificates: folder })
    }

    /// For [`World::gateway`].
    #[must_use]
    pub fn manifests(&self) -> &[Value] {
        &self.manifests
    }

    /// The folder with `tls.crt` and `tls.key` of `authority`, `authz-service` and `gateway`.
    #[must_use]
    pub fn certificates(&self) -> &Path {
        &self.certificates
    }

    /// Where the service that decides is.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authz.port()
    }

    /// The service that decides.
    pub fn authz(&mut self) -> &mut Beside {
        &mut self.authz
    }
}

fn service(folder: &Path, own: &Path, authority: &Path) -> Result<Beside> {
    let services = workspace::root().join("services");
    let names = ("authz-service-with-tls", Part::Authz.name());
    Beside::start(names, folder, None, |launch| {
        let launch = launch.arg("--policies").arg(services.join("authz-service/demo"));
        let launch = launch.arg("--entities").arg(services.join("demo-data/entities.json"));
        let launch = launch.arg("--tls-cert").arg(own.join("tls.crt"));
        let launch = launch.arg("--tls-key").arg(own.join("tls.key"));
        launch.arg("--tls-client-ca").arg(authority)
    })
}

/// `tls.crt` and `tls.key` in this folder, signed by the authority in the other one, or by itself.
fn certificate(folder: &Path, extensions: &str, by: Option<&Path>) -> Result<()> {
    let [settings, key, certificate] =
        ["openssl.cnf", "tls.key", "tls.crt"].map(|name| folder.join(name));
    let name = folder.file_name().unwrap_or_default().display();
    fs::write(
        &settings,
        format!(
            "[req]\nprompt=no\ndistinguished_name=name\n[name]\nCN={name}\n[extensions]\n{extensions}\n"
        ),
    )?;
    let [settings, key, certificate] =
        [settings, key, certificate].map(|path| path.display().to_string());
    let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let more = ["-days", "2", "-config", &settings, "-extensions", "extensions"];
    let files = ["-keyout", &key, "-out", &certificate];
    let mut args = [&kind[..], &more, &files].concat();
    let by = by.map(|by| ["tls.crt", "tls.key"].map(|name| by.join(name).display().to_string()));
    if let Some([certificate, key]) = &by {
        args.extend(["-CA", certificate, "-CAkey", key]);
    }
    run::succeed_quietly(Path::new("openssl"), &args, LIMIT)
}
