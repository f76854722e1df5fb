//! What of the Compose specification `compose.yaml` uses, for the rules that it is held to; anything else in it is
//! an error. Compose itself runs it: this must never decide what a container gets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::text::Variables;

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    /// The project's name.
    pub name: String,
    /// By their names, which are also what they call each other.
    pub services: BTreeMap<String, Service>,
    /// By their names.
    pub networks: BTreeMap<String, Network>,
    /// What is kept from one start to the next.
    pub volumes: BTreeMap<String, BTreeMap<String, IgnoredAny>>,
}

/// A network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Nobody in it reaches anything outside.
    #[serde(default)]
    pub internal: bool,
}

/// A container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are those of the Compose specification")]
pub struct Service {
    pub image: String,
    #[serde(default)]
    pub entrypoint: Vec<String>,
    #[serde(default)]
    pub command: Vec<String>,
    pub user: Option<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub volumes: Vec<String>,
    #[serde(default)]
    pub tmpfs: Vec<String>,
    #[serde(default)]
    pub ports: Vec<String>,
    pub networks: Vec<String>,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Needed>,
    pub healthcheck: HealthCheck,
    pub read_only: bool,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub mem_limit: String,
    pub cpus: f64,
    pub pids_limit: u32,
    pub restart: String,
    pub init: bool,
}

/// What a service waits for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needed {
    /// Always `service_healthy`.
    pub condition: Condition,
}

/// The only condition that says anything.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its health check has succeeded.
    ServiceHealthy,
}

/// How to tell whether it is usable.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are those of the Compose specification")]
pub struct HealthCheck {
    pub test: Vec<String>,
    pub interval: String,
    pub timeout: String,
    pub retries: u32,
    pub start_period: String,
}

impl Compose {
    /// Reads it with these variables filled in.
    pub fn read(path: &Path, variables: &Variables) -> Result<Self> {
        let read = || -> Result<Self> {
            let text = fs::read_to_string(path)?;
            let mut file: Value = serde_saphyr::from_str(&text)?;
            if let Some(fields) = file.as_object_mut() {
                // What is there to be named elsewhere in the file.
                fields.retain(|name, _| !name.starts_with("x-"));
            }
            fill_in(&mut file, variables)?;
            Ok(serde_json::from_value(file)?)
        };
        read().with_context(|| path.display().to_string())
    }
}

fn fill_in(value: &mut Value, variables: &Variables) -> Result<()> {
    match value {
        Value::String(text) => *text = variables.fill_in(text)?,
        Value::Array(items) => {
            items.iter_mut().try_for_each(|item| fill_in(item, variables))?;
        }
        Value::Object(fields) => {
            fields.values_mut().try_for_each(|field| fill_in(field, variables))?;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    fn shipped() -> Compose {
        let variables = Variables::random().unwrap();
        Compose::read(&workspace::root().join("compose.yaml"), &variables).unwrap()
    }

    #[test]
    fn every_container_is_confined_bounded_and_of_one_version() {
        let compose = shipped();
        assert_eq!(compose.services.len(), 7);
        for (name, service) in &compose.services {
            let (_, tag) = service.image.rsplit_once(':').unwrap();
            assert!(tag != "latest" && tag.contains('.'), "{name}: {tag}");
            assert!(service.read_only, "{name} may write everywhere");
            assert_eq!(service.cap_drop, ["ALL"], "{name}");
            assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
            assert!(service.cpus > 0.0 && service.pids_limit > 0, "{name} has no bounds");
            assert!(!service.mem_limit.is_empty(), "{name} may take all memory");
            assert!(service.healthcheck.test.len() > 1, "{name} has no health check");
            // Ours are nobody's by themselves; who they are is in their images.
            let ours = service.image.starts_with(crate::package::PUBLISHED);
            assert!(ours || service.user.is_some(), "{name} may be root");
        }
    }

    #[test]
    fn two_ports_are_published_and_only_to_this_machine() {
        let compose = shipped();
        let published: Vec<_> = compose.services.values().flat_map(|one| &one.ports).collect();
        assert_eq!(published, ["127.0.0.1:8080:8080", "127.0.0.1:8180:8180"]);
        // What keeps data is reached by authz-service alone.
        let with_data =
            compose.services.iter().filter(|(_, one)| one.networks.contains(&"data".into()));
        let with_data: Vec<_> = with_data.map(|(name, _)| name.as_str()).collect();
        assert_eq!(with_data, ["authz-service", "postgres", "redis"]);
        assert!(compose.networks["inside"].internal && compose.networks["data"].internal);
    }

    #[test]
    fn without_its_passwords_it_says_which_is_missing() {
        let file = workspace::root().join("compose.yaml");
        let error = Compose::read(&file, &Variables::none()).unwrap_err();
        assert!(format!("{error:#}").contains("is not set: see docs/compose.md"), "{error:#}");
    }
}
