//! `envoy.service.auth.v3.Authorization/Check`: the gRPC form of Envoy's ext_authz, for gateways
//! that cannot load the filter.
//!
//! The question is the one that the filter would ask over AuthZEN:
//!
//! - action: the request's method.
//! - resource: a `route`. What the gateway says in the context extension `route` (a template such as
//!   `/customers/{customer_id}`, set per route), else the path without its query.
//! - subject: the claims that `jwt_authn` has verified and left in its dynamic metadata
//!   (`payload_in_metadata`). Headers are not looked at: a client can write them. Without claims the
//!   subject is `anonymous`; claims of two tokens are nobody's.
//!
//! A denial is an answer; a question that cannot be decided is a gRPC status, so that Envoy's
//! `failure_mode_allow` and `status_on_error` apply to it and to nothing else.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response as AxumResponse;
use claimgate_authz_api::{
    ANONYMOUS, Action, EvaluationContext, EvaluationRequest, Properties, Resource, Subject,
};
use claimgate_ext_authz_api::{
    AttributeContext, CHECK, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderAppendAction,
    HeaderValue, HeaderValueOption, HttpResponse, HttpStatus, Kind, OkHttpResponse,
    Status as RpcStatus, Struct, Value as ProtoValue,
};
use serde_json::{Value, json};
use tonic::codegen::BoxFuture;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use super::me::ROLES;
use super::{MAX_BODY_BYTES, Service};
use crate::decisions::Origin;
use crate::store::StoreError;

/// The path of the service's only method and whatever else is below it.
pub(super) const PATH: &str = "/envoy.service.auth.v3.Authorization/{*method}";
/// Where `jwt_authn` leaves what it has verified.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";
/// Context extension that names the route.
const ROUTE: &str = "route";

/// A call of any method of the service.
pub(super) async fn answer(
    State(service): State<Arc<Service>>,
    request: axum::extract::Request,
) -> AxumResponse {
    if request.uri().path() != CHECK {
        return Status::unimplemented("This service has no such method.").into_http();
    }
    let mut grpc =
        Grpc::new(ProstCodec::default()).apply_max_message_size_config(Some(MAX_BODY_BYTES), None);
    grpc.unary(ExtAuthz(service), request).await.map(axum::body::Body::new)
}

/// Turns a refusal that never reached the gRPC server into a gRPC status.
pub(super) async fn speak_grpc(request: axum::extract::Request, next: Next) -> AxumResponse {
    let response = next.run(request).await;
    let status = match response.status() {
        StatusCode::OK => return response,
        StatusCode::UNAUTHORIZED => {
            Status::unauthenticated("The caller's credential is missing or wrong.")
        }
        StatusCode::SERVICE_UNAVAILABLE => Status::unavailable("Too busy."),
        _ => Status::internal("The request cannot be answered."),
    };
    status.into_http()
}

struct ExtAuthz(Arc<Service>);

impl UnaryService<CheckRequest> for ExtAuthz {
    type Response = CheckResponse;
    type Future = BoxFuture<Response<CheckResponse>, Status>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { check(&service, request.into_inner()).await.map(Response::new) })
    }
}

async fn check(service: &Service, request: CheckRequest) -> Result<CheckResponse, Status> {
    let (request_id, is_path) = (request_id(&request), route(&request).is_none());
    let question = question(request)?;
    let origin = Origin { request_id: request_id.as_deref(), is_path };
    let answer = service.evaluate(&question, origin).await;
    let answer = answer.map_err(|error| undecided(&error))?.response;
    Ok(if answer.decision { permitted(answer.context) } else { denied(&answer.context) })
}

/// What the gateway calls the client's request.
fn request_id(request: &CheckRequest) -> Option<String> {
    let http = request.attributes.as_ref()?.request.as_ref()?.http.as_ref()?;
    http.headers.get("x-request-id").cloned()
}

/// What the gateway says of the route.
fn route(request: &CheckRequest) -> Option<&str> {
    let route = request.attributes.as_ref()?.context_extensions.get(ROUTE)?;
    Some(route.as_str()).filter(|route| !route.is_empty())
}

fn question(request: CheckRequest) -> Result<EvaluationRequest, Status> {
    let missing = || Status::invalid_argument("the request has no HTTP attributes");
    let mut attributes = request.attributes.ok_or_else(missing)?;
    let subject = subject(&attributes)?;
    let route = attributes.context_extensions.remove(ROUTE);
    let http = attributes.request.and_then(|request| request.http).ok_or_else(missing)?;
    let id = route.filter(|route| !route.is_empty()).unwrap_or_else(|| without_query(http.path));
    if http.method.is_empty() || id.is_empty() {
        return Err(missing());
    }
    Ok(EvaluationRequest {
        subject,
        action: Action { name: http.method, properties: Properties::new() },
        resource: Resource { kind: ROUTE.into(), id, properties: Properties::new() },
        context: Properties::new(),
    })
}

fn without_query(mut path: String) -> String {
    path.truncate(path.find('?').unwrap_or(path.len()));
    path
}

fn subject(attributes: &AttributeContext) -> Result<Subject, Status> {
    let metadata = attributes.metadata_context.as_ref();
    let verified = metadata.and_then(|metadata| metadata.filter_metadata.get(JWT_AUTHN));
    let mut tokens =
        verified.into_iter().flat_map(|verified| verified.fields.values()).filter_map(claims);
    match (tokens.next(), tokens.next()) {
        (None, _) => {
            let anonymous = || ANONYMOUS.to_owned();
            Ok(Subject { kind: anonymous(), id: anonymous(), properties: Properties::new() })
        }
        (Some((id, claims)), None) => {
            let properties = ["email", "email_verified"]
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), scalar(claims.fields.get(name)?)?)))
                .collect();
            Ok(Subject { kind: "identity".into(), id: id.to_owned(), properties })
        }
        (Some(_), Some(_)) => Err(Status::invalid_argument("claims of more than one token")),
    }
}

/// The claims of a token: an object with a subject. `jwt_authn` keeps other things there too.
fn claims(value: &ProtoValue) -> Option<(&str, &Struct)> {
    let Some(Kind::StructValue(claims)) = &value.kind else { return None };
    match claims.fields.get("sub")?.kind.as_ref()? {
        Kind::StringValue(id) if !id.is_empty() => Some((id, claims)),
        _ => None,
    }
}

fn scalar(value: &ProtoValue) -> Option<Value> {
    match value.kind.as_ref()? {
        Kind::StringValue(text) => Some(json!(text)),
        Kind::BoolValue(flag) => Some(json!(flag)),
        // A claim of another type is no e-mail; what it becomes must not look like one.
        _ => Some(json!([])),
    }
}

fn permitted(context: EvaluationContext) -> CheckResponse {
    let metadata = [("policy", context.policy), ("reason", context.reason)]
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), string(text?))))
        .collect();
    let roles = context.roles.unwrap_or_default().join(",");
    let ok = OkHttpResponse { headers: vec![header(ROLES, roles)] };
    CheckResponse {
        status: Some(status(Code::Ok)),
        dynamic_metadata: Some(Struct { fields: metadata }),
        http_response: Some(HttpResponse::OkResponse(ok)),
    }
}

fn denied(context: &EvaluationContext) -> CheckResponse {
    tracing::trace!(reason = context.reason, "denied over ext_authz");
    let body = json!({"type": "about:blank", "title": "Forbidden", "status": 403,
                      "detail": "The policies do not permit this."});
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code: StatusCode::FORBIDDEN.as_u16().into() }),
        headers: vec![header("content-type", "application/problem+json".into())],
        body: body.to_string(),
    };
    CheckResponse {
        status: Some(status(Code::PermissionDenied)),
        dynamic_metadata: None,
        http_response: Some(HttpResponse::DeniedResponse(denied)),
    }
}

/// A header that replaces whatever a client sent under its name.
fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: key.to_owned(), value }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

fn string(text: String) -> ProtoValue {
    ProtoValue { kind: Some(Kind::StringValue(text)) }
}

fn status(code: Code) -> RpcStatus {
    RpcStatus { code: code.into(), ..RpcStatus::default() }
}

fn undecided(error: &StoreError) -> Status {
    tracing::error!(transient = error.transient, source = %error.source, "no answer from the store");
    Status::unavailable("The store gave no answer in time.")
}
