//! Messages of Envoy's ext_authz over gRPC.

use std::collections::HashMap;
use std::sync::LazyLock;

use claimgate_ext_authz_api::{
    AttributeContext, CHECK, CheckRequest, CheckResponse, HttpRequest, HttpResponse, Kind,
    Metadata, Request, Struct, Value,
};
use prost::Message as _;

use crate::authz::Authz;

const VERIFIED: &str = "envoy.filters.http.jwt_authn";
const MANAGER: &str = "test.user-cm@example.com";

static AUTHZ: LazyLock<Authz> =
    LazyLock::new(|| Authz::new("authz-service/demo", "demo-data/entities.json"));

/// A message. What comes back is a decision or a refusal; and nothing that a client can write, its
/// headers and the metadata of other filters, changes it.
pub fn check_request(message: &[u8]) {
    let answer = check(message);
    let Ok(mut request) = CheckRequest::decode(message) else {
        assert!(answer.is_err(), "answered, and it is no message");
        return;
    };
    if let Ok(answer) = &answer {
        check_answer(answer);
    }
    if let Some(attributes) = &mut request.attributes {
        forge(attributes);
        assert_eq!(check(&request.encode_to_vec()), answer, "a client's headers count");
    }
}

/// The answer, or gRPC's status.
fn check(message: &[u8]) -> Result<CheckResponse, u16> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    let framed = [&[0], &length[..], message].concat();
    let answer = AUTHZ.post(CHECK, "application/grpc", framed);
    assert_eq!(answer.status, 200, "gRPC has a status of its own");
    let status = answer.headers.get("grpc-status").expect("a status of gRPC");
    match status.to_str().expect("digits") {
        "0" => Ok(CheckResponse::decode(&answer.body[5..]).expect("an answer")),
        // Without what a question needs; not a message at all.
        status @ ("3" | "13") => Err(status.parse().expect("digits")),
        status => panic!("status {status}"),
    }
}

fn check_answer(answer: &CheckResponse) {
    let code = answer.status.as_ref().expect("a status").code;
    match answer.http_response.as_ref().expect("an answer") {
        HttpResponse::OkResponse(ok) => {
            let [roles] = &ok.headers[..] else { panic!("{} headers", ok.headers.len()) };
            let header = roles.header.as_ref().expect("a header");
            assert_eq!((code, header.key.as_str(), roles.append_action), (0, "x-user-roles", 2));
            assert!(!header.value.contains(['\r', '\n', '\0']), "ends the header");
        }
        HttpResponse::DeniedResponse(_) => assert_eq!(code, 7),
    }
}

fn forge(attributes: &mut AttributeContext) {
    let headers = [
        ("x-user-email", MANAGER),
        ("x-email-verified", "true"),
        ("x-user-roles", "admin"),
        ("x-authz-route", "/products"),
        (VERIFIED, "{}"),
    ];
    if let Some(http) = attributes.request.as_mut().and_then(|request| request.http.as_mut()) {
        http.headers.extend(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let metadata = attributes.metadata_context.get_or_insert_default();
    metadata.filter_metadata.insert("envoy.filters.http.lua".into(), claims(MANAGER));
    attributes.route_metadata_context.get_or_insert_default().filter_metadata =
        HashMap::from([(VERIFIED.to_owned(), claims(MANAGER))]);
}

fn claims(email: &str) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let verified = Value { kind: Some(Kind::BoolValue(true)) };
    let claims = [("sub", text("1")), ("email", text(email)), ("email_verified", verified)];
    let payload = Kind::StructValue(object(claims));
    object([("claims", Value { kind: Some(payload) })])
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() }
}

pub(crate) fn messages() -> Vec<Vec<u8>> {
    let request = |method: &str, path: &str, route: Option<&str>, metadata: Option<Struct>| {
        let http = HttpRequest { method: method.into(), path: path.into(), ..Default::default() };
        let filter_metadata = metadata.map(|claims| (VERIFIED.to_owned(), claims)).into_iter();
        let extensions = route.map(|route| ("route".to_owned(), route.to_owned())).into_iter();
        let attributes = AttributeContext {
            request: Some(Request { http: Some(http) }),
            metadata_context: Some(Metadata { filter_metadata: filter_metadata.collect() }),
            context_extensions: extensions.collect(),
            ..Default::default()
        };
        CheckRequest { attributes: Some(attributes) }.encode_to_vec()
    };
    let mut two = claims(MANAGER);
    two.fields
        .extend(claims("test.user@example.com").fields.into_values().map(|v| ("b".into(), v)));
    vec![
        Vec::new(),
        vec![0xff; 16],
        CheckRequest { attributes: Some(AttributeContext::default()) }.encode_to_vec(),
        request("GET", "/products?category=1", None, None),
        request("GET", "/customers", None, Some(claims(MANAGER))),
        request("GET", "/customers/3", Some("/customers/{customer_id}"), Some(claims(MANAGER))),
        request("DELETE", "/customers/3", Some(""), Some(claims("nobody@example.com"))),
        request("GET", "/customers", None, Some(two)),
        request("", "", None, None),
    ]
}
