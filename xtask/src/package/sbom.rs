//! What something is made of, as CycloneDX 1.6: the packages that cargo links into it, and no others.
//!
//! Cargo is asked with the features and the target it was built with. What only runs while building
//! (macros, build scripts) is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Made;
use crate::{run, workspace};

const TREE_LIMIT: Duration = Duration::from_secs(120);

pub(super) fn of(made: &Made) -> Result<Value> {
    // Quietly: that it waits for another cargo would stand in its answer.
    let args = ["tree", "--quiet", "--locked", "--edges", "normal", "--prefix", "depth"];
    let chosen = ["--package", made.package, "--target", made.target, "--format", "|{p}|{l}"];
    let manifest = workspace::root().join("Cargo.toml").display().to_string();
    let manifest = ["--manifest-path", &manifest];
    let args = [&args[..], &manifest, &chosen, made.features].concat();
    let tree = run::capture(Path::new(&workspace::cargo()), &args, TREE_LIMIT)?;
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    document(&tree, &checksums(&lock)).with_context(|| format!("cargo tree of {}", made.package))
}

/// A package as cargo's tree names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: String,
}

impl Package {
    /// `serde v1.0.229`, or with a path or `(proc-macro)` behind it.
    fn read(line: &str) -> Option<(Self, bool)> {
        let (named, license) = line.split_once('|')?;
        let mut words = named.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let builds = words.any(|word| word == "(proc-macro)");
        // Cargo marks what it has shown before.
        let license = license.trim_end_matches(" (*)").to_owned();
        Some((Self { name, version, license }, builds))
    }

    /// Its package URL.
    fn reference(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn component(&self, kind: &str, checksums: &Checksums) -> Value {
        let reference = self.reference();
        let hash = checksums.get(&(self.name.clone(), self.version.clone()));
        let hashes = hash.map(|hash| json!([{"alg": "SHA-256", "content": hash}]));
        // Cargo once allowed a slash where SPDX has OR.
        let license = Some(self.license.replace('/', " OR ")).filter(|license| !license.is_empty());
        let licenses = license.map(|license| json!([{"expression": license}]));
        let always = [
            ("type", json!(kind)),
            ("bom-ref", json!(reference)),
            ("name", json!(self.name)),
            ("version", json!(self.version)),
            ("purl", json!(reference)),
        ];
        let perhaps = [("licenses", licenses), ("hashes", hashes)];
        let perhaps = perhaps.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(perhaps).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// By name and version; packages of this workspace have none.
type Checksums = BTreeMap<(String, String), String>;

fn checksums(lock: &str) -> Checksums {
    let entry = |block: &str| {
        let field = |name: &str| {
            let value = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            value.map(|value| value.trim_matches('"').to_owned())
        };
        Some(((field("name")?, field("version")?), field("checksum")?))
    };
    lock.split("[[package]]").filter_map(entry).collect()
}

fn document(tree: &str, checksums: &Checksums) -> Result<Value> {
    let mut depends: BTreeMap<Package, BTreeSet<String>> = BTreeMap::new();
    // From the root down to the line that is looked at.
    let mut above: Vec<Package> = Vec::new();
    let mut passed_over = None;
    let mut root = None;
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (depth, line) = line.split_once('|').with_context(|| line.to_owned())?;
        let depth: usize = depth.parse().with_context(|| line.to_owned())?;
        let (package, builds) = Package::read(line).with_context(|| line.to_owned())?;
        if passed_over.is_some_and(|macros| depth > macros) {
            continue;
        }
        passed_over = builds.then_some(depth);
        if builds {
            continue;
        }
        above.truncate(depth);
        if let Some(parent) = above.last() {
            depends.entry(parent.clone()).or_default().insert(package.reference());
        }
        depends.entry(package.clone()).or_default();
        root.get_or_insert_with(|| package.clone());
        above.push(package);
    }
    let root = root.context("it is empty")?;
    let others = depends.keys().filter(|package| **package != root);
    let components: Vec<_> =
        others.map(|package| package.component("library", checksums)).collect();
    let edges: Vec<_> = depends
        .iter()
        .map(|(package, on)| json!({"ref": package.reference(), "dependsOn": on}))
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root.component("application", checksums)},
        "components": components,
        "dependencies": edges,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0|claimgate v0.1.0 (/x)|Apache-2.0\n1|serde v1.0.2|MIT/Apache-2.0\n\
        2|serde_derive v1.0.2 (proc-macro)|MIT\n3|syn v2.0.0|MIT\n2|serde_core v1.0.2|MIT\n\
        1|sha2 v0.10.9|MIT OR Apache-2.0\n2|serde v1.0.2|MIT/Apache-2.0 (*)\n";
    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.2\"\n\
        source = \"x\"\nchecksum = \"00ff\"\n\n[[package]]\nname = \"claimgate\"\nversion = \"0.1.0\"\n";

    #[test]
    fn it_lists_what_is_linked_and_what_needs_it() {
        let sbom = document(TREE, &checksums(LOCK)).unwrap();
        assert_eq!(sbom["metadata"]["component"]["purl"], "pkg:cargo/claimgate@0.1.0");
        let components = sbom["components"].as_array().unwrap();
        let names: Vec<_> = components.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["serde", "serde_core", "sha2"], "no macro, and nothing for one");
        assert_eq!(components[0]["hashes"][0]["content"], "00ff");
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let edges = sbom["dependencies"].as_array().unwrap();
        let of = |name: &str| edges.iter().find(|edge| edge["ref"] == name).unwrap();
        assert_eq!(of("pkg:cargo/serde@1.0.2")["dependsOn"], json!(["pkg:cargo/serde_core@1.0.2"]));
        assert_eq!(of("pkg:cargo/sha2@0.10.9")["dependsOn"], json!(["pkg:cargo/serde@1.0.2"]));
        assert_eq!(of("pkg:cargo/claimgate@0.1.0")["dependsOn"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_tree_that_cannot_be_read_is_an_error_that_shows_the_line() {
        for bad in ["", "x|serde v1|MIT", "0|serde|MIT", "0 serde v1.0.2 MIT"] {
            assert!(document(bad, &Checksums::new()).is_err(), "{bad}");
        }
        let error = document("x|serde v1|MIT", &Checksums::new()).unwrap_err();
        assert!(format!("{error:#}").contains("serde v1|MIT"), "{error:#}");
    }
}
