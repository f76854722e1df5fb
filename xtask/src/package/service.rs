//! Services as images: one program that needs no library, run by nobody in particular, in a file
//! system that it need not write to.

use std::fs;

use anyhow::{Context, Result};
use claimgate_oci::{Entry, Image, Layer};
use serde_json::json;

use super::authorities;
use crate::{run, tools, workspace};

/// Nobody's user and group, as in distroless images.
const NOBODY: u32 = 65532;
/// Where rustls looks for the authorities that everybody trusts.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// A service that is shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its package, program and repository.
    pub package: &'static str,
    /// One line for people.
    pub about: &'static str,
}

/// The services, in the order of their names.
pub const SERVICES: [Service; 4] = [
    Service { package: "authz-service", about: "An AuthZEN decision point on Cedar policies" },
    Service { package: "customer-service", about: "A demo service that trusts the gateway" },
    Service { package: "dev-idp", about: "An identity provider for development, never for use" },
    Service { package: "product-service", about: "A demo service with public and other data" },
];

/// What copies the module out of its own image, which has the module beside it.
pub(super) const INSTALLER: Service = Service {
    package: "filter-installer",
    about: "Copies the module to where Envoy finds it, where an image cannot be a volume",
};

/// Builds them all, for a system without libraries.
pub(super) fn build() -> Result<()> {
    tools::musl()?;
    let packages = SERVICES.iter().chain([&INSTALLER]);
    let packages = packages.flat_map(|service| ["--package", service.package]);
    let args = ["build", "--release", "--locked", "--target", tools::MUSL_TARGET];
    let args: Vec<_> = args.into_iter().chain(packages).collect();
    run::succeed(&run::cargo(&args).env("RUSTFLAGS", tools::nowhere()?), run::BUILD_LIMIT)
}

impl Service {
    /// Its image, with these layers on top.
    pub(super) fn image(&self, more: Vec<Layer>) -> Result<Image> {
        let built = workspace::target_dir()?.join(tools::MUSL_TARGET).join("release");
        let program = built.join(self.package);
        let program = fs::read(&program).with_context(|| program.display().to_string())?;
        let users = format!("nobody:x:{NOBODY}:{NOBODY}::/:/none\n");
        let base = [
            Entry::file("etc/passwd", format!("root:x:0:0::/:/none\n{users}")),
            Entry::file("etc/group", format!("root:x:0:\nnobody:x:{NOBODY}:\n")),
            Entry::file(AUTHORITIES, authorities::pem()),
            Entry::folder("tmp", 0o1777),
        ];
        let config = json!({
            "User": format!("{NOBODY}:{NOBODY}"),
            "Entrypoint": [format!("/{}", self.package)],
            "WorkingDir": "/",
        });
        let mut layers =
            vec![Layer::of(&base)?, Layer::of(&[Entry::program(self.package, program)])?];
        layers.extend(more);
        Ok(Image::new(layers, config))
    }
}
