//! Brings what `kubernetes/` describes into a cluster without a moment in which it is open, and says whether what is there
//! is in force: statuses that are about the present generation, and requests that must be refused.
//!
//! What goes wrong is undone: objects that were there are put back, those that were not are removed. It must never leave a
//! version behind that nobody has seen refuse, read a Secret's value, or wait without a limit; and looking must change nothing.

mod address;
mod ask;
mod cluster;
mod leftovers;
mod order;
mod placeholders;
mod rollback;
mod secrets;
mod status;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use claimgate_proc::is_stopping;
use serde_json::Value;

use crate::say;
use address::Doors;
use cluster::Cluster;
use order::Step;
use rollback::Before;

pub use address::Address;

/// Between two looks at the same objects.
const PAUSE: Duration = Duration::from_millis(500);

/// Which of the three; kept apart by their namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// For a cluster on a laptop: names that are examples may stand there.
    Dev,
    /// As production, smaller.
    Staging,
    /// The one that counts.
    Production,
}

/// What is brought where.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose overlay, and how strict it is about examples.
    pub environment: Environment,
    /// By Envoy Gateway instead of an Envoy with a static configuration.
    pub gateway_api: bool,
    /// The user's own folder; with the Gateway API it holds `guard` and `routes`.
    pub overlay: Option<PathBuf>,
    /// The module's image, `NAME@sha256:…`, where the overlay does not name it.
    pub image: Option<String>,
    /// Of the kubeconfig; else the one that `kubectl` uses.
    pub context: Option<String>,
    /// Where the gateways are, when it is not where their statuses say.
    pub addresses: Vec<Address>,
    /// Who signed their certificates, when it is nobody whom this machine knows.
    pub authority: Option<PathBuf>,
    /// Where Envoy Gateway runs its proxies, and their Secrets are.
    pub proxies: String,
    /// For everything that is waited for, each.
    pub limit: Duration,
}

/// One thing that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which object.
    pub object: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

/// How a deployment ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there and it refuses.
    InForce,
    /// It is not: what was there before is there again.
    RolledBack(Vec<Finding>),
}

/// Brings it there, step by step; each has to be in force before the next begins. What an earlier version left is named then,
/// and removed when `prune` says so.
pub fn deploy(target: &Target, prune: bool) -> Result<Outcome> {
    let steps = order::steps(target)?;
    let all: Vec<Value> = order::objects(&steps).cloned().collect();
    refuse_placeholders(&all, target.environment)?;
    let (cluster, begun) = (Cluster::of(target)?, Instant::now());
    let before = Before::of(&cluster, &all)?;
    cluster.make_namespaces(&all)?;
    let problem = match advance(&cluster, &steps, target) {
        Ok(findings) if findings.is_empty() => {
            say(format_args!("it took {:.1} s", begun.elapsed().as_secs_f64()));
            tidy(&cluster, &steps, target, prune)?;
            return Ok(Outcome::InForce);
        }
        Ok(findings) => {
            findings.iter().for_each(say);
            Ok(findings)
        }
        Err(error) => {
            say(format_args!("{error:#}"));
            Err(error)
        }
    };
    before.restore(&cluster, &steps, target.limit)?;
    problem.map(Outcome::RolledBack)
}

/// Looks at what is there; changes nothing.
pub fn verify(target: &Target) -> Result<Vec<Finding>> {
    let steps = order::steps(target)?;
    let all: Vec<Value> = order::objects(&steps).cloned().collect();
    let cluster = Cluster::of(target)?;
    let mut findings = secrets::missing(&cluster, &all, target)?;
    findings.extend(settled(&cluster, &all, target.limit)?);
    findings.extend(placeholders::find(&cluster.live(&all)?, target.environment));
    let questions = steps.last().map_or(&[][..], |step| step.questions);
    findings.extend(asked(&cluster, &all, questions, target)?);
    let (open, lie) = leftovers::find(&cluster, &all, target)?.findings(&cluster);
    lie.iter().for_each(say);
    findings.extend(open);
    Ok(findings)
}

/// Of the present version everything is in force: what it does not have can go.
fn tidy(cluster: &Cluster, steps: &[Step], target: &Target, prune: bool) -> Result<()> {
    let all: Vec<Value> = order::objects(steps).cloned().collect();
    let left = match leftovers::find(cluster, &all, target) {
        Err(error) if !prune => {
            say(format_args!("nobody has looked for what is left over: {error:#}"));
            return Ok(());
        }
        left => left?,
    };
    if left.is_empty() {
        return Ok(());
    }
    if !prune {
        let (open, lie) = left.findings(cluster);
        open.iter().chain(&lie).for_each(say);
        say("what is left over stays; `deploy --prune` removes it");
        return Ok(());
    }
    say("removing what is left over …");
    left.remove(cluster)?;
    let mut findings = settled(cluster, &all, target.limit)?;
    let questions = steps.last().map_or(&[][..], |step| step.questions);
    findings.extend(asked(cluster, &all, questions, target)?);
    findings.iter().for_each(say);
    ensure!(
        findings.is_empty(),
        "since what was left over is gone, this is wrong; it is kept in a file, see above: kubectl create -f FILE"
    );
    Ok(())
}

fn refuse_placeholders(all: &[Value], environment: Environment) -> Result<()> {
    let findings = placeholders::find(all, environment);
    if findings.is_empty() {
        return Ok(());
    }
    findings.iter().for_each(say);
    bail!("nothing was changed: fill in what stands above in an overlay, see docs/kubernetes.md")
}

/// The first step that does not come into force ends it.
fn advance(cluster: &Cluster, steps: &[Step], target: &Target) -> Result<Vec<Finding>> {
    let all: Vec<Value> = order::objects(steps).cloned().collect();
    for step in steps {
        say(format_args!("{} …", step.name));
        if step.needs_secrets {
            let findings = secrets::missing(cluster, &all, target)?;
            if !findings.is_empty() {
                return Ok(findings);
            }
        }
        step.waves.iter().try_for_each(|wave| cluster.apply(wave))?;
        let objects: Vec<Value> = step.waves.iter().flatten().cloned().collect();
        let mut findings = settled(cluster, &objects, target.limit)?;
        if findings.is_empty() {
            findings = asked(cluster, &all, step.questions, target)?;
        }
        if !findings.is_empty() {
            return Ok(findings);
        }
    }
    Ok(Vec::new())
}

/// What is still wrong with these objects when nothing is any more, or the limit has passed.
fn settled(cluster: &Cluster, objects: &[Value], limit: Duration) -> Result<Vec<Finding>> {
    let begun = Instant::now();
    loop {
        let findings = status::findings(objects, &cluster.live(objects)?);
        if findings.is_empty() || begun.elapsed() >= limit || is_stopping() {
            return Ok(findings);
        }
        std::thread::sleep(PAUSE);
    }
}

fn asked(
    cluster: &Cluster,
    all: &[Value],
    questions: &[ask::Question],
    target: &Target,
) -> Result<Vec<Finding>> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let Doors { doors, mut findings } = address::doors(cluster, &cluster.live(all)?, target)?;
    for door in &doors {
        // One that nobody answers at is not waited for again.
        findings.extend(questions.iter().find_map(|one| door.ask(one, target.limit)));
    }
    Ok(findings)
}

impl Finding {
    fn of(object: &Value, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { object: cluster::called(object), what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n       → {}", self.object, self.what, self.advice)
    }
}
