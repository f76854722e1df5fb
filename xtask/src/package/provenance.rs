//! How something was made: an in-toto statement (v1) with SLSA provenance (v1). A statement that
//! nobody has signed is a claim, so it says nothing that the commit does not let others check.

use anyhow::Result;
use serde_json::{Value, json};

use claimgate_oci::{Descriptor, Digest};

use super::{Made, Source};
use crate::workspace;

const BUILD: &str = "urn:claimgate:xtask:package:v1";

pub(super) fn of(source: &Source, made: &Made, name: &str, about: &Descriptor) -> Result<Value> {
    let lock = Digest::of(&std::fs::read(workspace::root().join("Cargo.lock"))?);
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": about.digest.hex()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": {
                    "package": made.package,
                    "features": made.features,
                    "target": made.target,
                },
                "internalParameters": {"compiler": super::compiler()?},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": source.commit}},
                    {"name": "Cargo.lock", "digest": {"sha256": lock.hex()}},
                ],
            },
            "runDetails": {"builder": {"id": BUILD}},
        },
    }))
}
