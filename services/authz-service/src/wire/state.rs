//! `GET /v1/state`: revocations and epochs for filters, as [`StateDocument`] describes them.
//!
//! `?since=PLACE` goes on where an earlier document ended; without it, or with a place that this
//! store does not know, the answer begins a snapshot. `?limit=N` bounds the entries of one
//! document. A document without news has an `etag`; the same again is 304.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use claimgate_authz_api::{EpochScope, STATE_FORMAT, StateDocument, StateEntry};
use jiff::Timestamp;
use serde::Deserialize;

use super::Service;
use super::problem::Problem;
use crate::store::{
    EpochScope as StoredScope, Revocation, RevocationKey, StateAnswer, StateChunk, StateNews,
    StatePlace, Version,
};

/// Entries of one document, unless the reader wants fewer.
const MAX_ENTRIES: u32 = 5_000;

#[derive(Deserialize)]
pub(super) struct Asked {
    since: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn state(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    query: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = query.map_err(|_| Problem::malformed("limit", "must be a number"))?;
    let limit = asked.limit.unwrap_or(MAX_ENTRIES).clamp(1, MAX_ENTRIES);
    let store = service.changes.store();
    let id = store.store_id().await?;
    let place = asked.since.as_deref().and_then(|since| place(since, &id));
    let decisions = store.decisions_version().await?;
    let (chunk, snapshot) = match store.state_since(place, limit).await? {
        StateAnswer::Chunk(chunk) => (chunk, place.is_none()),
        StateAnswer::StartAnew => match store.state_since(None, limit).await? {
            StateAnswer::Chunk(chunk) => (chunk, true),
            StateAnswer::StartAnew => return Err(Problem::busy("The state cannot be read.")),
        },
    };
    let policies = service.decision_point.policies().state().version.to_string();
    Ok(answer(&headers, document(chunk, snapshot, decisions, policies)))
}

fn document(
    chunk: StateChunk,
    snapshot: bool,
    decisions: Version,
    policies: String,
) -> StateDocument {
    let StatePlace { base, after } = chunk.next;
    StateDocument {
        format: STATE_FORMAT,
        place: format!("{}.{base}.{after}", chunk.store_id),
        store: chunk.store_id,
        version: after.0,
        decisions: decisions.0,
        policies: Some(policies),
        snapshot,
        complete: chunk.complete,
        entries: chunk.entries.into_iter().map(|entry| news(entry.news)).collect(),
    }
}

fn answer(headers: &HeaderMap, document: StateDocument) -> Response {
    if !(document.complete && document.entries.is_empty() && !document.snapshot) {
        return ([(CACHE_CONTROL, "no-store")], Json(document)).into_response();
    }
    let policies = document.policies.as_deref().unwrap_or_default();
    let etag = format!("\"{}.{}.{policies}\"", document.place, document.decisions);
    let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let head = [(ETAG, etag), (CACHE_CONTROL, "no-cache".to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, Json(document)).into_response()
}

/// The place that `text` names in the store called `id`.
fn place(text: &str, id: &str) -> Option<StatePlace> {
    let (base, after) = text.strip_prefix(id)?.strip_prefix('.')?.split_once('.')?;
    Some(StatePlace { base: Version(base.parse().ok()?), after: Version(after.parse().ok()?) })
}

fn news(news: StateNews) -> StateEntry {
    match news {
        StateNews::Revoked { revocation, expires_at } => revoked(revocation, seconds(expires_at)),
        StateNews::Unrevoked(key) => unrevoked(key),
        StateNews::Epoch { scope, epoch } => {
            StateEntry::Epoch { scope: scope_of(scope), number: epoch.0 }
        }
    }
}

fn revoked(revocation: Revocation, until: u64) -> StateEntry {
    match revocation {
        Revocation::Token { issuer: iss, jti } => StateEntry::Token { iss, jti, until },
        Revocation::Session { issuer: iss, sid } => StateEntry::Session { iss, sid, until },
        Revocation::Subject { issuer: iss, subject: sub, issued_before } => {
            StateEntry::Subject { iss, sub, before: seconds(issued_before), until }
        }
        Revocation::Everyone { issued_before } => {
            StateEntry::Everyone { before: seconds(issued_before), until }
        }
    }
}

fn unrevoked(key: RevocationKey) -> StateEntry {
    match key {
        RevocationKey::Token { issuer: iss, jti } => StateEntry::Token { iss, jti, until: 0 },
        RevocationKey::Session { issuer: iss, sid } => StateEntry::Session { iss, sid, until: 0 },
        RevocationKey::Subject { issuer: iss, subject: sub } => {
            StateEntry::Subject { iss, sub, before: 0, until: 0 }
        }
        RevocationKey::Everyone => StateEntry::Everyone { before: 0, until: 0 },
    }
}

fn scope_of(scope: StoredScope) -> EpochScope {
    match scope {
        StoredScope::Global => EpochScope::Global,
        StoredScope::Tenant(tenant) => EpochScope::Tenant(tenant),
        StoredScope::Subject { issuer: iss, subject: sub } => EpochScope::Subject { iss, sub },
    }
}

/// Rounded up: a revocation must not end early by a fraction.
fn seconds(at: Timestamp) -> u64 {
    let up = i64::from(at.subsec_nanosecond() > 0);
    u64::try_from(at.as_second().saturating_add(up)).unwrap_or_default()
}
