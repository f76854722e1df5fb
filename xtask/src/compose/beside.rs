//! The second file that Compose reads: what has to be different on this machine.
//!
//! It must never take anything away from `compose.yaml`: it adds where programs come from, addresses, since no name
//! server is there, and how many files may be open, which is less than an engine of the system's may give.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::file::{Compose, Service};
use super::stand_in::StandIn;
use super::{Changes, from_root};

/// Networks are 10.87.N.0/24.
const NETWORKS: &str = "10.87";
/// The first address that a container may have.
const FIRST: usize = 10;

/// What is beside `compose`.
pub(super) fn file(
    compose: &Compose,
    stand_ins: &BTreeMap<&str, StandIn>,
    changes: &Changes,
) -> Result<Value> {
    let networks = compose.networks.keys().enumerate().map(|(number, name)| {
        let subnet = format!("{NETWORKS}.{number}.0/24");
        (name.clone(), json!({"ipam": {"config": [{"subnet": subnet}]}}))
    });
    let mut services = Map::new();
    for (name, service) in &compose.services {
        let own: Result<Map<_, _>> = service
            .networks
            .iter()
            .map(|network| {
                let address = address(compose, network, name)?;
                Ok((network.clone(), json!({"ipv4_address": address})))
            })
            .collect();
        let stand_in = stand_ins.get(name.as_str());
        services.insert(
            name.clone(),
            json!({
                "ulimits": {"nofile": 1024, "nproc": 4096},
                "networks": own?,
                "extra_hosts": others(compose, name, service)?,
                "volumes": mounts(service, stand_in, changes)?,
            }),
        );
    }
    Ok(json!({"services": services, "networks": networks.collect::<Map<_, _>>()}))
}

/// Who else is in one of its networks, by the address in the first that they share.
fn others(compose: &Compose, name: &str, service: &Service) -> Result<Vec<String>> {
    let others = compose.services.iter().filter(|(other, _)| *other != name);
    let shared = others.filter_map(|(other, its)| {
        let network = service.networks.iter().find(|network| its.networks.contains(network))?;
        Some((other, network))
    });
    shared
        .map(|(other, network)| Ok(format!("{other}={}", address(compose, network, other)?)))
        .collect()
}

fn address(compose: &Compose, network: &str, name: &str) -> Result<String> {
    let network = compose.networks.keys().position(|one| one == network);
    let network = network.with_context(|| format!("{name}: a network that is not there"))?;
    let number = compose.services.keys().position(|one| one == name);
    let number = number.with_context(|| format!("no service {name}"))?;
    Ok(format!("{NETWORKS}.{network}.{}", FIRST + number))
}

fn mounts(service: &Service, stand_in: Option<&StandIn>, changes: &Changes) -> Result<Vec<String>> {
    let system = stand_in.into_iter().flat_map(|one| &one.mounts);
    let mut mounts: Vec<_> =
        system.map(|(here, there)| format!("{}:{there}:ro", here.display())).collect();
    for volume in service.volumes.iter().filter(|volume| volume.starts_with("./")) {
        let (here, there) =
            volume.split_once(':').with_context(|| format!("{volume} names no place"))?;
        // An engine would make a folder of what is not there.
        let exists = from_root(here).exists();
        anyhow::ensure!(exists, "{here} is not there, and {} needs it", service.image);
        // In the place of the file's own, which goes by where it is there.
        let changed = changes.mounts.get(here.trim_start_matches("./"));
        mounts.extend(changed.map(|changed| format!("{}:{there}", changed.display())));
    }
    Ok(mounts)
}
