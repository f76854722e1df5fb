//! Who can ask: a list in pages, of one type or all, and the way to one of them by its id.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use form_urlencoded::byte_serialize;
use jiff::Timestamp;

use super::Console;
use super::door::Visitor;
use super::frame::Frame;
use super::query::Filled;
use super::show::{self, Shown};
use crate::admin::subjects;
use crate::decision_point::names;
use crate::entities::Subject;
use crate::wire::problem::Problem;

/// A subject in the list.
struct Row {
    kind: String,
    id: String,
    /// What people know it by.
    called: String,
    roles: Vec<String>,
}

impl Row {
    fn of(subject: &Subject, now: Timestamp) -> Self {
        Self {
            kind: subject.kind.clone(),
            id: subject.id.clone(),
            called: called(subject),
            roles: names(&subject.roles_at(now).names),
        }
    }
}

/// What people know a subject by, where its properties say.
pub(super) fn called(subject: &Subject) -> String {
    let property = |name: &&str| subject.properties.get(*name).and_then(|value| value.as_str());
    ["email", "name", "preferred_username"].iter().find_map(property).unwrap_or_default().to_owned()
}

#[derive(Template)]
#[template(path = "console/subjects.html")]
struct SubjectsPage {
    frame: Frame,
    kind: String,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    console.check(&visitor, "read", "subjects")?;
    let query = Filled::of(&uri)?;
    let found = subjects::page(console.admin(), &query.wanted(subjects::LIST)?).await?;
    let now = Timestamp::now();
    show::page(&SubjectsPage {
        frame: Frame::of(&visitor, "subjects", "Subjects"),
        kind: query.text("type"),
        rows: found.items.iter().map(|found| Row::of(&found.value, now)).collect(),
        next: found.next,
        is_first: query.value("after").is_none(),
    })
}

/// On to the subject of this type and id.
pub(super) async fn find(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    console.check(&visitor, "read", "subjects")?;
    let query = Filled::of(&uri)?;
    let missing = || Problem::new(StatusCode::BAD_REQUEST, "Type and id are both needed.");
    let (kind, id) = query.value("type").zip(query.value("id")).ok_or_else(missing)?;
    Ok(Redirect::to(&place(kind, id)).into_response())
}

/// The path of a subject's page.
pub(super) fn place(kind: &str, id: &str) -> String {
    // A path has no `+` for a space.
    let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    format!("{}/subjects/{}/{}", super::PREFIX, part(kind), part(id))
}
