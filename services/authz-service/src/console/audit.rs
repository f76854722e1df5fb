//! Who changed what, newest first.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use form_urlencoded::Serializer;

use super::Console;
use super::door::Visitor;
use super::frame::Frame;
use super::query::{Filled, moment};
use super::show::{self, Shown};
use super::subjects::place;
use crate::admin::audit;
use crate::store::AuditEntry;

struct Row {
    version: u64,
    at: String,
    actor: String,
    action: String,
    kind: String,
    id: String,
    /// Where what was changed can be seen.
    place: Option<String>,
    detail: String,
}

impl Row {
    fn of(entry: AuditEntry) -> Self {
        let target = entry.target;
        let subject = (target.kind == "subject").then(|| target.id.split_once('/')).flatten();
        let say = |(name, value): (&String, &serde_json::Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name} {text}")
        };
        let detail: Vec<_> = entry.detail.iter().map(say).collect();
        Self {
            version: entry.version.0,
            at: moment(entry.at),
            actor: entry.actor,
            action: entry.action,
            place: subject.map(|(kind, id)| place(kind, id)),
            kind: target.kind,
            id: target.id,
            detail: detail.join(", "),
        }
    }
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    frame: Frame,
    actor: String,
    target: String,
    since: String,
    until: String,
    rows: Vec<Row>,
    /// Query of the next page.
    next: Option<String>,
    is_first: bool,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    console.check(&visitor, "read", "audit")?;
    let query = Filled::of(&uri)?;
    let found = audit::page(console.admin(), &query.wanted(audit::LIST)?).await?;
    let filters = ["actor", "target", "since", "until"];
    let given = || filters.into_iter().filter_map(|name| Some((name, query.value(name)?)));
    let next = found.next.map(|after| {
        let mut text = Serializer::new(String::new());
        text.extend_pairs(given()).append_pair("after", &after).finish()
    });
    show::page(&AuditPage {
        frame: Frame::of(&visitor, "audit", "Audit"),
        actor: query.text("actor"),
        target: query.text("target"),
        since: query.text("since"),
        until: query.text("until"),
        rows: found.items.into_iter().map(Row::of).collect(),
        next,
        is_first: query.value("after").is_none(),
    })
}
