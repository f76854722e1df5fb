//! Envoy Gateway on this machine, without Kubernetes: its controller reads the manifests of
//! `kubernetes/gateway-api` as files, pulls the module as an image from a registry on loopback, and programs a
//! real Envoy in front of the demo's services.
//!
//! What is different from Kubernetes stands in [`host`] and nowhere else. It must never change what the manifests say
//! about a request: a test of something else edits what [`World::manifests`] returns, and shows that.

mod beside;
mod controller;
pub mod host;
pub mod manifests;
mod native;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::package::{self, LocalRegistry, Packaged};
use crate::stack::{IdentityKey, Part, Stack};
use crate::{tools, workspace};

pub use beside::Beside;
pub use controller::Gateway;
pub use native::Native;

/// Templates of the routes that lead to customer-service with a statement, as in the filter's configuration.
const STATED: [&str; 2] = ["/customers", "/customers/{customer_id}"];
/// For tests alone, like everything that this module runs.
const KEYS: &str = "tests/testdata/keys";

/// Which manifests, and what they are about.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Of `kubernetes/gateway-api`.
    pub folder: &'a str,
    /// Of `kubernetes/gateway-api`.
    pub components: &'a [&'a str],
    /// The module's image; what ships when not set.
    pub image: Option<&'a str>,
    /// Services that are not the stack's, or not the ones of these names: their ports.
    pub services: &'a [(&'a str, u16)],
}

impl Default for Choice<'_> {
    fn default() -> Self {
        Self { folder: "base", components: &[], image: None, services: &[] }
    }
}

/// Everything around a gateway: the services, and a registry with the filter's image.
#[derive(Debug)]
pub struct World {
    registry: LocalRegistry,
    filter: Packaged,
    stack: Stack,
    folder: PathBuf,
}

impl World {
    /// Starts the services, without a gateway, and pushes the module's image. With `statements`, customer-service wants
    /// the gateway's word for every caller; else it believes whoever has the gateway's secret. Everything is kept in
    /// this folder.
    pub fn start(folder: &Path, statements: bool) -> Result<Self> {
        let _ = fs::remove_dir_all(folder);
        let registry_folder = folder.join("registry");
        fs::create_dir_all(&registry_folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let layout = folder.join("oci");
        let packaged = package::build_filter(&layout)?;
        let registry = LocalRegistry::start(&registry_folder)?;
        registry.registry()?.push_from(&layout, &packaged)?;
        let filter = packaged.into_iter().next().context("the filter was packaged")?;
        let keys = workspace::root().join(KEYS);
        let stack = Stack::builder()
            .folder(folder.join("services"))
            .signing_key(keys.join("rsa-1.pem"))
            .without(Part::Envoy);
        let stack = if statements {
            stack.signed_identity(IdentityKey {
                private: keys.join("p256-1.pem"),
                public: vec![keys.join("p256-1-public.pem")],
                routes: STATED.map(str::to_owned).into(),
            })
        } else {
            stack
        };
        Ok(Self { registry, filter, stack: stack.start()?, folder: folder.to_owned() })
    }

    /// The services.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The image's name and digest at the registry.
    pub fn image(&self) -> Result<String> {
        Ok(self.registry.registry()?.reference(&self.filter))
    }

    /// Pushes another module, and returns its image's name and digest.
    pub fn push(&self, module: &Path) -> Result<String> {
        let layout = self.folder.join("oci-of-another");
        let packaged = package::filter_of(&layout, module)?;
        let registry = self.registry.registry()?;
        registry.push_from(&layout, &packaged)?;
        Ok(registry.reference(packaged.first().context("the module was packaged")?))
    }

    /// The manifests of `base`, see [`Self::chosen`].
    pub fn manifests(&self) -> Result<Vec<Value>> {
        self.chosen(&Choice::default())
    }

    /// The manifests as Kubernetes gets them, with the image at the registry of this machine, then changed for it.
    pub fn chosen(&self, choice: &Choice<'_>) -> Result<Vec<Value>> {
        let image = choice.image.map_or_else(|| self.image(), |image| Ok(image.to_owned()))?;
        let rendered = manifests::render(&[choice.folder], choice.components, Some(&image))?;
        let mut adapted = host::adapted(rendered, self.stack.ports(), choice.services)?;
        if adapted.iter().any(|one| manifests::kind(one) == "EnvoyExtensionPolicy") {
            adapted.push(host::wasm_server(&controller::configuration(&self.folder)));
        }
        Ok(adapted)
    }

    /// Another product-service, with the same products and the same secret: what `variants/canary` leads to as well.
    pub fn canary(&self) -> Result<Beside> {
        let secret = self.stack.secret();
        let names = ("product-service-canary", Part::Products.name());
        Beside::start(names, &self.folder, Some("/products/health"), |launch| {
            launch.env("GATEWAY_SECRET", secret)
        })
    }

    /// What `variants/native` needs, and its manifests.
    pub fn native(&self) -> Result<Native> {
        Native::start(self)
    }

    /// A gateway with these manifests; usable when this returns, but for what its manifests keep from being so.
    pub fn gateway(&self, manifests: &[Value]) -> Result<Gateway> {
        Gateway::start(self, manifests)
    }

    /// The same without waiting for it: for manifests that nothing is served with.
    pub fn launch(&self, manifests: &[Value]) -> Result<Gateway> {
        Gateway::launch(self, manifests)
    }

    fn secrets(&self) -> Result<[(&'static str, String); 3]> {
        let key = workspace::root().join(KEYS).join("p256-1.pem");
        let key = fs::read_to_string(&key).with_context(|| key.display().to_string())?;
        // authz-service is on loopback here and wants none: it is given one that it does not look at.
        let token = "not-asked-for-on-loopback".to_owned();
        let secret = self.stack.secret().to_owned();
        Ok([("GATEWAY_SECRET", secret), ("IDENTITY_KEY", key), ("AUTHZ_SERVICE_TOKEN", token)])
    }
}

/// Builds what a gateway and its services need, so that none of it counts as their start.
pub fn build() -> Result<()> {
    tools::envoy_gateway()?;
    tools::kustomize()?;
    tools::egctl()?;
    tools::envoy()?;
    tools::crane()?;
    tools::docker_registry()?;
    crate::wasm::build(true)?;
    crate::stack::build_parts()
}
