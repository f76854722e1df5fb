//! Shows that every scenario does its job, before and after it is measured: a filter that lets
//! everything pass would be the fastest.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use crate::envoy::Envoy;
use crate::feed::{REVOCATIONS, revoked};
use crate::listeners::Reply;
use crate::scenario::{self, Scenario};
use crate::signer::Algorithm;
use crate::site::{PATH, PATHS, Site};

const LIMIT: Duration = Duration::from_secs(5);
const FORGED: &str = "forged";
/// One call a worker fills the cache; a run of minutes outlives an answer or two.
const MOST_DECISIONS: u64 = 20;
/// Refusals in a row, each on a connection of its own, until every worker is taken to know what is revoked.
const REFUSALS: usize = 16;
/// How long it may take until it is.
const FEED_LIMIT: Duration = Duration::from_secs(30);

/// Identity headers are set, forged ones gone, the token removed, the role wanted: seen in the answers
/// of an Envoy that shows what reached the route.
pub fn effects(site: &Site, scenarios: &[Scenario]) -> Result<()> {
    let _envoy = Envoy::start(site, scenarios, Reply::Seen, 1)?;
    for scenario in scenarios {
        effects_of(site, scenario).with_context(|| format!("scenario {}", scenario.name))?;
    }
    Ok(())
}

/// 200 with the token, 401 without, in the Envoy that is measured. Also fetches the keys.
pub fn statuses(site: &Site, scenarios: &[Scenario]) -> Result<()> {
    for scenario in scenarios {
        statuses_of(site, scenario).with_context(|| format!("scenario {}", scenario.name))?;
    }
    Ok(())
}

/// What was measured as cached came from a cache, and what was not did not.
pub fn caches(envoy: &Envoy, scenarios: &[Scenario], workers: usize) -> Result<()> {
    let paths = PATHS as u64;
    for name in scenarios.iter().map(|scenario| scenario.name) {
        let requests = envoy.counter(&format!("http.{name}.downstream_rq_total"))?;
        if name.starts_with("jwt_authn") {
            let hits = envoy.counter(&format!("http.{name}.jwt_authn.jwt_cache_hit"))?;
            let as_meant = match name.contains("uncached") {
                true => hits == 0,
                false => hits * 10 > requests * 9,
            };
            ensure!(as_meant, "{name} found {hits} of {requests} tokens in its cache");
        }
        let decisions = envoy.decisions(name)?;
        let as_meant = match name {
            "claimgate_decision_cached" => (1..=MOST_DECISIONS).contains(&decisions),
            // Each once for every worker, and while the first answer was on its way.
            "claimgate_decisions_10000" => {
                (paths..=paths * workers as u64 + MOST_DECISIONS).contains(&decisions)
            }
            "claimgate_decision_uncached" | "jwt_authn_ext_authz" => decisions * 10 > requests * 9,
            _ => decisions == 0,
        };
        ensure!(as_meant, "{name} asked for {decisions} decisions in {requests} requests");
        if name == scenario::REVOCATIONS {
            let known = envoy.counter("wasmcustom.claimgate.freshness.revocations")?;
            ensure!(known == REVOCATIONS as u64, "{name} knows {known} revocations");
        }
    }
    Ok(())
}

/// The token of this name is refused, by every worker and within `limit`.
pub fn refused(site: &Site, scenario: &Scenario, name: &str, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    let token = site.signer.token(Algorithm::Rs256, name, &["user"])?;
    let mut refusals = 0;
    while refusals < REFUSALS {
        refusals = match request(site, scenario, "GET", Some(&token))?.status().as_u16() {
            401 => refusals + 1,
            _ => 0,
        };
        ensure!(Instant::now() < deadline, "{name} is not refused within {limit:?}");
    }
    Ok(())
}

fn effects_of(site: &Site, scenario: &Scenario) -> Result<()> {
    statuses_of(site, scenario)?;
    let effects = &scenario.effects;
    let algorithm = scenario.load.algorithm();
    let answer = request(site, scenario, "GET", Some(site.token(algorithm)))?;
    let seen = |name: &str| {
        let value = answer.headers().get(format!("seen-{name}"))?.to_str().ok()?;
        (value != "-").then(|| value.to_owned())
    };
    for (name, expected) in effects.sets {
        let seen = seen(name);
        ensure!(seen.as_deref() == Some(*expected), "{name} arrives as {seen:?}, not {expected:?}");
    }
    let forged = seen("x-user-email").as_deref() == Some(FORGED);
    ensure!(forged != effects.removes_forged, "a forged header arrives: {forged}");
    let arrives = seen("authorization").is_some();
    ensure!(arrives != effects.removes_token, "the token arrives: {arrives}");
    if effects.wants_role {
        let other = site.signer.token(algorithm, "without-the-role", &["guest"])?;
        let status = request(site, scenario, "GET", Some(&other))?.status();
        ensure!(status == 403, "without the role the status is {status}");
    }
    if effects.refuses_delete {
        let status = request(site, scenario, "DELETE", Some(site.token(algorithm)))?.status();
        ensure!(status == 403, "another method is answered {status}");
    }
    Ok(())
}

/// 200 with the scenario's token, 401 without.
fn statuses_of(site: &Site, scenario: &Scenario) -> Result<()> {
    // The keys are fetched on first need; until then the answer may be 503.
    let deadline = Instant::now() + LIMIT;
    let token = site.token(scenario.load.algorithm());
    while request(site, scenario, "GET", Some(token))?.status() != 200 {
        ensure!(Instant::now() < deadline, "no 200 within {LIMIT:?}");
        thread::sleep(Duration::from_millis(50));
    }
    if scenario.effects.needs_token {
        let status = request(site, scenario, "GET", None)?.status();
        ensure!(status == 401, "without a token the status is {status}");
    }
    if scenario.effects.refuses_revoked {
        refused(site, scenario, &revoked(REVOCATIONS - 1), FEED_LIMIT)?;
    }
    Ok(())
}

/// One request as a client that lies about who it is.
fn request(
    site: &Site,
    scenario: &Scenario,
    method: &str,
    token: Option<&str>,
) -> Result<Response<Body>> {
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT));
    let url = format!("http://{}{PATH}", site.address(scenario.name)?);
    let request = Request::builder().method(method).uri(url).header("x-user-email", FORGED);
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    Ok(config.build().new_agent().run(request.body(())?)?)
}
