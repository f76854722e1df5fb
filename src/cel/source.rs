//! Where the value of an input comes from, and how it becomes a value of the language. Only what an
//! expression names is handed over, when it is reached, and no more of it than [`MAX_HANDED`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use super::Inputs;
use crate::authn::{Claims, Json};
use crate::request::{Credentials, Wanted};

/// Most bytes of inputs that one evaluation is handed. What would be more is missing.
pub(super) const MAX_HANDED: usize = 32 * 1024;

/// What a value that is no text counts as, in bytes.
const SCALAR: usize = 16;

type Boxed<'v> = Box<dyn Val + 'v>;

/// One input of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Subject,
    Issuer,
    Provider,
    Scopes,
    Roles,
    /// A claim, by the names on the way to it.
    Claim(Vec<Box<str>>),
    /// Whether there is one.
    HasClaim(Vec<Box<str>>),
    Method,
    Path,
    Host,
    Header(Wanted),
    HasHeader(Wanted),
    Param(Box<str>),
}

impl Source {
    /// Whether the token alone says what it is.
    pub(super) const fn is_of_token(&self) -> bool {
        match self {
            Self::Subject | Self::Issuer | Self::Provider | Self::Scopes | Self::Roles => true,
            Self::Claim(_) | Self::HasClaim(_) => true,
            Self::Method | Self::Path | Self::Host => false,
            Self::Header(_) | Self::HasHeader(_) | Self::Param(_) => false,
        }
    }

    /// The parameter of the path that it is.
    pub(super) fn param(&self) -> Option<&str> {
        match self {
            Self::Param(name) => Some(name),
            _ => None,
        }
    }
}

/// The name that stands for an input. Nobody can write it: it is no name in the language.
pub(super) fn slot(index: usize) -> String {
    format!("@{index}")
}

/// The input that a name stands for.
pub(super) fn of_slot<'s>(name: &str, sources: &'s [Source]) -> Option<&'s Source> {
    sources.get(name.strip_prefix('@')?.parse::<usize>().ok()?)
}

/// The inputs of one evaluation.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    sources: &'a [Source],
    inputs: Inputs<'a>,
    /// How much may still be handed over. Atomic because the interpreter wants to be able to share it.
    left: AtomicUsize,
}

impl VariableResolver for Bound<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        self.value(of_slot(variable, self.sources)?).map(CowVal::Owned)
    }
}

impl<'a> Bound<'a> {
    pub(super) const fn new(sources: &'a [Source], inputs: Inputs<'a>) -> Self {
        Self { sources, inputs, left: AtomicUsize::new(MAX_HANDED) }
    }

    fn value<'v>(&'v self, source: &'v Source) -> Option<Boxed<'v>> {
        let Inputs { claims, subject, provider, roles_claim, head, path, template } = self.inputs;
        match source {
            Source::Subject => self.text(subject?),
            Source::Issuer => self.text(claims?.named("iss")?.as_str()?),
            Source::Provider => self.text(provider?),
            Source::Scopes => self.list(claims?.scopes().map(|scope| self.text(scope))),
            Source::Roles => {
                let (claims, path) = (claims?, roles_claim?);
                claims.at(path).filter(|_| !claims.is_odd(path))?;
                self.list(claims.texts(path).map(|role| self.owned(role.into_owned())))
            }
            Source::Claim(names) => self.json(&claim(claims?, names)?),
            Source::HasClaim(names) => flag(has_claim(claims?, names)?),
            Source::Method => self.text(head?.method()?),
            Source::Path => self.text(path?),
            Source::Host => self.owned(head?.host()?.into_owned()),
            Source::Header(wanted) => match head?.once(*wanted) {
                Credentials::One(value) => self.text(std::str::from_utf8(value).ok()?),
                Credentials::Absent | Credentials::Several => None,
            },
            Source::HasHeader(wanted) => flag(head?.all(*wanted).next().is_some()),
            Source::Param(name) => {
                let captures = template?.captures(path?);
                self.text(captures.into_iter().find(|(one, _)| *one == &**name)?.1)
            }
        }
    }

    /// Counts `bytes` of what may be handed over; `None` when that is too much.
    fn take(&self, bytes: usize) -> Option<()> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(bytes)?;
        self.left.store(left, Ordering::Relaxed);
        Some(())
    }

    fn text<'v>(&self, text: &'v str) -> Option<Boxed<'v>> {
        self.take(text.len() + SCALAR)?;
        Some(Box::new(CelString::from(text)))
    }

    fn owned<'v>(&self, text: String) -> Option<Boxed<'v>> {
        self.take(text.len() + SCALAR)?;
        Some(Box::new(CelString::from(text)))
    }

    fn list<'v>(&self, values: impl Iterator<Item = Option<Boxed<'v>>>) -> Option<Boxed<'v>> {
        let values: Vec<_> = values.collect::<Option<_>>()?;
        Some(Box::new(CelList::from(values)))
    }

    /// A token nests no deeper than what is read, and neither does this.
    fn json<'v>(&self, json: &Json<'v>) -> Option<Boxed<'v>> {
        self.take(SCALAR)?;
        Some(match json {
            Json::Null => Box::new(CelNull),
            Json::Bool(value) => Box::new(CelBool::from(*value)),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Box::new(CelInt::from(number)),
                (None, Some(number)) => Box::new(CelUInt::from(number)),
                (None, None) => Box::new(CelDouble::from(number.as_f64()?)),
            },
            Json::Text(text) => return self.text(text),
            Json::Array(members) => return self.list(members.values().map(|one| self.json(&one))),
            Json::Object(members) => {
                let pair = |(name, value): (&'v str, Json<'v>)| {
                    self.take(name.len())?;
                    Some((CelMapKey::from(name), self.json(&value)?))
                };
                let pairs = members.named().map(pair).collect::<Option<HashMap<_, _>>>()?;
                Box::new(CelMap::from(pairs))
            }
        })
    }
}

fn claim<'c>(claims: &'c Claims, names: &[Box<str>]) -> Option<Json<'c>> {
    let (first, rest) = names.split_first()?;
    rest.iter().try_fold(claims.named(first)?, |value, name| value.get(name))
}

/// Whether a claim is there; `None` when what should hold it is missing, or holds nothing.
fn has_claim(claims: &Claims, names: &[Box<str>]) -> Option<bool> {
    let (last, around) = names.split_last()?;
    if around.is_empty() {
        return Some(claims.named(last).is_some());
    }
    Some(claim(claims, around)?.as_object()?.get(last).is_some())
}

fn flag<'v>(value: bool) -> Option<Boxed<'v>> {
    Some(Box::new(CelBool::from(value)))
}
