//! What was there before, and how it comes back: in the reverse order, so that what guards goes last.
//!
//! It must never take away what holds data or what others keep Secrets in, and says of every object what it does with it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cluster::{Cluster, called, same};
use super::order::{self, Step};
use super::settled;
use crate::gateway::manifests::kind;
use crate::{say, workspace};

/// A namespace holds Secrets that somebody made by hand; a claim holds a database.
const KEPT: [&str; 2] = ["Namespace", "PersistentVolumeClaim"];
/// What the API server writes, and would not take back.
const SERVERS: [&str; 6] =
    ["resourceVersion", "uid", "generation", "creationTimestamp", "managedFields", "selfLink"];

/// The objects as they were; those that are not among them were not there.
pub(super) struct Before {
    objects: Vec<Value>,
}

/// What becomes of an object.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// It is as it was.
    Leave,
    /// It was not there, and stays.
    Keep,
    Remove,
    PutBack(Value),
}

impl Before {
    /// Written to a file as well: for whoever has to do by hand what a killed process could not.
    pub(super) fn of(cluster: &Cluster, all: &[Value]) -> Result<Self> {
        let objects: Vec<Value> = cluster.live(all)?.iter().map(as_given).collect();
        let file = keep("before", &objects)?;
        say(format_args!(
            "{} of {} objects are there already; kept in {}",
            objects.len(),
            all.len(),
            file.display()
        ));
        Ok(Self { objects })
    }

    /// Goes on where one of them cannot be put back, and says so in the end.
    pub(super) fn restore(&self, cluster: &Cluster, steps: &[Step], limit: Duration) -> Result<()> {
        say("rolling back …");
        let all: Vec<Value> = order::objects(steps).cloned().collect();
        let live = cluster.live(&all)?;
        let mut work = Work { cluster, removed: Vec::new(), failed: 0 };
        for object in all.iter().rev() {
            let Some(there) = live.iter().find(|one| same(one, object)) else { continue };
            match self.way(there) {
                Way::Leave => {}
                Way::Keep => say(format_args!("  stays, though it is new: {}", called(object))),
                Way::Remove => work.remove(object),
                Way::PutBack(before) => work.put_back(&before),
            }
        }
        work.finish()?;
        self.look(cluster, limit)
    }

    /// Whether what is there again is in force again: it may not have been.
    fn look(&self, cluster: &Cluster, limit: Duration) -> Result<()> {
        if self.objects.is_empty() {
            say("rolled back: nothing was there before");
            return Ok(());
        }
        let findings = settled(cluster, &self.objects, limit)?;
        for finding in &findings {
            say(format_args!("after the roll back: {finding}"));
        }
        if findings.is_empty() {
            say("rolled back: what was there before is in force again");
        }
        Ok(())
    }

    fn way(&self, live: &Value) -> Way {
        match self.objects.iter().find(|one| same(one, live)) {
            None if KEPT.contains(&kind(live)) => Way::Keep,
            None => Way::Remove,
            Some(before) if *before == as_given(live) => Way::Leave,
            Some(before) => Way::PutBack(before.clone()),
        }
    }
}

/// The calls to the cluster, few of them: what is removed one after the other goes at once.
struct Work<'c> {
    cluster: &'c Cluster,
    removed: Vec<Value>,
    failed: usize,
}

impl Work<'_> {
    fn remove(&mut self, object: &Value) {
        say(format_args!("  removed, it was not there before: {}", called(object)));
        self.removed.push(object.clone());
    }

    fn put_back(&mut self, before: &Value) {
        self.flush();
        say(format_args!("  as it was before: {}", called(before)));
        let result = self.cluster.replace(before);
        self.note(result);
    }

    fn flush(&mut self) {
        let removed = std::mem::take(&mut self.removed);
        let result = self.cluster.delete(&removed);
        self.note(result);
    }

    fn note(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failed += 1;
            say(format_args!("  THAT FAILED: {error:#}"));
        }
    }

    fn finish(mut self) -> Result<()> {
        self.flush();
        ensure!(
            self.failed == 0,
            "not everything is as it was before, see above; what was there is kept in a file: kubectl replace -f FILE"
        );
        Ok(())
    }
}

/// Writes objects to a file.
pub(super) fn keep(called: &str, objects: &[Value]) -> Result<PathBuf> {
    let folder = workspace::target_dir()?.join("k8s");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // Of this process: somebody may be deploying elsewhere.
    let file = folder.join(format!("{called}-{}.json", std::process::id()));
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
    fs::write(&file, format!("{list:#}")).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// Without what controllers and the API server add of themselves.
pub(super) fn as_given(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| !SERVERS.contains(&name.as_str()));
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, image: &str, generation: u64) -> Value {
        json!({"apiVersion": "v1", "kind": kind, "spec": {"image": image}, "status": {"x": generation},
            "metadata": {"name": "one", "generation": generation, "resourceVersion": "7", "uid": "u"}})
    }

    #[test]
    fn what_was_there_is_put_back_and_what_is_new_is_removed() {
        let before = Before { objects: vec![as_given(&object("Policy", "good", 1))] };
        let PutBack(put_back) = before.way(&object("Policy", "bad", 2)) else { panic!("put back") };
        assert_eq!(put_back["spec"]["image"], "good");
        assert_eq!(put_back["metadata"], json!({"name": "one"}));
        assert!(put_back.get("status").is_none());
        assert_eq!(before.way(&object("Policy", "good", 5)), Way::Leave);
        assert_eq!(before.way(&object("Route", "new", 1)), Way::Remove);
    }

    #[test]
    fn what_holds_data_or_secrets_stays() {
        let before = Before { objects: Vec::new() };
        for kind in KEPT {
            assert_eq!(before.way(&object(kind, "new", 1)), Way::Keep);
        }
    }

    use Way::PutBack;
}
