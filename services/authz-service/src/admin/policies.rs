//! `/policies`: the policies that decide, checks of others, replacing them, and reading them again.
//!
//! Where they come from a directory, putting others here is refused: the next reload would undo it.
//! A set that cannot be used is refused before it is stored.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::Admin;
use super::answer;
use super::asked::Asked;
use crate::config::PolicySource;
use crate::engine::{InvalidPolicies, Problem as Fault, Source};
use crate::policies::stored;
use crate::policies::{self, Directory, Loaded, Offered, Report, Texts};
use crate::store::{Change, ETag, PolicyDocument, PolicySet};
use crate::wire::problem::Problem;

/// Compiling takes a processor; one is enough for this.
static COMPILING: Semaphore = Semaphore::const_new(1);

#[derive(Serialize)]
struct Active {
    version: String,
    since: Timestamp,
    /// Where they come from.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<RefusedSet>,
    /// The texts; none while there are others than those that decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<PolicyDocument>>,
}

/// A newer set that is not used.
#[derive(Serialize)]
struct RefusedSet {
    since: Timestamp,
    problems: Vec<Fault>,
}

/// The texts where they come from, and their tag in the store.
type Found = (Result<Texts, InvalidPolicies>, Option<ETag>);

/// Reads the texts again, whatever decides now.
async fn texts(admin: &Admin) -> Result<Found, Problem> {
    match &admin.policies {
        PolicySource::Directory(path) => {
            let directory = Directory::new(path);
            Ok((blocking(move || directory.read()).await?, None))
        }
        PolicySource::Store { .. } => {
            let gone = || Problem::busy("The store holds no policies.");
            let found = admin.store().policies().await?.ok_or_else(gone)?;
            Ok((Ok(stored::texts(found.value)), Some(found.etag)))
        }
    }
}

pub(super) async fn active(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (texts, etag) = texts(&admin).await?;
    let loaded = admin.service.decision_point.policies().state();
    let texts = texts.ok().filter(|texts| texts.version() == loaded.version);
    let active = describe(&admin.policies, &loaded, texts);
    let tag = etag.map_or_else(|| format!("\"{}\"", loaded.version), |tag| tag.to_string());
    // What was refused, and when, changes without the version.
    if active.refused.is_some() || active.documents.is_none() {
        return Ok(([(ETAG, tag)], answer::json(StatusCode::OK, &active)).into_response());
    }
    Ok(answer::tagged(&asked.headers, &tag, &active))
}

fn describe(source: &PolicySource, loaded: &Loaded, texts: Option<Texts>) -> Active {
    let (schema, documents) = match texts {
        Some(texts) => {
            let document = |source: Source| PolicyDocument { name: source.file, text: source.text };
            let documents = texts.policies.into_iter().map(document).collect();
            (Some(texts.schema.text), Some(documents))
        }
        None => (None, None),
    };
    let refused = loaded.last_error.as_ref();
    Active {
        version: loaded.version.to_string(),
        since: loaded.since,
        source: match source {
            PolicySource::Directory(_) => "directory",
            PolicySource::Store { .. } => "store",
        },
        refused: refused.map(|refused| RefusedSet {
            since: refused.since,
            problems: refused.error.problems.clone(),
        }),
        schema,
        documents,
    }
}

pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let set: PolicySet = asked.body()?;
    if let PolicySource::Directory(_) = admin.policies {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "The policies come from the directory: change them there and reload.",
        ));
    }
    let texts = stored::texts(set.clone());
    if let Err(error) = compiling(move || policies::check(&texts)).await? {
        let problem = format!("cannot be used: {error}");
        return Err(Problem::of_field(StatusCode::UNPROCESSABLE_ENTITY, "documents", &problem));
    }
    let applied = asked.apply(&admin, Change::PutPolicies(set)).await?;
    // Here at once, elsewhere within a second. What is in force by now, not what was put: another
    // set may have followed.
    take_over(&admin).await?;
    Ok(answer::done(answer::put(asked.is_creation()), &applied))
}

/// Offers what there is now to whoever decides.
async fn take_over(admin: &Admin) -> Result<(Offered, Arc<Loaded>), Problem> {
    let (texts, _) = texts(admin).await?;
    let policies = Arc::clone(admin.service.decision_point.policies());
    compiling(move || (policies.offer(texts), policies.state())).await
}

/// What a check found.
#[derive(Serialize)]
struct Checked {
    valid: bool,
    #[serde(flatten)]
    report: Option<Report>,
    problems: Vec<Fault>,
}

pub(super) async fn check(asked: Asked) -> Result<Response, Problem> {
    let set: PolicySet = asked.body()?;
    let texts = stored::texts(set);
    let checked = match compiling(move || policies::check(&texts)).await? {
        Ok(report) => Checked { valid: true, report: Some(report), problems: Vec::new() },
        Err(error) => Checked { valid: false, report: None, problems: error.problems },
    };
    Ok(answer::json(StatusCode::OK, &checked))
}

#[derive(Serialize)]
struct Reloaded {
    /// `same`, `taken` or `refused`.
    outcome: &'static str,
    /// Of the policies that decide now.
    version: String,
    problems: Vec<Fault>,
}

pub(super) async fn reload(State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let (offered, loaded) = take_over(&admin).await?;
    let outcome = match offered {
        Offered::Same => "same",
        Offered::Taken => "taken",
        Offered::Refused => "refused",
    };
    let refused = loaded.last_error.as_ref().filter(|_| offered == Offered::Refused);
    let problems = refused.map(|refused| refused.error.problems.clone()).unwrap_or_default();
    let body = Reloaded { outcome, version: loaded.version.to_string(), problems };
    Ok(answer::json(StatusCode::OK, &body))
}

#[derive(Serialize)]
struct Versions {
    items: Vec<Kept>,
}

#[derive(Serialize)]
struct Kept {
    version: u64,
    created_at: Timestamp,
}

pub(super) async fn versions(State(admin): State<Arc<Admin>>) -> Result<Response, Problem> {
    let found = admin.store().policy_versions().await?;
    let kept = found.iter().map(|set| Kept { version: set.version.0, created_at: set.created_at });
    Ok(answer::json(StatusCode::OK, &Versions { items: kept.collect() }))
}

/// One compilation at a time, to its end even when nobody waits for it any more.
async fn compiling<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let Ok(place) = COMPILING.acquire().await else {
        return Err(Problem::busy("Policies cannot be compiled now."));
    };
    blocking(move || {
        let _place = place;
        work()
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let failed = |_| Problem::busy("The work was not finished.");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}
