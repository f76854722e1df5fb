//! Settings for proofs of possession.

use std::time::Duration;

use super::{Env, Result, keys, needs, variable};
use crate::authn::dpop::{NonceKeeper, PublicOrigin, Window};
use crate::authn::{Algorithm, AlgorithmSet};
use crate::config::{self, Config};
use crate::policy::ProofPolicy;

const MAX_AGE: Duration = Duration::from_secs(3600);
const MAX_SKEW: Duration = Duration::from_secs(300);
const MAX_PROOFS: u32 = 1_000_000;

pub(super) fn proofs(
    config: &Config,
    origin: Option<&str>,
    env: Env<'_>,
) -> Result<Option<ProofPolicy>> {
    let Some(dpop) = &config.dpop else { return Ok(None) };
    let origin = origin.and_then(PublicOrigin::parse);
    let origin = origin.ok_or_else(|| needs("public_origin", "a value for `dpop`"))?;
    let possible = AlgorithmSet::ASYMMETRIC;
    let algorithms = keys::named(&dpop.algorithms, possible, "dpop.algorithms")?;
    let names: Vec<_> = algorithms.iter().map(Algorithm::name).collect();
    let nonces = dpop.nonce_secret_env.as_deref().map(|name| keeper(name, env)).transpose()?;
    if dpop.require_nonce && nonces.is_none() {
        return Err(needs("dpop.nonce_secret_env", "a variable, as there is `require_nonce`"));
    }
    Ok(Some(ProofPolicy {
        origin,
        algorithms,
        algorithm_names: names.join(" ").into(),
        window: window(dpop)?,
        max_proofs: max_proofs(dpop)?,
        nonces,
        require_nonce: dpop.require_nonce,
    }))
}

fn window(dpop: &config::Dpop) -> Result<Window> {
    let window =
        Window { max_age: dpop.max_age.as_duration(), clock_skew: dpop.clock_skew.as_duration() };
    if !(Duration::from_secs(1)..=MAX_AGE).contains(&window.max_age) {
        return Err(needs("dpop.max_age", "a time from 1s to 1h"));
    }
    if window.clock_skew > MAX_SKEW {
        return Err(needs("dpop.clock_skew", "a time of at most 5m"));
    }
    Ok(window)
}

fn max_proofs(dpop: &config::Dpop) -> Result<usize> {
    let count = usize::try_from(dpop.max_proofs).ok();
    let count = count.filter(|_| (1..=MAX_PROOFS).contains(&dpop.max_proofs));
    count.ok_or_else(|| needs("dpop.max_proofs", "a number from 1 to 1000000"))
}

fn keeper(name: &str, env: Env<'_>) -> Result<NonceKeeper> {
    let at = "dpop.nonce_secret_env";
    NonceKeeper::new(variable(name, at, env)?.as_bytes())
        .ok_or_else(|| needs(at, "a variable whose value has at least 32 bytes"))
}
