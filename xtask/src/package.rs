//! What is shipped, as images: the module in each form that gateways take, and the services.
//!
//! No container engine takes part, and no time and no owner goes in, so two packages of the same
//! builds have the same digests.

mod authorities;
mod local;
mod provenance;
mod publish;
mod sbom;
mod service;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use claimgate_oci::{Artifact, Descriptor, Entry, Image, Layer, Layout, write_wasm_artifact};
use serde_json::json;

use crate::{run, tools, wasm, workspace};

pub use local::LocalRegistry;
pub use publish::{Registry, sign, sign_with_password};
pub use service::{SERVICES, Service};

/// What a gateway looks for in a module's image.
const MODULE: &str = "plugin.wasm";
/// What our images are called before their own names.
pub const PUBLISHED: &str = "ghcr.io/claimgate/";
/// What is behind the name and the tag of a module in the form of a Wasm artifact.
const ARTIFACT: &str = "-artifact";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// For questions to git and the compiler.
const ASKING_LIMIT: Duration = Duration::from_secs(30);

/// One thing that was packaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaged {
    /// Its repository, below that of a registry.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// What it is called in the layout.
    pub name: String,
    /// Its manifest.
    pub manifest: Descriptor,
}

/// Where the layout is: `dist/oci`.
#[must_use]
pub fn folder() -> PathBuf {
    workspace::root().join("dist/oci")
}

/// Everything that a layout lists, by name. Every byte of it is checked.
fn read(folder: &Path) -> Result<BTreeMap<String, Descriptor>> {
    Layout::read(folder).context("run this, then try again:\n  cargo xtask package")
}

/// What the layout has that was packaged before.
pub fn written() -> Result<Vec<Packaged>> {
    let images = read(&folder())?.into_iter().filter(|(name, _)| !name.contains('.'));
    let packaged = |(name, manifest): (String, Descriptor)| {
        let (repository, form) = match name.strip_suffix(ARTIFACT) {
            Some(repository) => (repository.to_owned(), ARTIFACT),
            None => (name.clone(), ""),
        };
        Packaged { repository, tag: format!("{VERSION}{form}"), name, manifest }
    };
    Ok(images.map(packaged).collect())
}

/// Builds everything and writes the layout.
pub fn build() -> Result<Vec<Packaged>> {
    let source = Source::here()?;
    let modules = [
        (wasm::build(true)?, "filter", &wasm::FILTER_FEATURES[..]),
        (wasm::build_full(true)?, "filter-full", &wasm::FULL_FEATURES[..]),
    ];
    service::build()?;
    let mut writing = Writing { layout: Layout::create(&folder())?, source, packaged: Vec::new() };
    for (module, repository, features) in &modules {
        writing.module(repository, features, &read_file(module)?)?;
    }
    for service in &SERVICES {
        writing.service(service, Vec::new())?;
    }
    let module = Layer::of(&[Entry::file(MODULE, read_file(&workspace::plugin())?)])?;
    writing.service(&service::INSTALLER, vec![module])?;
    writing.layout.finish()?;
    Ok(writing.packaged)
}

fn read_file(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

/// Builds the small module alone and writes a layout with nothing else into this folder: for tests that
/// only need something to pull.
pub fn build_filter(folder: &Path) -> Result<Vec<Packaged>> {
    filter_of(folder, &wasm::build(true)?)
}

/// The same of a module that was built before.
pub fn filter_of(folder: &Path, module: &Path) -> Result<Vec<Packaged>> {
    let (source, module) = (Source::here()?, read_file(module)?);
    let mut writing = Writing { layout: Layout::create(folder)?, source, packaged: Vec::new() };
    writing.module("filter", &wasm::FILTER_FEATURES, &module)?;
    writing.layout.finish()?;
    Ok(writing.packaged)
}

/// A layout on its way.
struct Writing {
    layout: Layout,
    source: Source,
    packaged: Vec<Packaged>,
}

impl Writing {
    /// A module in both forms that gateways take.
    fn module(
        &mut self,
        repository: &'static str,
        features: &'static [&'static str],
        module: &[u8],
    ) -> Result<()> {
        let (package, target) = ("claimgate", tools::WASM_TARGET);
        let about = "Decides, inside Envoy, who may make a request";
        let made = Made { package, features, target, about };
        let annotations = self.source.annotations(repository, &made);
        let layer = Layer::of(&[Entry::file(MODULE, module)])?;
        let image = Image::new(vec![layer], json!({})).annotated(&annotations);
        let image = image.write(&mut self.layout, repository)?;
        self.add(repository, "", &made, image)?;
        let name = format!("{repository}{ARTIFACT}");
        let artifact = write_wasm_artifact(module, &annotations, &mut self.layout, &name)?;
        self.add(repository, ARTIFACT, &made, artifact)
    }

    fn service(&mut self, service: &Service, more: Vec<Layer>) -> Result<()> {
        let Service { package, about } = *service;
        let made = Made { package, features: &[], target: tools::MUSL_TARGET, about };
        let image = service.image(more)?.annotated(&self.source.annotations(package, &made));
        let image = image.write(&mut self.layout, package)?;
        self.add(package, "", &made, image)
    }

    /// Notes what was written, and writes what it is made of and how it was made, beside it.
    fn add(
        &mut self,
        repository: &'static str,
        form: &str,
        made: &Made,
        manifest: Descriptor,
    ) -> Result<()> {
        let name = format!("{repository}{form}");
        let sbom = sbom::of(made)?;
        Artifact::Sbom.write(&manifest, &sbom, &mut self.layout, &name)?;
        let provenance = provenance::of(&self.source, made, &name, &manifest)?;
        Artifact::Provenance.write(&manifest, &provenance, &mut self.layout, &name)?;
        let (repository, tag) = (repository.to_owned(), format!("{VERSION}{form}"));
        self.packaged.push(Packaged { repository, tag, name, manifest });
        Ok(())
    }
}

/// What compiles, in its own words.
fn compiler() -> Result<String> {
    let said = run::capture(&tools::rustc()?, &["--version"], ASKING_LIMIT)?;
    Ok(said.trim().to_owned())
}

/// How something was built.
struct Made {
    package: &'static str,
    /// What cargo is told about features.
    features: &'static [&'static str],
    target: &'static str,
    /// One line for people.
    about: &'static str,
}

/// What everything is built from.
struct Source {
    commit: String,
    /// When it was committed, RFC 3339.
    committed: String,
}

impl Source {
    fn here() -> Result<Self> {
        let git = tools::git()?;
        let root = workspace::root().display().to_string();
        let ask = |args: &[&str]| {
            let said = run::capture(&git, &[&["-C", &root][..], args].concat(), ASKING_LIMIT)?;
            Ok::<_, anyhow::Error>(said.trim().to_owned())
        };
        let clean = ask(&["status", "--porcelain"])?.is_empty();
        let commit = ask(&["rev-parse", "HEAD"])?;
        Ok(Self {
            // Whoever looks for that commit must not believe that it is the source.
            commit: if clean { commit } else { format!("{commit}-changed") },
            committed: ask(&["log", "-1", "--format=%cI"])?,
        })
    }

    /// What an image says of itself (OCI image specification, predefined annotation keys).
    fn annotations(&self, title: &str, made: &Made) -> BTreeMap<String, String> {
        let said = [
            ("title", title),
            ("description", made.about),
            ("version", VERSION),
            ("revision", &self.commit),
            ("created", &self.committed),
            ("licenses", env!("CARGO_PKG_LICENSE")),
        ];
        let named = |(name, value): (&str, &str)| {
            (format!("org.opencontainers.image.{name}"), value.to_owned())
        };
        said.into_iter().map(named).collect()
    }
}
