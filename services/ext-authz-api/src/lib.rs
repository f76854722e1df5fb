//! The messages of `envoy.service.auth.v3.Authorization/Check` (Envoy's ext_authz over gRPC), as far
//! as a decision needs them.
//!
//! Names and field numbers are those of Envoy's API v3, where a number is never given to another
//! field. A field that is missing here is skipped when a message is read and has its default when
//! one is written; so it must not be one that a sender may rely on being looked at.

use std::collections::HashMap;

pub use prost_types::value::Kind;
pub use prost_types::{Struct, Value};

/// The path of the only method: takes a [`CheckRequest`], answers with a [`CheckResponse`].
pub const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// `envoy.service.auth.v3.CheckRequest`: whether a request may go on.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckRequest {
    /// What Envoy knows of the request.
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<AttributeContext>,
}

/// `envoy.service.auth.v3.AttributeContext`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeContext {
    /// The request itself.
    #[prost(message, optional, tag = "4")]
    pub request: Option<Request>,
    /// What the route's configuration says; no client can write it.
    #[prost(map = "string, string", tag = "10")]
    pub context_extensions: HashMap<String, String>,
    /// What other filters have left, as far as the filter's configuration names them.
    #[prost(message, optional, tag = "11")]
    pub metadata_context: Option<Metadata>,
    /// Metadata of the route.
    #[prost(message, optional, tag = "13")]
    pub route_metadata_context: Option<Metadata>,
}

/// `envoy.service.auth.v3.AttributeContext.Request`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// Its HTTP part; always there from an HTTP filter.
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

/// `envoy.service.auth.v3.AttributeContext.HttpRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpRequest {
    /// As it was sent.
    #[prost(string, tag = "2")]
    pub method: String,
    /// By lower-cased name; several of one name are joined with commas.
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    /// With the query.
    #[prost(string, tag = "4")]
    pub path: String,
}

/// `envoy.config.core.v3.Metadata`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    /// By the name of the filter that left it.
    #[prost(map = "string, message", tag = "1")]
    pub filter_metadata: HashMap<String, Struct>,
}

/// `envoy.service.auth.v3.CheckResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CheckResponse {
    /// OK lets the request go on; every other code refuses it.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// Dynamic metadata for filters that follow.
    #[prost(message, optional, tag = "4")]
    pub dynamic_metadata: Option<Struct>,
    /// What changes in the request, or what the client is told.
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub http_response: Option<HttpResponse>,
}

/// `envoy.service.auth.v3.CheckResponse.http_response`, without its `error_response`: an answer that
/// cannot be given is a status of the call.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum HttpResponse {
    /// For a request that is refused.
    #[prost(message, tag = "2")]
    DeniedResponse(DeniedHttpResponse),
    /// For a request that goes on.
    #[prost(message, tag = "3")]
    OkResponse(OkHttpResponse),
}

/// `envoy.service.auth.v3.DeniedHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeniedHttpResponse {
    /// The answer's status.
    #[prost(message, optional, tag = "1")]
    pub status: Option<HttpStatus>,
    /// The answer's headers.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
    /// The answer's body.
    #[prost(string, tag = "3")]
    pub body: String,
}

/// `envoy.service.auth.v3.OkHttpResponse`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OkHttpResponse {
    /// Headers that the request goes on with.
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<HeaderValueOption>,
}

/// `envoy.type.v3.HttpStatus`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HttpStatus {
    /// `envoy.type.v3.StatusCode`: the number of the status.
    #[prost(int32, tag = "1")]
    pub code: i32,
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValueOption {
    /// The header.
    #[prost(message, optional, tag = "1")]
    pub header: Option<HeaderValue>,
    /// What becomes of headers of its name that are there.
    #[prost(enumeration = "HeaderAppendAction", tag = "3")]
    pub append_action: i32,
}

/// `envoy.config.core.v3.HeaderValueOption.HeaderAppendAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum HeaderAppendAction {
    /// They stay, and it is added.
    AppendIfExistsOrAdd = 0,
    /// They stay, and it is added only when there are none.
    AddIfAbsent = 1,
    /// It replaces them, or is added.
    OverwriteIfExistsOrAdd = 2,
    /// It replaces them, and is not added when there are none.
    OverwriteIfExists = 3,
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For developers.
    #[prost(string, tag = "2")]
    pub message: String,
}
