//! Whether a container is held to what the file says of it, by what the engine says it runs with.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::file::Service;

/// An error names what does not hold.
pub(super) fn check(service: &Service, runs: &Value) -> Result<()> {
    let said = |pointer: &str| runs.pointer(pointer).cloned().unwrap_or(Value::Null);
    let nanos = said("/HostConfig/NanoCpus").as_f64();
    ensure!(nanos == Some(service.cpus * 1e9), "NanoCpus is {nanos:?}");
    for (pointer, expected) in [
        ("/HostConfig/Memory", json!(bytes(&service.mem_limit)?)),
        ("/HostConfig/PidsLimit", json!(service.pids_limit)),
        ("/HostConfig/ReadonlyRootfs", json!(service.read_only)),
        ("/HostConfig/Privileged", json!(false)),
    ] {
        ensure!(said(pointer) == expected, "{pointer} is {}, not {expected}", said(pointer));
    }
    let user = said("/Config/User");
    ensure!(service.user.is_none() || user.as_str() == service.user.as_deref(), "User is {user}");
    let capabilities = said("/EffectiveCaps");
    let none = capabilities.as_array().is_none_or(Vec::is_empty);
    ensure!(none, "EffectiveCaps are {capabilities}");
    let options = said("/HostConfig/SecurityOpt");
    ensure!(options.to_string().contains("no-new-privileges"), "SecurityOpt is {options}");
    Ok(())
}

/// `64m`, `1g`.
fn bytes(limit: &str) -> Result<u64> {
    let unit = |letter, size: u64| Some((limit.strip_suffix(letter)?, size));
    let (number, size) = unit('m', 1 << 20)
        .or_else(|| unit('g', 1 << 30))
        .with_context(|| format!("mem_limit {limit:?} ends neither in m nor in g"))?;
    Ok(number.parse::<u64>().with_context(|| format!("mem_limit {limit:?}"))? * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_memory_are_counted_in_bytes() {
        assert_eq!((bytes("64m").unwrap(), bytes("1g").unwrap()), (67_108_864, 1_073_741_824));
        assert!(bytes("64").is_err() && bytes("xm").is_err());
    }
}
