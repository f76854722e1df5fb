//! `/revocations` and `/invalidations`: what filters are told beside their tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer;
use super::asked::Asked;
use super::page::{Page, Wanted};
use super::path::Names;
use super::{Admin, PREFIX};
use crate::store::{Change, EpochScope, Revocation, RevocationKey, StateEntry, StateNews, Version};
use crate::wire::problem::Problem;

/// What is revoked, as it goes over the wire.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Body {
    Token {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iss: Option<String>,
        jti: String,
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
    Session {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iss: Option<String>,
        sid: String,
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
    Subject {
        iss: String,
        sub: String,
        #[serde(default)]
        issued_before: Option<Timestamp>,
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
    Everyone {
        #[serde(default)]
        issued_before: Option<Timestamp>,
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
}

impl Body {
    fn new(revocation: Revocation, expires_at: Timestamp) -> Self {
        let expires_at = Some(expires_at);
        match revocation {
            Revocation::Token { issuer: iss, jti } => Self::Token { iss, jti, expires_at },
            Revocation::Session { issuer: iss, sid } => Self::Session { iss, sid, expires_at },
            Revocation::Subject { issuer: iss, subject: sub, issued_before } => {
                Self::Subject { iss, sub, issued_before: Some(issued_before), expires_at }
            }
            Revocation::Everyone { issued_before } => {
                Self::Everyone { issued_before: Some(issued_before), expires_at }
            }
        }
    }

    fn read(self, now: Timestamp) -> (Revocation, Option<Timestamp>) {
        let before = |said: Option<Timestamp>| said.unwrap_or(now);
        match self {
            Self::Token { iss: issuer, jti, expires_at } => {
                (Revocation::Token { issuer, jti }, expires_at)
            }
            Self::Session { iss: issuer, sid, expires_at } => {
                (Revocation::Session { issuer, sid }, expires_at)
            }
            Self::Subject { iss: issuer, sub: subject, issued_before, expires_at } => {
                let issued_before = before(issued_before);
                (Revocation::Subject { issuer, subject, issued_before }, expires_at)
            }
            Self::Everyone { issued_before, expires_at } => {
                (Revocation::Everyone { issued_before: before(issued_before) }, expires_at)
            }
        }
    }
}

/// An entry of the list.
#[derive(Serialize)]
struct Listed {
    id: String,
    #[serde(flatten)]
    revocation: Body,
    etag: String,
}

fn listed(entry: StateEntry) -> Option<Listed> {
    let StateNews::Revoked { revocation, expires_at } = entry.news else { return None };
    let id = id(&revocation.key());
    let etag = crate::store::ETag(entry.version).to_string();
    Some(Listed { id, revocation: Body::new(revocation, expires_at), etag })
}

/// What a revocation is called in a path.
fn id(key: &RevocationKey) -> String {
    URL_SAFE_NO_PAD.encode(key.text())
}

fn key(id: &str) -> Option<RevocationKey> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(id).ok()?).ok()
}

/// What the list is called in its cursors, and its filters.
pub(crate) const LIST: (&str, &[&str]) = ("revocations", &[]);

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read(LIST.0, &uri, LIST.1)?;
    Ok(page(&admin, &wanted).await?.answer(listed))
}

/// A page of the list.
pub(crate) async fn page(admin: &Admin, wanted: &Wanted) -> Result<Page<StateEntry>, Problem> {
    let after = wanted.after_number()?.map(Version);
    let found = admin.store().revocations(after, wanted.limit()? + 1).await?;
    wanted.page(found, |entry| vec![entry.version.to_string()])
}

pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let (revocation, expires_at) = asked.body::<Body>()?.read(now);
    let id = id(&revocation.key());
    let applied = asked.apply(&admin, change(&admin, revocation, expires_at, now)?).await?;
    let mut response = answer::done(StatusCode::CREATED, &applied);
    if let Ok(place) = HeaderValue::try_from(format!("{PREFIX}/revocations/{id}")) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// The change that revokes: until then, or for as long as a token lives.
pub(crate) fn change(
    admin: &Admin,
    revocation: Revocation,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Change, Problem> {
    let expires_at = expires_at
        .or_else(|| now.saturating_add(admin.token_lifetime).ok())
        .ok_or_else(|| Problem::malformed("expires_at", "is required"))?;
    Ok(Change::Revoke { revocation, expires_at })
}

pub(super) async fn unrevoke(
    State(admin): State<Arc<Admin>>,
    Names(id): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "There is no such thing.");
    let key = key(&id).ok_or_else(nothing)?;
    let applied = asked.apply(&admin, Change::Unrevoke(key)).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}

/// Whose decisions are made old.
#[derive(Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
enum Scope {
    Global {},
    Tenant { tenant: String },
    Subject { iss: String, sub: String },
}

pub(super) async fn invalidate(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let scope = match asked.body::<Scope>()? {
        Scope::Global {} => EpochScope::Global,
        Scope::Tenant { tenant } => EpochScope::Tenant(tenant),
        Scope::Subject { iss: issuer, sub: subject } => EpochScope::Subject { issuer, subject },
    };
    let applied = asked.apply(&admin, Change::RaiseEpoch(scope)).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}
