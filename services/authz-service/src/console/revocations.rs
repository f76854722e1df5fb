//! What no longer counts before its end, and the form that revokes one session or token.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use jiff::Timestamp;

use super::Console;
use super::door::Visitor;
use super::form::{Fields, Form, Sent};
use super::frame::Frame;
use super::query::{Filled, moment};
use super::show::{self, Shown};
use super::subject::change_by;
use crate::admin::revocations;
use crate::store::{Change, Revocation, StateEntry, StateNews};
use crate::wire::problem::Problem;

const TITLE: &str = "Revocations";

struct Row {
    kind: &'static str,
    what: String,
    issuer: String,
    before: Option<String>,
    ends: String,
}

impl Row {
    fn of(entry: StateEntry) -> Option<Self> {
        let StateNews::Revoked { revocation, expires_at } = entry.news else { return None };
        let (kind, what, issuer, before) = match revocation {
            Revocation::Token { issuer, jti } => ("Token", jti, issuer, None),
            Revocation::Session { issuer, sid } => ("Session", sid, issuer, None),
            Revocation::Subject { issuer, subject, issued_before } => {
                ("Subject", subject, Some(issuer), Some(issued_before))
            }
            Revocation::Everyone { issued_before } => {
                ("Everyone", String::new(), None, Some(issued_before))
            }
        };
        let issuer = issuer.unwrap_or_else(|| "any".to_owned());
        Some(Self { kind, what, issuer, before: before.map(moment), ends: moment(expires_at) })
    }
}

#[derive(Template)]
#[template(path = "console/revocations.html")]
struct RevocationsPage<'p> {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    issuers: &'p [String],
    revoke: Option<String>,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    let query = Filled::of(&uri)?;
    let frame = Frame::of(&visitor, "revocations", TITLE).done(query.value("done"));
    shown(&console, &visitor, StatusCode::OK, frame, &query).await
}

async fn shown(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    frame: Frame,
    query: &Filled,
) -> Shown {
    console.check(visitor, "read", "revocations")?;
    let found = revocations::page(console.admin(), &query.wanted(revocations::LIST)?).await?;
    let may = console.would(visitor, "revocations");
    let page = RevocationsPage {
        frame,
        rows: found.items.into_iter().filter_map(Row::of).collect(),
        next: found.next,
        is_first: query.value("after").is_none(),
        issuers: &console.issuers,
        revoke: visitor.token(Form::Revoke).filter(|_| may),
    };
    show::html(status, &page)
}

/// Revokes a session or a token.
pub(super) async fn revoke(State(console): State<Arc<Console>>, sent: Sent) -> Shown {
    let (visitor, fields) = sent.read(&console, Form::Revoke)?;
    let done = async {
        console.check(&visitor, "change", "revocations")?;
        change_by(&console, &visitor, change(&console, &fields)?).await
    };
    match done.await {
        Ok(()) => Ok(Redirect::to("/console/revocations?done=session").into_response()),
        Err(problem) => {
            let frame = Frame::of(&visitor, "revocations", TITLE).failed(problem.detail());
            let query = Filled::of(&Uri::from_static("/"))?;
            shown(&console, &visitor, problem.status(), frame, &query).await
        }
    }
}

fn change(console: &Console, fields: &Fields) -> Result<Change, Problem> {
    let what = fields.required("id", "The session's or token's id")?.to_owned();
    let issuer = fields.optional("issuer").map(str::to_owned);
    let revocation = match fields.required("kind", "What is revoked")? {
        "session" => Revocation::Session { issuer, sid: what },
        "token" => Revocation::Token { issuer, jti: what },
        _ => return Err(Problem::new(StatusCode::BAD_REQUEST, "There is no such choice.")),
    };
    revocations::change(console.admin(), revocation, None, Timestamp::now())
}
