//! Envoy's ext_authz over gRPC, as Envoy itself would call it.

use std::collections::HashMap;

use claimgate_ext_authz_api::{
    AttributeContext, CHECK, CheckRequest, CheckResponse, HttpRequest, HttpResponse, Kind,
    Metadata, Request, Struct, Value,
};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::service::{ENTITIES, Service, command};

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

fn flag(value: bool) -> Value {
    Value { kind: Some(Kind::BoolValue(value)) }
}

fn object(fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Value { kind: Some(Kind::StructValue(Struct { fields })) }
}

fn claims(email: &str, verified: bool) -> Value {
    let email_verified = flag(verified);
    object(&[("sub", text("some-id")), ("email", text(email)), ("email_verified", email_verified)])
}

/// GET of `path`, with what jwt_authn left behind.
fn get(path: &str, verified: &[(&str, Value)]) -> CheckRequest {
    let fields = verified.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let filter_metadata =
        HashMap::from([("envoy.filters.http.jwt_authn".to_owned(), Struct { fields })]);
    let http = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request { http: Some(http) }),
            metadata_context: Some(Metadata { filter_metadata }),
            ..AttributeContext::default()
        }),
    }
}

fn at_route(mut request: CheckRequest, route: &str) -> CheckRequest {
    let attributes = request.attributes.as_mut().unwrap();
    attributes.context_extensions.insert("route".into(), route.into());
    request
}

async fn check(service: &Service, request: CheckRequest) -> Result<CheckResponse, Status> {
    call(service, tonic::Request::new(request)).await
}

async fn call(
    service: &Service,
    request: tonic::Request<CheckRequest>,
) -> Result<CheckResponse, Status> {
    let endpoint = Channel::from_shared(format!("http://{}", service.address)).unwrap();
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::default();
    let answer = client.unary(request, PathAndQuery::from_static(CHECK), codec).await;
    answer.map(tonic::Response::into_inner)
}

/// The roles that a permitted request goes on with, or the status of a denied one.
fn outcome(response: CheckResponse) -> Result<String, i32> {
    match response.http_response.unwrap() {
        HttpResponse::OkResponse(ok) => {
            assert_eq!(response.status.unwrap().code, Code::Ok as i32);
            let header = ok.headers[0].header.clone().unwrap();
            assert_eq!((ok.headers.len(), header.key.as_str()), (1, "x-user-roles"));
            // Replaces what the client sent.
            assert_eq!(ok.headers[0].append_action, 2);
            Ok(header.value)
        }
        HttpResponse::DeniedResponse(denied) => {
            assert_eq!(response.status.unwrap().code, Code::PermissionDenied as i32);
            Err(denied.status.unwrap().code)
        }
    }
}

#[tokio::test]
async fn the_subject_is_what_jwt_authn_has_verified() {
    let service = Service::start(&[]);
    let customers = |verified: &[(&str, Value)]| get("/customers?x=1", verified);
    for (verified, expected) in [
        (vec![("payload", claims("test.user-cm@example.com", true))], Ok("user,customer-manager")),
        (vec![("payload", claims("test.user-cm@example.com", false))], Ok("unverified-user")),
        (vec![("payload", claims("nobody@example.com", true))], Ok("verified-user")),
        (vec![("payload", object(&[("sub", text("some-id"))]))], Ok("unverified-user")),
        (vec![], Err(403)),
        // Not the claims of a token: no subject in it.
        (vec![("jwt_failure", object(&[("code", text("3"))])), ("x", text("y"))], Err(403)),
        (vec![("payload", object(&[("sub", text(""))]))], Err(403)),
    ] {
        let answer = outcome(check(&service, customers(&verified)).await.unwrap());
        assert_eq!(answer, expected.map(str::to_owned), "{verified:?}");
    }
}

#[tokio::test]
async fn the_route_is_the_gateway_s_word_or_the_path() {
    let service = Service::start(&[]);
    let who = [("payload", claims("test.user@example.com", true))];
    let status = async |request| outcome(check(&service, request).await.unwrap()).err();
    assert_eq!(status(get("/customers/1", &who)).await, Some(403));
    assert_eq!(status(at_route(get("/customers/1", &who), "/customers/{customer_id}")).await, None);
    assert_eq!(status(get("/customers", &who)).await, None);
    assert_eq!(status(at_route(get("/customers", &who), "/nowhere")).await, Some(403));
    assert_eq!(status(get("/products?category=x", &[])).await, None);
}

#[tokio::test]
async fn what_cannot_be_decided_is_a_status_and_no_answer() {
    let service = Service::start(&[]);
    let one = claims("test.user@example.com", true);
    for request in [
        CheckRequest::default(),
        CheckRequest { attributes: Some(AttributeContext::default()) },
        get("", &[]),
        get("/customers", &[("a", one.clone()), ("b", one.clone())]),
    ] {
        let status = check(&service, request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test]
async fn a_caller_without_the_credential_gets_no_answer() {
    let mut guarded = command();
    guarded.args(["--entities", ENTITIES]).env("AUTHZ_SERVICE_TOKEN", "a-secret-of-the-tests");
    let service = Service::spawn(&mut guarded);
    let status = check(&service, get("/products", &[])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    let mut request = tonic::Request::new(get("/products", &[]));
    request.metadata_mut().insert("authorization", "Bearer a-secret-of-the-tests".parse().unwrap());
    assert_eq!(outcome(call(&service, request).await.unwrap()), Ok("guest".into()));
}
