//! What an earlier version left behind: objects with our labels that the present manifests do not have. Routes and rules
//! among them may let in more than is meant now.
//!
//! It must never take away what holds data or secrets, nor what takes such things with it, nor what a controller made, nor
//! the last rule that keeps pods closed; and nothing before the present version is in force.

mod kinds;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::cluster::{Cluster, called, namespace, same};
use super::{Finding, Target, rollback};
use crate::gateway::manifests::kind;
use crate::say;
use kinds::Rank;

/// On every object of `kubernetes/`; the second tells the two sets apart, which may share a namespace.
const PART: &str = "app.kubernetes.io/part-of=claimgate";
const SET: &str = "claimgate.example/set";

/// What is left, the most dangerous first.
pub(super) struct Leftovers(Vec<Leftover>);

struct Leftover {
    object: Value,
    rank: Rank,
    /// Why it is nothing for us to remove.
    stays: Option<&'static str>,
}

/// What is in the namespaces of `wanted` and is not among it.
pub(super) fn find(cluster: &Cluster, wanted: &[Value], target: &Target) -> Result<Leftovers> {
    let kinds = kinds::known(cluster)?.join(",");
    let set = if target.gateway_api { "gateway-api" } else { "direct" };
    let namespaces: BTreeSet<_> = wanted.iter().filter_map(namespace).collect();
    let mut all = Vec::new();
    for namespace in namespaces {
        let live = cluster.labelled(&kinds, namespace, &format!("{PART},{SET}={set}"))?;
        let rules = cluster.all(kinds::RULES, namespace)?;
        all.extend(among(live, wanted, &rules));
    }
    all.sort_by_key(|one| one.rank);
    Ok(Leftovers(all))
}

/// `rules`: every NetworkPolicy of the namespace, whoever made it.
fn among(live: Vec<Value>, wanted: &[Value], rules: &[Value]) -> Vec<Leftover> {
    let is_left = |one: &Value| {
        is_free(one) && !kinds::holds_something(one) && !wanted.iter().any(|other| same(other, one))
    };
    let left: Vec<_> = live.into_iter().filter(is_left).collect();
    let staying = |rule: &&Value| !left.iter().any(|one| same(one, rule));
    let staying: Vec<_> = rules.iter().filter(staying).collect();
    let of = |object: &Value| Leftover {
        rank: kinds::rank(object, wanted),
        stays: kinds::takes_along(object).or_else(|| {
            rules::is_last(object, &staying)
                .then_some("is the last rule that keeps pods closed which it is about")
        }),
        object: object.clone(),
    };
    left.iter().map(of).collect()
}

/// Nobody made it for another object, and nobody is removing it.
fn is_free(object: &Value) -> bool {
    let metadata = |field: &str| object.pointer(&format!("/metadata/{field}"));
    let owners = metadata("ownerReferences").and_then(Value::as_array);
    owners.is_none_or(Vec::is_empty) && metadata("deletionTimestamp").is_none()
}

impl Leftovers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those by which somebody may get in, and those that are only in the way.
    pub(super) fn findings(&self, cluster: &Cluster) -> (Vec<Finding>, Vec<Finding>) {
        let (open, lie): (Vec<_>, Vec<_>) = self.0.iter().partition(|one| one.rank.counts());
        let of = |some: Vec<&Leftover>| some.iter().map(|one| one.finding(cluster)).collect();
        (of(open), of(lie))
    }

    /// Removes them, in their order. What they were is kept in a file.
    pub(super) fn remove(self, cluster: &Cluster) -> Result<()> {
        let (stay, go): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|one| one.stays.is_some());
        for one in stay {
            let why = one.stays.unwrap_or_default();
            say(format_args!("  stays: {} {why}", called(&one.object)));
        }
        if go.is_empty() {
            return Ok(());
        }
        let objects: Vec<_> = go.iter().map(|one| rollback::as_given(&one.object)).collect();
        let file = rollback::keep("pruned", &objects)?;
        say(format_args!("what is removed now is kept in {}", file.display()));
        for some in go.chunk_by(|one, next| one.rank == next.rank) {
            some.iter().for_each(|one| say(format_args!("  removed: {}", called(&one.object))));
            cluster.delete(&some.iter().map(|one| one.object.clone()).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

impl Leftover {
    fn finding(&self, cluster: &Cluster) -> Finding {
        let what = format!("is left over from an earlier version, {}", self.rank.means());
        let command = cluster.delete_command(&self.object);
        let advice = match self.stays {
            None => command,
            Some(why) => format!("look first, it {why}: {command}"),
        };
        Finding::of(&self.object, what, advice)
    }
}

fn is(object: &Value, wanted: &str) -> bool {
    kind(object) == wanted
}
