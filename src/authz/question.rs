//! The evaluation request (OpenID AuthZEN Authorization API 1.0, section 6.1), as a policy maps
//! requests to it.
//!
//! What is sent is all that a decision may depend on, and the encoded request is the cache key:
//! nothing goes in that is not configured, and equal questions encode to equal bytes: as
//! `claimgate_authz_api::EvaluationRequest` would, members of objects in the order of their names.
//! The client's token never goes in.

use std::borrow::Cow;
use std::net::IpAddr;

use claimgate_authz_api::ANONYMOUS;
use serde::Serialize;

use super::CheckError;
use crate::authn::{Caller, ClaimPath, Json, Principal};
use crate::policy::Route;
use crate::request::{Credentials, RequestHead, Wanted, canonical_path};

/// Largest question that is sent.
const MAX_QUESTION: usize = 64 * 1024;
/// What most questions need.
const USUAL_QUESTION: usize = 256;

/// How a question is made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Type of identified subjects.
    pub subject_type: Box<str>,
    /// Claim with the subject's id, if it is not the one of its provider.
    pub subject_id: Option<ClaimPath>,
    /// Properties of identified subjects.
    pub subject: Properties,
    /// Name of the action.
    pub action_name: Source,
    /// Its properties.
    pub action: Properties,
    /// Type of the resource.
    pub resource_type: Box<str>,
    /// Id of the resource.
    pub resource_id: Source,
    /// Its properties.
    pub resource: Properties,
    /// Members of the context.
    pub context: Properties,
}

/// Members of an object, in the order of their names.
pub type Properties = Vec<(Box<str>, Source)>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A claim, as it stands.
    Claim(ClaimPath),
    /// A header that may come once.
    Header(Wanted),
    /// A variable of the route's template.
    Param(Box<str>),
    /// The method.
    Method,
    /// The path without its query.
    Path,
    /// The host.
    Host,
    /// The route's template.
    Route,
    /// The client's address.
    ClientAddress,
    /// Always the same.
    Fixed(Box<str>),
}

/// A request that a decision is needed for.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// For what.
    pub head: &'a RequestHead,
    /// Where it belongs.
    pub route: &'a Route,
    /// The client's address, as far as the host was asked for it and knows it.
    pub address: Option<IpAddr>,
}

/// Type and id of a subject, and its properties.
type Subject<'a> = (&'a str, &'a str, &'a [(Box<str>, Source)]);

impl Default for Mapping {
    /// The payload of the working group's API gateway interop scenario.
    fn default() -> Self {
        Self {
            subject_type: "identity".into(),
            subject_id: None,
            subject: Vec::new(),
            action_name: Source::Method,
            action: Vec::new(),
            resource_type: "route".into(),
            resource_id: Source::Route,
            resource: Vec::new(),
            context: Vec::new(),
        }
    }
}

impl Mapping {
    /// Whether two requests with one token, route and method may ask different questions.
    pub fn varies(&self) -> bool {
        self.sources().any(Source::varies)
    }

    /// Whether it looks at the client's address.
    pub fn reads_address(&self) -> bool {
        self.sources().any(|source| *source == Source::ClientAddress)
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        let members = [&self.subject, &self.action, &self.resource, &self.context];
        let sources = members.into_iter().flatten().map(|(_, source)| source);
        sources.chain([&self.action_name, &self.resource_id])
    }

    /// The question that a request asks.
    pub fn encode(&self, asking: &Asking<'_>) -> Result<Vec<u8>, CheckError> {
        let (kind, id, properties) = self.subject(asking)?;
        let mut json = Encoder(Vec::with_capacity(USUAL_QUESTION));
        json.text("{\"subject\":{\"type\":", kind)?;
        json.text(",\"id\":", id)?;
        json.properties(properties, asking)?;
        json.text("},\"action\":{\"name\":", &self.action_name.text(asking)?)?;
        json.properties(&self.action, asking)?;
        json.text("},\"resource\":{\"type\":", &self.resource_type)?;
        json.text(",\"id\":", &self.resource_id.text(asking)?)?;
        json.properties(&self.resource, asking)?;
        json.raw("},\"context\":");
        if !json.members("{", &self.context, asking)? {
            json.raw("{");
        }
        json.raw("}}");
        if json.0.len() > MAX_QUESTION { Err(CheckError::TooLarge) } else { Ok(json.0) }
    }

    /// The id that a subject is asked about by.
    pub fn id_of<'a>(&self, principal: &'a Principal) -> Option<&'a str> {
        let id = match &self.subject_id {
            Some(path) => principal.claims().at(path).and_then(|claim| claim.as_str()),
            None => principal.subject(),
        };
        id.filter(|id| !id.is_empty())
    }

    fn subject<'a>(&'a self, asking: &Asking<'a>) -> Result<Subject<'a>, CheckError> {
        let Some(principal) = asking.caller.principal() else {
            return Ok((ANONYMOUS, ANONYMOUS, &[]));
        };
        let id = self.id_of(principal).ok_or(CheckError::NoSubject)?;
        Ok((&self.subject_type, id, &self.subject))
    }
}

impl Source {
    const fn varies(&self) -> bool {
        match self {
            Self::Header(_) | Self::Param(_) | Self::Path | Self::Host | Self::ClientAddress => {
                true
            }
            Self::Claim(_) | Self::Method | Self::Route | Self::Fixed(_) => false,
        }
    }

    /// The value that a request has, if it has one.
    fn value<'a>(&'a self, asking: &Asking<'a>) -> Result<Option<Found<'a>>, CheckError> {
        let Asking { caller, head, route, address } = *asking;
        let text = match self {
            Self::Claim(path) => {
                let claim = caller.principal().and_then(|principal| principal.claims().at(path));
                return Ok(claim.map(Found::Claim));
            }
            Self::Header(wanted) => header(head, *wanted)?.map(Cow::Borrowed),
            Self::Param(name) => {
                let mut captured = route.template.captures(path(head)?).into_iter();
                captured.find(|(one, _)| *one == &**name).map(|(_, value)| value.into())
            }
            Self::Method => head.method().map(Cow::Borrowed),
            Self::Path => Some(path(head)?.into()),
            Self::Host => head.host(),
            Self::Route => Some(route.template.as_str().into()),
            Self::ClientAddress => address.map(|address| address.to_string().into()),
            Self::Fixed(text) => Some((&**text).into()),
        };
        Ok(text.map(Found::Text))
    }

    /// The value, where the question needs a text that says something.
    fn text<'a>(&'a self, asking: &Asking<'a>) -> Result<Cow<'a, str>, CheckError> {
        let text = match self.value(asking)? {
            Some(Found::Text(text)) => text,
            Some(Found::Claim(Json::Text(text))) => text.into(),
            Some(Found::Claim(Json::Number(number))) => number.to_string().into(),
            Some(Found::Claim(_)) | None => return Err(CheckError::NotEncodable),
        };
        if text.is_empty() { Err(CheckError::NotEncodable) } else { Ok(text) }
    }
}

/// A value of a request.
enum Found<'a> {
    Text(Cow<'a, str>),
    Claim(Json<'a>),
}

/// A header that comes once at most and is text. What else it may mean depends on who reads it.
fn header(head: &RequestHead, wanted: Wanted) -> Result<Option<&str>, CheckError> {
    match head.once(wanted) {
        Credentials::Absent => Ok(None),
        Credentials::One(value) => {
            std::str::from_utf8(value).map(Some).map_err(|_| CheckError::NotEncodable)
        }
        Credentials::Several => Err(CheckError::NotEncodable),
    }
}

fn path(head: &RequestHead) -> Result<&str, CheckError> {
    let path = canonical_path(head.path_and_query().unwrap_or_default());
    path.map_err(|_| CheckError::NotEncodable)
}

/// Writes JSON without blanks.
struct Encoder(Vec<u8>);

impl Encoder {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// What comes before a text, and the text.
    fn text(&mut self, before: &str, text: &str) -> Result<(), CheckError> {
        self.raw(before);
        self.value(text)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CheckError> {
        serde_json::to_writer(&mut self.0, value).map_err(|_| CheckError::NotEncodable)
    }

    /// The member `properties`, unless it would have none itself.
    fn properties(
        &mut self,
        properties: &[(Box<str>, Source)],
        asking: &Asking<'_>,
    ) -> Result<(), CheckError> {
        if self.members(",\"properties\":{", properties, asking)? {
            self.raw("}");
        }
        Ok(())
    }

    /// What comes before members, and those that the request has; whether it has any.
    fn members(
        &mut self,
        before: &str,
        members: &[(Box<str>, Source)],
        asking: &Asking<'_>,
    ) -> Result<bool, CheckError> {
        let mut between = before;
        for (name, source) in members {
            let Some(value) = source.value(asking)? else { continue };
            self.text(between, name)?;
            self.raw(":");
            match value {
                Found::Text(text) => self.value(&*text)?,
                Found::Claim(claim) => self.value(&claim.to_value())?,
            }
            between = ",";
        }
        Ok(between == ",")
    }
}
