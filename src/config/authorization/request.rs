//! What a decision point is asked: each part of the question, and where its values come from.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// What an evaluation request carries.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestMapping {
    /// The subject. Default: `{type: identity}` with who the token is about, and no properties. A
    /// request without a token is the reserved subject `anonymous` of type `anonymous`, without
    /// properties.
    #[serde(default)]
    pub subject: SubjectMapping,
    /// The action. Default: its name is the method; no properties.
    #[serde(default)]
    pub action: ActionMapping,
    /// The resource. Default: `{type: route}` with the route's template; no properties.
    #[serde(default)]
    pub resource: ResourceMapping,
    /// Members of the context. Default: none. What a request does not have is left out.
    #[serde(default)]
    pub context: BTreeMap<String, ValueSource>,
}

/// How the subject of an evaluation request is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SubjectMapping {
    /// Subject type. Default: `identity`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Claim that is the subject's id. Default: the provider's `subject_claim`. A token in which it
    /// is no text, or an empty one, cannot be asked about: what needs a decision is refused (403).
    #[serde(default)]
    pub id: Option<ClaimSource>,
    /// Properties. Default: none. What a request does not have is left out.
    #[serde(default)]
    pub properties: BTreeMap<String, ValueSource>,
}

/// How the action of an evaluation request is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionMapping {
    /// Name of the action: a text, or where it comes from. Default: `{method: true}`. A request
    /// that has no such value, or an empty one, is refused where it needs a decision (403).
    #[serde(default)]
    pub name: Option<TextOrSource>,
    /// Properties. Default: none.
    #[serde(default)]
    pub properties: BTreeMap<String, ValueSource>,
}

/// How the resource of an evaluation request is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceMapping {
    /// Resource type. Default: `route`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Id of the resource: a text, or where it comes from. Default: `{route: true}`. A request
    /// that has no such value, or an empty one, is refused where it needs a decision (403).
    #[serde(default)]
    pub id: Option<TextOrSource>,
    /// Properties. Default: none.
    #[serde(default)]
    pub properties: BTreeMap<String, ValueSource>,
}

/// A value taken from the verified token.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimSource {
    /// Claim name, nested names joined with dots.
    pub claim: String,
}

/// Where a value comes from: exactly one of these. A value that the request does not have is left
/// out of the question. Whatever a client can make large counts against the question's 64 KiB;
/// beyond them what needs a decision is refused (403).
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ValueSource {
    /// A claim of the verified token, nested names joined with dots, as it stands there.
    #[serde(default)]
    pub claim: Option<String>,
    /// A header of the request, by its lower-case name. One that comes twice, or is no UTF-8,
    /// cannot be asked about: what needs a decision is refused (403).
    #[serde(default)]
    pub header: Option<String>,
    /// A variable of the route's template, as the path has it.
    #[serde(default)]
    pub param: Option<String>,
    /// The method. Only `true` can be written.
    #[serde(default)]
    pub method: Option<bool>,
    /// The path without its query. Only `true` can be written.
    #[serde(default)]
    pub path: Option<bool>,
    /// The host, in lower case and without its port. Only `true` can be written.
    #[serde(default)]
    pub host: Option<bool>,
    /// The route's template as it is written. Only `true` can be written.
    #[serde(default)]
    pub route: Option<bool>,
    /// The client's address; needs `trusted_client_address: true`. Only `true` can be written.
    #[serde(default)]
    pub client_address: Option<bool>,
    /// This text.
    #[serde(default)]
    pub value: Option<String>,
}

/// A text, or where it comes from.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
pub enum TextOrSource {
    /// The text itself.
    Text(String),
    /// Where it comes from.
    From(ValueSource),
}

/// By hand: an untagged enum would not say what is wrong.
impl<'de> Deserialize<'de> for TextOrSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrSourceVisitor)
    }
}

struct TextOrSourceVisitor;

impl<'de> Visitor<'de> for TextOrSourceVisitor {
    type Value = TextOrSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or where it comes from")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextOrSource, E> {
        Ok(TextOrSource::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOrSource, A::Error> {
        ValueSource::deserialize(MapAccessDeserializer::new(map)).map(TextOrSource::From)
    }
}
