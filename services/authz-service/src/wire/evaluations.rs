//! `POST /access/v1/evaluations`, AuthZEN 1.0 section 7: many questions in one request.
//!
//! - Top-level members are defaults. A member of an item replaces the default as a whole; only a
//!   `type`, `id` or `name` that the item's object leaves out is taken from the default's
//!   (certification scenario, "Batch with default value merging"). Properties are never merged.
//! - An item that cannot be evaluated is `decision: false` with the error in its context, in its
//!   place. What is wrong with the request as a whole is 400, and a store that gives no answer is
//!   an error status: never a list of denials.
//! - A short-circuit shortens the answer: its last item is the one that ended it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use claimgate_authz_api::{EvaluationRequest, EvaluationResponse};
use serde::Serialize;
use serde_json::{Map, Value};

use super::problem::Problem;
use super::{Service, decode, evaluation, origin};
use crate::decisions::Origin;
use crate::store::StoreError;

/// Most questions in one request.
const MAX_EVALUATIONS: usize = 1_000;
/// Questions answered before others get the thread.
const BETWEEN_YIELDS: usize = 32;
/// What an entity is told apart by; an item may leave them to the default.
const IDENTIFIERS: [&str; 3] = ["type", "id", "name"];

pub(super) async fn evaluate(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut members = evaluation::members(&headers, body)?;
    let semantic = Semantic::read(&mut members)?;
    let items = items(&mut members)?;
    if items.is_empty() {
        return evaluation::one(&service, &headers, &decode::evaluation(members)?).await;
    }
    let defaults = Defaults::read(members)?;
    let answers = answer(&service, origin(&headers), &defaults, items, semantic).await?;
    let cache_control = evaluation::cache_control(answers.keep.unwrap_or(0));
    Ok(([(CACHE_CONTROL, cache_control)], Json(Body { evaluations: answers.items }))
        .into_response())
}

/// Takes the items out of the request; none when they are missing.
fn items(members: &mut Map<String, Value>) -> Result<Vec<Value>, Problem> {
    match members.remove("evaluations") {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() > MAX_EVALUATIONS => {
            let detail = format!("must not have more than {MAX_EVALUATIONS} items");
            Err(Problem::malformed("evaluations", &detail))
        }
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Problem::malformed("evaluations", "must be an array")),
    }
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    fn read(members: &mut Map<String, Value>) -> Result<Self, Problem> {
        const AT: &str = "options.evaluations_semantic";
        let mut options = decode::object_or_empty(members.remove("options"), || "options".into())?;
        match options.remove("evaluations_semantic") {
            None => Ok(Self::ExecuteAll),
            Some(Value::String(name)) => match name.as_str() {
                "execute_all" => Ok(Self::ExecuteAll),
                "deny_on_first_deny" => Ok(Self::DenyOnFirstDeny),
                "permit_on_first_permit" => Ok(Self::PermitOnFirstPermit),
                _ => Err(Problem::malformed(
                    AT,
                    "must be execute_all, deny_on_first_deny or permit_on_first_permit",
                )),
            },
            Some(_) => Err(Problem::malformed(AT, "must be a string")),
        }
    }

    fn ends_at(self, decision: bool) -> bool {
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !decision,
            Self::PermitOnFirstPermit => decision,
        }
    }
}

/// The top-level entities.
struct Defaults(Map<String, Value>);

impl Defaults {
    /// A default need not be whole, but it must be an object.
    fn read(mut members: Map<String, Value>) -> Result<Self, Problem> {
        members.retain(|name, _| {
            matches!(name.as_str(), "subject" | "action" | "resource" | "context")
        });
        match members.iter().find(|(_, value)| !value.is_object()) {
            Some((name, _)) => Err(Problem::malformed(name.as_str(), "must be an object")),
            None => Ok(Self(members)),
        }
    }

    /// The question that the item at `index` asks.
    fn complete(&self, index: usize, item: Value) -> Result<EvaluationRequest, Problem> {
        let at = format!("evaluations[{index}]");
        let Value::Object(mut item) = item else {
            return Err(Problem::malformed(at, "must be an object"));
        };
        for (name, default) in &self.0 {
            match item.get_mut(name) {
                None => drop(item.insert(name.clone(), default.clone())),
                Some(Value::Object(own)) if name != "context" => identify(own, default),
                Some(_) => {}
            }
        }
        decode::evaluation(item).map_err(|problem| problem.below(&at))
    }
}

fn identify(own: &mut Map<String, Value>, default: &Value) {
    for name in IDENTIFIERS {
        if let (false, Some(value)) = (own.contains_key(name), default.get(name)) {
            own.insert(name.into(), value.clone());
        }
    }
}

#[derive(Serialize)]
struct Body {
    evaluations: Vec<Item>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    Decided(EvaluationResponse),
    Malformed(Malformed),
}

/// An item that could not be evaluated: closed, with the error beside it.
#[derive(Serialize)]
struct Malformed {
    decision: bool,
    context: MalformedContext,
}

#[derive(Serialize)]
struct MalformedContext {
    reason: &'static str,
    error: ItemError,
}

#[derive(Serialize)]
struct ItemError {
    status: u16,
    message: String,
}

impl Item {
    fn malformed(problem: &Problem) -> Self {
        let error =
            ItemError { status: problem.status().as_u16(), message: problem.detail().into() };
        Self::Malformed(Malformed {
            decision: false,
            context: MalformedContext { reason: "malformed", error },
        })
    }

    fn decision(&self) -> bool {
        match self {
            Self::Decided(response) => response.decision,
            Self::Malformed(_) => false,
        }
    }
}

#[derive(Default)]
struct Answers {
    items: Vec<Item>,
    /// Seconds that all of it may be kept; `None` before the first answer.
    keep: Option<u32>,
}

impl Answers {
    fn keep_at_most(&mut self, seconds: u32) {
        self.keep = Some(self.keep.map_or(seconds, |keep| keep.min(seconds)));
    }
}

async fn answer(
    service: &Service,
    origin: Origin<'_>,
    defaults: &Defaults,
    items: Vec<Value>,
    semantic: Semantic,
) -> Result<Answers, StoreError> {
    let mut answers = Answers::default();
    for (index, item) in items.into_iter().enumerate() {
        if index % BETWEEN_YIELDS == BETWEEN_YIELDS - 1 {
            tokio::task::yield_now().await;
        }
        let item = match defaults.complete(index, item) {
            Ok(request) => {
                let answer = service.evaluate(&request, origin).await?;
                answers.keep_at_most(service.max_age(&answer));
                Item::Decided(answer.response)
            }
            Err(problem) => Item::malformed(&problem),
        };
        let ends = semantic.ends_at(item.decision());
        answers.items.push(item);
        if ends {
            break;
        }
    }
    Ok(answers)
}
