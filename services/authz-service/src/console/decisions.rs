//! The last decisions, as far as the decision log has them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::Console;
use super::door::Visitor;
use super::frame::Frame;
use super::query::{Filled, moment};
use super::show::{self, Shown};
use crate::decisions::{Decided, SubjectName, Which};

/// Rows that are shown.
const ROWS: usize = 200;

struct Row {
    at: String,
    decision: bool,
    action: String,
    resource: String,
    subject: String,
    why: String,
    took: u64,
}

impl Row {
    fn of(decided: &Decided) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        let joined = |kind: &Option<String>, id: &str| match (kind, id) {
            (None, "") => "–".to_owned(),
            (Some(kind), "") => kind.clone(),
            (None, id) => id.to_owned(),
            (Some(kind), id) => format!("{kind} {id}"),
        };
        let (SubjectName::Hash(subject) | SubjectName::Id(subject)) = &decided.subject;
        Self {
            at: moment(decided.at),
            decision: decided.decision,
            action: text(&decided.action),
            resource: joined(
                &decided.resource_type,
                decided.resource_id.as_deref().unwrap_or_default(),
            ),
            subject: joined(&decided.subject_type, subject),
            why: decided.policy.clone().unwrap_or_else(|| decided.reason.clone()),
            took: decided.duration_us,
        }
    }
}

#[derive(Template)]
#[template(path = "console/decisions.html")]
struct DecisionsPage {
    frame: Frame,
    rows: Vec<Row>,
    only_denied: bool,
    which: Which,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    console.check(&visitor, "read", "info")?;
    let only_denied = Filled::of(&uri)?.value("show") == Some("denied");
    let log = &console.admin().service.decisions;
    let wanted = |decided: &&Arc<Decided>| !(only_denied && decided.decision);
    let rows = log.recent().iter().filter(wanted).take(ROWS).map(|one| Row::of(one)).collect();
    show::page(&DecisionsPage {
        frame: Frame::of(&visitor, "decisions", "Recent decisions"),
        rows,
        only_denied,
        which: log.which(),
    })
}
