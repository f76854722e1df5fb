//! `POST /access/v1/search/{subject,resource,action}`, AuthZEN 1.0 section 8.
//!
//! Only translation: which entity is looked for, how much of it is wanted, and where to go on.
//! Answers are never to be kept: they depend on everything in the store.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use claimgate_authz_api::{Action, EvaluationRequest, Properties};
use serde::Serialize;
use serde_json::{Map, Value};

use super::decode::{Entity, object_or_empty};
use super::page_token::PageToken;
use super::problem::Problem;
use super::{Service, evaluation};
use crate::decision_point::DecisionPoint;
use crate::decision_point::search::{Found, MAX_RESULTS, Position, Window};
use crate::store::StoreError;

type Body = Result<Bytes, BytesRejection>;

pub(super) async fn subjects(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(Sought::Subjects, &service, &headers, body).await
}

pub(super) async fn resources(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(Sought::Resources, &service, &headers, body).await
}

pub(super) async fn actions(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    search(Sought::Actions, &service, &headers, body).await
}

async fn search(
    sought: Sought,
    service: &Service,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mut members = evaluation::members(headers, body)?;
    let page = Page::read(&mut members)?;
    let request = sought.question(members)?;
    let belongs = PageToken::seal(sought.name(), &request);
    let position = page.token.map(|token| belongs.open(&token)).transpose()?;
    let after = match &position {
        None | Some(Position::Start) => None,
        Some(Position::After(id)) => Some(id.as_str()),
    };
    let kind = sought.kind(&request);
    let window = Window { after, limit: page.limit };
    let found = sought.find(&service.decision_point, request, window).await?;
    let answer = Answer::new(found, &belongs, kind.as_deref());
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// What a search looks for.
#[derive(Clone, Copy)]
enum Sought {
    Subjects,
    Resources,
    Actions,
}

impl Sought {
    fn name(self) -> &'static str {
        match self {
            Self::Subjects => "subject",
            Self::Resources => "resource",
            Self::Actions => "action",
        }
    }

    /// The question that is asked of every candidate.
    fn question(self, mut members: Map<String, Value>) -> Result<EvaluationRequest, Problem> {
        let subject = Entity::required(&mut members, "subject")?;
        let action = match self {
            Self::Actions => Action { name: String::new(), properties: Properties::new() },
            Self::Subjects | Self::Resources => {
                Entity::required(&mut members, "action")?.into_action()?
            }
        };
        let resource = Entity::required(&mut members, "resource")?;
        Ok(EvaluationRequest {
            subject: match self {
                Self::Subjects => subject.into_subject_type()?,
                Self::Resources | Self::Actions => subject.into_subject()?,
            },
            action,
            resource: match self {
                Self::Resources => resource.into_resource_type()?,
                Self::Subjects | Self::Actions => resource.into_resource()?,
            },
            context: object_or_empty(members.remove("context"), || "context".into())?,
        })
    }

    /// The type of what is found; actions have none.
    fn kind(self, request: &EvaluationRequest) -> Option<String> {
        match self {
            Self::Subjects => Some(request.subject.kind.clone()),
            Self::Resources => Some(request.resource.kind.clone()),
            Self::Actions => None,
        }
    }

    async fn find(
        self,
        decision_point: &DecisionPoint,
        request: EvaluationRequest,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        match self {
            Self::Subjects => decision_point.search_subjects(request, window).await,
            Self::Resources => decision_point.search_resources(request, window).await,
            Self::Actions => decision_point.search_actions(request, window).await,
        }
    }
}

/// The `page` of a request (section 8.2.1).
struct Page {
    token: Option<String>,
    limit: usize,
}

impl Page {
    fn read(members: &mut Map<String, Value>) -> Result<Self, Problem> {
        let mut page = object_or_empty(members.remove("page"), || "page".into())?;
        // Ours has no properties of its own; their form is checked all the same.
        object_or_empty(page.remove("properties"), || "page.properties".into())?;
        let token = match page.remove("token") {
            None => None,
            Some(Value::String(token)) if token.is_empty() => None,
            Some(Value::String(token)) => Some(token),
            Some(_) => return Err(Problem::malformed("page.token", "must be a string")),
        };
        let limit = match page.remove("limit") {
            None => MAX_RESULTS,
            Some(limit) => limit
                .as_u64()
                .map(|limit| usize::try_from(limit).unwrap_or(MAX_RESULTS).min(MAX_RESULTS))
                .ok_or_else(|| {
                    Problem::malformed("page.limit", "must be a non-negative integer")
                })?,
        };
        Ok(Self { token, limit })
    }
}

/// Section 8.3, the page first so that a reader knows what comes.
#[derive(Serialize)]
struct Answer {
    page: AnsweredPage,
    results: Vec<Entry>,
}

#[derive(Serialize)]
struct AnsweredPage {
    next_token: String,
    count: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Entity {
        #[serde(rename = "type")]
        kind: String,
        id: String,
    },
    Action {
        name: String,
    },
}

impl Answer {
    fn new(found: Found, belongs: &PageToken, kind: Option<&str>) -> Self {
        let next_token = found.next.map(|position| belongs.at(&position)).unwrap_or_default();
        let page = AnsweredPage { next_token, count: found.results.len() };
        let entry = |id: String| match kind {
            Some(kind) => Entry::Entity { kind: kind.to_owned(), id },
            None => Entry::Action { name: id },
        };
        Self { page, results: found.results.into_iter().map(entry).collect() }
    }
}
