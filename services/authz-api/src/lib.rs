//! The wire between the filter and a policy decision point: the Access Evaluation API of the
//! OpenID [AuthZEN Authorization API 1.0], section 5 (information model) and 6 (evaluation), and the
//! state document by which ours tells the filter what no longer counts.
//!
//! Shapes only: no I/O, no policy and no defaults that decide anything live here. Both sides
//! build from these types, so a request that the filter can encode is one the service can decode.
//! Unknown members are ignored on both sides, as the specification asks of receivers.
//!
//! Maps are ordered by key, so equal requests encode to equal bytes. The filter's decision cache
//! relies on that: its key is the encoded request.
//!
//! [AuthZEN Authorization API 1.0]: https://openid.net/specs/authorization-api-1_0.html

mod state;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use state::{EpochScope, STATE_FORMAT, STATE_PATH, StateDocument, StateEntry};

/// Path of the evaluation endpoint below a decision point's base URL.
pub const EVALUATION_PATH: &str = "/access/v1/evaluation";
/// Path of the evaluations endpoint: many questions in one request.
pub const EVALUATIONS_PATH: &str = "/access/v1/evaluations";
/// Path of the subject search endpoint.
pub const SEARCH_SUBJECT_PATH: &str = "/access/v1/search/subject";
/// Path of the resource search endpoint.
pub const SEARCH_RESOURCE_PATH: &str = "/access/v1/search/resource";
/// Path of the action search endpoint.
pub const SEARCH_ACTION_PATH: &str = "/access/v1/search/action";

/// Subject type and id of a request that carries no token.
pub const ANONYMOUS: &str = "anonymous";

/// Properties of a subject, action or resource, and the members of a context.
pub type Properties = Map<String, Value>;

/// One question: may `subject` do `action` to `resource`, given `context`?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRequest {
    /// Who asks.
    pub subject: Subject,
    /// What they want to do.
    pub action: Action,
    /// What they want to do it to.
    pub resource: Resource,
    /// The circumstances. Optional on the wire; always sent by us.
    #[serde(default)]
    pub context: Properties,
}

/// Who asks: a type and an id unique within it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Kind of subject, for example `identity`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier, unique within the type.
    pub id: String,
    /// Attributes sent along with the question.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Properties,
}

/// What the subject wants to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Name of the action; the filter sends the HTTP method.
    pub name: String,
    /// Attributes sent along with the question.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Properties,
}

/// What the subject wants to do it to: a type and an id unique within it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Kind of resource; the filter sends `route`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier; the filter sends the route's path template.
    pub id: String,
    /// Attributes sent along with the question.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Properties,
}

/// The answer. `decision` is the only member the specification requires; an answer without a
/// boolean there is malformed and never a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationResponse {
    /// Whether the subject may.
    pub decision: bool,
    /// What the decision point says beside it.
    #[serde(default, skip_serializing_if = "EvaluationContext::is_empty")]
    pub context: EvaluationContext,
}

/// What our authorization service puts beside a decision. Another decision point may leave out
/// all of it or add members of its own, which are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvaluationContext {
    /// Roles of the subject, in the store's order. `None` means the decision point did not say,
    /// which is not the same as a subject without roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Stable code for why, for example `policy` or `no_policy`. For logs, not for clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Names of the policies that determined the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Version of the policies that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<String>,
    /// Headers for the service behind the gateway, by name. A filter takes those it is told to.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Properties,
}

impl EvaluationContext {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_without_properties_is_the_interop_payload() {
        let request = EvaluationRequest {
            subject: Subject { kind: "identity".into(), id: "sub".into(), properties: Map::new() },
            action: Action { name: "GET".into(), properties: Map::new() },
            resource: Resource {
                kind: "route".into(),
                id: "/users/{userId}".into(),
                properties: Map::new(),
            },
            context: Map::new(),
        };
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({"subject": {"type": "identity", "id": "sub"}, "action": {"name": "GET"},
                   "resource": {"type": "route", "id": "/users/{userId}"}, "context": {}})
        );
    }

    #[test]
    fn an_answer_without_a_boolean_decision_is_refused() {
        for body in [r"{}", r#"{"decision":"true"}"#, r#"{"decision":null}"#, r#"{"decision":1}"#] {
            assert!(serde_json::from_str::<EvaluationResponse>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn members_of_other_decision_points_are_ignored() {
        let answer: EvaluationResponse =
            serde_json::from_str(r#"{"decision":true,"context":{"id":"0","other":{}},"x":1}"#)
                .unwrap();
        assert!(answer.decision);
        assert_eq!(answer.context.roles, None);
    }
}
