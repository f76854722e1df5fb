//! Shows that every scenario does its job, before and after it is measured: a filter that lets
//! everything pass would be the fastest.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::envoy::Envoy;
use crate::listeners::Reply;
use crate::scenario::{self, Scenario};
use crate::site::{PATH, Site};

const LIMIT: Duration = Duration::from_secs(5);
const FORGED: &str = "forged";
/// One call fills the cache; a run of minutes outlives an answer or two.
const MOST_DECISIONS: u64 = 20;

/// Identity headers are set, forged ones gone, the token removed, the role wanted: seen in the answers
/// of an Envoy that shows what reached the route.
pub fn effects(site: &Site) -> Result<()> {
    let _envoy = Envoy::start(site, &scenario::all(), Reply::Seen)?;
    for scenario in scenario::all() {
        effects_of(site, &scenario).with_context(|| format!("scenario {}", scenario.name))?;
    }
    Ok(())
}

/// 200 with the token, 401 without, in the Envoy that is measured. Also fetches the keys.
pub fn statuses(site: &Site) -> Result<()> {
    for scenario in scenario::all() {
        statuses_of(site, &scenario).with_context(|| format!("scenario {}", scenario.name))?;
    }
    Ok(())
}

/// What was measured as cached came from a cache, and what was not did not.
pub fn caches(envoy: &Envoy) -> Result<()> {
    let total = |scenario| envoy.counter(&format!("http.{scenario}.downstream_rq_total"));
    let hits = |scenario| envoy.counter(&format!("http.{scenario}.jwt_authn.jwt_cache_hit"));
    let (asked, cached) = (total("jwt_authn_cached")?, hits("jwt_authn_cached")?);
    ensure!(cached * 100 > asked * 99, "jwt_authn found {cached} of {asked} tokens in its cache");
    let uncached = hits("jwt_authn_uncached")?;
    ensure!(uncached == 0, "jwt_authn without a cache found {uncached} tokens in it");
    let decisions = total("decision_point")?;
    ensure!((1..=MOST_DECISIONS).contains(&decisions), "{decisions} decisions were asked for");
    Ok(())
}

fn effects_of(site: &Site, scenario: &Scenario) -> Result<()> {
    statuses_of(site, scenario)?;
    let answer = request(site, scenario, Some(&site.token))?;
    let seen = |name: &str| {
        let value = answer.headers().get(format!("seen-{name}"))?.to_str().ok()?;
        (value != "-").then(|| value.to_owned())
    };
    for (name, expected) in scenario.sets {
        let seen = seen(name);
        ensure!(seen.as_deref() == Some(*expected), "{name} arrives as {seen:?}, not {expected:?}");
    }
    let filtered = !scenario.filters(site).is_empty();
    let email = seen("x-user-email");
    ensure!(!filtered || email.as_deref() != Some(FORGED), "a forged header arrives");
    let arrives = seen("authorization").is_some();
    ensure!(arrives != scenario.needs_token, "the token arrives: {arrives}");
    if scenario.wants_role {
        let other = site.signer.token("without-the-role", &["guest"])?;
        let status = request(site, scenario, Some(&other))?.status();
        ensure!(status == 403, "without the role the status is {status}");
    }
    Ok(())
}

/// 200 with the scenario's token, 401 without.
pub fn statuses_of(site: &Site, scenario: &Scenario) -> Result<()> {
    // The keys are fetched on first need; until then the answer may be 503.
    let deadline = Instant::now() + LIMIT;
    while request(site, scenario, Some(&site.token))?.status() != 200 {
        ensure!(Instant::now() < deadline, "no 200 within {LIMIT:?}");
        thread::sleep(Duration::from_millis(50));
    }
    if scenario.needs_token {
        let status = request(site, scenario, None)?.status();
        ensure!(status == 401, "without a token the status is {status}");
    }
    Ok(())
}

/// One request as a client that lies about who it is.
fn request(site: &Site, scenario: &Scenario, token: Option<&str>) -> Result<Response<Body>> {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT));
    let url = format!("http://{}{PATH}", site.address(scenario.name)?);
    let request = config.build().new_agent().get(url).header("x-user-email", FORGED);
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    Ok(request.call()?)
}
