//! One subject: what is known of it, its roles, and what an administrator does to them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use jiff::{SignedDuration, Timestamp};

use super::Console;
use super::door::Visitor;
use super::form::{Fields, Form, Sent};
use super::frame::Frame;
use super::query::{Filled, instant, moment};
use super::show::{self, Refused, Shown};
use super::subjects::{called, place};
use crate::admin::asked::{make, role_name};
use crate::admin::revocations;
use crate::decision_point::names;
use crate::entities::{Hierarchy, Subject};
use crate::store::{Change, Precondition, Revocation, StoreError};
use crate::wire::problem::Problem;

/// For how long a role can be given with one choice: code, words, hours.
const SPANS: [(&str, &str, i64); 5] = [
    ("1h", "1 hour", 1),
    ("8h", "8 hours", 8),
    ("1d", "1 day", 24),
    ("7d", "7 days", 7 * 24),
    ("30d", "30 days", 30 * 24),
];

struct GrantRow {
    role: String,
    ends: Option<String>,
    has_ended: bool,
}

struct EffectiveRow {
    role: String,
    is_inherited: bool,
}

#[derive(Template)]
#[template(path = "console/subject.html")]
struct SubjectPage<'p> {
    frame: Frame,
    kind: String,
    id: String,
    called: String,
    version: u64,
    properties: Vec<(String, String)>,
    grants: Vec<GrantRow>,
    effective: Vec<EffectiveRow>,
    spans: [(&'static str, &'static str, i64); 5],
    issuers: &'p [String],
    /// Tokens of the forms that the visitor may send.
    grant: Option<String>,
    withdraw: Option<String>,
    revoke: Option<String>,
}

type Names = Path<(String, String)>;

pub(super) async fn page(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path((kind, id)): Names,
    uri: Uri,
) -> Shown {
    let query = Filled::of(&uri)?;
    let frame = Frame::of(&visitor, "subjects", title(&id)).done(query.value("done"));
    shown(&console, &visitor, StatusCode::OK, frame, (&kind, &id)).await
}

fn title(id: &str) -> String {
    format!("Subject {id}")
}

async fn shown(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    frame: Frame,
    (kind, id): (&str, &str),
) -> Shown {
    console.check(visitor, "read", "subjects")?;
    let store = console.admin().store();
    let nobody = || Problem::new(StatusCode::NOT_FOUND, "There is no such subject.");
    let found = store.stored_subject(kind, id).await?.ok_or_else(nobody)?;
    let subject = found.value;
    let now = Timestamp::now();
    let token = |form, area| visitor.token(form).filter(|_| console.would(visitor, area));
    let page = SubjectPage {
        frame,
        called: called(&subject),
        version: found.etag.0.0,
        properties: properties(&subject),
        grants: grants(&subject, now),
        effective: effective(console, &subject, now).await?,
        spans: SPANS,
        issuers: &console.issuers,
        grant: token(Form::Grant, "grants"),
        withdraw: token(Form::Withdraw, "grants"),
        revoke: token(Form::RevokeSubject, "revocations"),
        kind: subject.kind,
        id: subject.id,
    };
    show::html(status, &page)
}

fn properties(subject: &Subject) -> Vec<(String, String)> {
    let shown = |(name, value): (&String, &serde_json::Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    };
    subject.properties.iter().map(shown).collect()
}

fn grants(subject: &Subject, now: Timestamp) -> Vec<GrantRow> {
    let row = |grant: &crate::entities::Grant| GrantRow {
        role: grant.role.as_str().to_owned(),
        ends: grant.expires_at.map(moment),
        has_ended: !grant.holds(now),
    };
    subject.roles.iter().map(row).collect()
}

async fn effective(
    console: &Console,
    subject: &Subject,
    now: Timestamp,
) -> Result<Vec<EffectiveRow>, StoreError> {
    let roles = console.admin().store().roles().await?.into_iter().map(|stored| stored.value);
    let hierarchy = Hierarchy::new(roles)
        .map_err(|cycle| StoreError { source: cycle.into(), transient: false })?;
    let granted = subject.roles_at(now).names;
    let all = hierarchy.effective(&granted);
    let is_inherited = all.iter().map(|role| !granted.contains(role));
    let rows = names(&all).into_iter().zip(is_inherited);
    Ok(rows.map(|(role, is_inherited)| EffectiveRow { role, is_inherited }).collect())
}

/// Gives the subject a role.
pub(super) async fn grant(
    State(console): State<Arc<Console>>,
    Path((kind, id)): Names,
    sent: Sent,
) -> Shown {
    let (visitor, fields) = sent.read(&console, Form::Grant)?;
    let done = async {
        console.check(&visitor, "change", "grants")?;
        let role = role_name(fields.required("role", "The role's name")?.to_owned())?;
        let expires_at = end(&fields, Timestamp::now())?;
        let change = Change::Grant { kind: kind.clone(), id: id.clone(), role, expires_at };
        change_by(&console, &visitor, change).await
    };
    after(&console, &visitor, done.await, "granted", (&kind, &id)).await
}

/// When a grant ends: after the span chosen or at the instant given; `None` for never.
fn end(fields: &Fields, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let wrong = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail);
    match (fields.optional("span"), fields.optional("ends")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(wrong("Choose either for how long the role is given, or when it ends."))
        }
        (Some(span), None) => {
            let known = SPANS.into_iter().find(|(code, ..)| *code == span);
            let (.., hours) = known.ok_or_else(|| wrong("There is no such choice."))?;
            Ok(now.saturating_add(SignedDuration::from_hours(hours)).ok())
        }
        (None, Some(text)) => {
            let at = instant(text).ok_or_else(|| wrong("When the role ends cannot be read."))?;
            if at > now { Ok(Some(at)) } else { Err(wrong("The role would have ended already.")) }
        }
    }
}

/// Takes a role from the subject.
pub(super) async fn withdraw(
    State(console): State<Arc<Console>>,
    Path((kind, id)): Names,
    sent: Sent,
) -> Shown {
    let (visitor, fields) = sent.read(&console, Form::Withdraw)?;
    let done = async {
        console.check(&visitor, "change", "grants")?;
        let role = role_name(fields.required("role", "The role's name")?.to_owned())?;
        let change = Change::Withdraw { kind: kind.clone(), id: id.clone(), role };
        change_by(&console, &visitor, change).await
    };
    after(&console, &visitor, done.await, "withdrawn", (&kind, &id)).await
}

/// Revokes what was issued to the subject until now. It can sign in again at once.
pub(super) async fn revoke(
    State(console): State<Arc<Console>>,
    Path((kind, id)): Names,
    sent: Sent,
) -> Shown {
    let (visitor, fields) = sent.read(&console, Form::RevokeSubject)?;
    let done = async {
        console.check(&visitor, "change", "revocations")?;
        let issuer = fields.required("issuer", "The issuer of the tokens")?.to_owned();
        let now = Timestamp::now();
        let subject = id.clone();
        let revocation = Revocation::Subject { issuer, subject, issued_before: now };
        let change = revocations::change(console.admin(), revocation, None, now)?;
        change_by(&console, &visitor, change).await
    };
    after(&console, &visitor, done.await, "revoked", (&kind, &id)).await
}

/// Makes a change in the visitor's name.
pub(super) async fn change_by(
    console: &Console,
    visitor: &Visitor,
    change: Change,
) -> Result<(), Problem> {
    let actor = visitor.administrator.actor.clone();
    make(console.admin(), change, Precondition::None, actor, None).await.map(drop)
}

/// Back to the subject's page: with what was done, or at once with why it was not.
async fn after(
    console: &Console,
    visitor: &Visitor,
    outcome: Result<(), Problem>,
    done: &str,
    (kind, id): (&str, &str),
) -> Shown {
    match outcome {
        Ok(()) => Ok(Redirect::to(&format!("{}?done={done}", place(kind, id))).into_response()),
        Err(problem) => {
            let frame = Frame::of(visitor, "subjects", title(id)).failed(problem.detail());
            let page = shown(console, visitor, problem.status(), frame, (kind, id)).await;
            // Where not even the subject can be shown, the first fault is the one to tell.
            page.or(Err(Refused::from(problem)))
        }
    }
}
