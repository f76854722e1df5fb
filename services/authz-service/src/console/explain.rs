//! Who can do what: a question to the engine that decides, and everything that went into its answer.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use super::Console;
use super::door::Visitor;
use super::frame::Frame;
use super::query::Filled;
use super::show::{self, Shown};
use crate::admin::explain::explained;
use crate::engine::{Candidate, Explanation, Outcome};
use crate::wire::problem::Problem;

/// The fields without which there is no question.
const ASKED: [&str; 5] = ["subject_type", "subject_id", "action", "resource_type", "resource_id"];

#[derive(Template)]
#[template(path = "console/explain.html")]
struct ExplainPage {
    frame: Frame,
    asked: Asked,
    answer: Option<Explanation>,
    candidates: Vec<Row>,
}

/// A policy that was asked.
struct Row {
    name: String,
    effect: &'static str,
    outcome: String,
    place: String,
}

/// The form, as it was filled in.
struct Asked {
    subject_type: String,
    subject_id: String,
    action: String,
    resource_type: String,
    resource_id: String,
    properties: String,
    context: String,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor, uri: Uri) -> Shown {
    console.check(&visitor, "check", "subjects")?;
    let query = Filled::of(&uri)?;
    let asked = Asked {
        subject_type: query.text("subject_type"),
        subject_id: query.text("subject_id"),
        action: query.text("action"),
        resource_type: query.text("resource_type"),
        resource_id: query.text("resource_id"),
        properties: query.text("properties"),
        context: query.text("context"),
    };
    let frame = Frame::of(&visitor, "explain", "Who can do what");
    // A link from a subject fills in a part and asks nothing yet.
    if !ASKED.iter().all(|field| query.value(field).is_some()) && query.value("ask").is_none() {
        let candidates = Vec::new();
        return show::page(&ExplainPage { frame, asked, answer: None, candidates });
    }
    let answer = match question(&asked) {
        Ok(members) => explained(console.admin(), members).await,
        Err(problem) => Err(problem),
    };
    let (status, frame, answer) = match answer {
        Ok(answer) => (StatusCode::OK, frame, Some(answer)),
        Err(problem) => (problem.status(), frame.failed(problem.detail()), None),
    };
    let candidates = answer.iter().flat_map(|answer| &answer.candidates).map(row).collect();
    show::html(status, &ExplainPage { frame, asked, answer, candidates })
}

/// The question as the API takes it.
fn question(asked: &Asked) -> Result<Map<String, Value>, Problem> {
    let properties = object(&asked.properties, "The subject's properties")?;
    let context = object(&asked.context, "The context")?;
    let Value::Object(members) = json!({
        "subject": {"type": asked.subject_type, "id": asked.subject_id, "properties": properties},
        "action": {"name": asked.action},
        "resource": {"type": asked.resource_type, "id": asked.resource_id},
        "context": context,
    }) else {
        return Ok(Map::new());
    };
    Ok(members)
}

fn object(text: &str, what: &str) -> Result<Value, Problem> {
    if text.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let wrong = || Problem::new(StatusCode::BAD_REQUEST, format!("{what} must be a JSON object."));
    serde_json::from_str(text).ok().filter(Value::is_object).ok_or_else(wrong)
}

fn row(candidate: &Candidate) -> Row {
    let place = &candidate.place;
    Row {
        name: place.name.clone(),
        effect: candidate.effect,
        outcome: words(&candidate.outcome),
        place: format!("{}:{}", place.file, place.line),
    }
}

/// What came of a policy, in words.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Satisfied => "holds".to_owned(),
        Outcome::NotSatisfied => "does not hold".to_owned(),
        Outcome::Failed(kind) => format!("failed: {kind}"),
    }
}
