//! Settings for the feed of revocations and epochs.

use std::time::Duration;

use super::{Env, Result, credential, endpoint, needs};
use crate::authn::ClaimPath;
use crate::config::Config;
use crate::freshness::Settings;
use crate::policy::{Feed, Provider};

const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(10);
const AGES: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

#[inline(never)]
pub(super) fn feed(config: &Config, providers: &[Provider], env: Env<'_>) -> Result<Option<Feed>> {
    let Some(feed) = &config.freshness else { return Ok(None) };
    if providers.is_empty() {
        return Err(needs("freshness", "an entry in `providers`, whose tokens it is about"));
    }
    let (interval, max_age) = (feed.interval.as_duration(), feed.max_age.as_duration());
    if !INTERVALS.contains(&interval) {
        return Err(needs("freshness.interval", "a time from 100ms to 10s"));
    }
    if !AGES.contains(&max_age) {
        return Err(needs("freshness.max_age", "a time from 1s to 24h"));
    }
    let endpoint = endpoint::of_path(&feed.cluster, &feed.path, feed.timeout, "freshness")?;
    if max_age <= interval + endpoint.timeout {
        let what = "a time longer than `interval` and `timeout` together";
        return Err(needs("freshness.max_age", what));
    }
    let secret = feed.credential_env.as_ref();
    let secret =
        secret.map(|name| credential(name, "freshness.credential_env", env)).transpose()?;
    let source = [&*feed.cluster, &*feed.path, feed.credential_env.as_deref().unwrap_or_default()];
    let settings = Settings {
        source: source.map(Into::into),
        path: endpoint.path.clone(),
        timeout: endpoint.timeout,
        interval,
        max_age,
        grace: providers.iter().map(|provider| provider.clock_skew).max().unwrap_or_default(),
        tenant: feed.tenant_claim.as_deref().map(ClaimPath::new),
    };
    Ok(Some(Feed { endpoint, credential: secret, settings }))
}
