//! Looking at what is in an [`Object`].

use serde_json::{Number, Value};

use super::{Kind, Object, Stored};

/// A value as it lies in a token.
#[derive(Clone)]
pub enum Json<'o> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(&'o str),
    /// An array.
    Array(Members<'o>),
    /// An object.
    Object(Members<'o>),
}

impl<'o> Json<'o> {
    /// The text that it is.
    pub const fn as_str(&self) -> Option<&'o str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean that it is.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number that it is.
    pub const fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The members of the object that it is.
    pub const fn as_object(&self) -> Option<Members<'o>> {
        match self {
            Self::Object(members) => Some(*members),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The member of this name of the object that it is.
    pub fn get(&self, name: &str) -> Option<Self> {
        self.as_object()?.get(name)
    }

    /// A copy that stands by itself. It nests no deeper than what is read.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String((*text).to_owned()),
            Self::Array(members) => members.values().map(|value| value.to_value()).collect(),
            Self::Object(members) => members.named().map(|(n, v)| (n, v.to_value())).collect(),
        }
    }
}

/// The values inside an array or an object.
#[derive(Clone, Copy)]
pub struct Members<'o> {
    object: &'o Object,
    from: usize,
    to: usize,
}

impl<'o> Members<'o> {
    /// Those inside the value at this index.
    pub(super) fn inside(object: &'o Object, at: usize) -> Self {
        let to = object.values.get(at).map_or(at, |value| usize::from(value.end));
        Self { object, from: at + 1, to }
    }

    /// Their names; none in an array.
    pub(super) fn names(self) -> impl Iterator<Item = &'o str> {
        self.stored().filter_map(move |(_, value)| Some(self.object.part(value.name?)))
    }

    /// Themselves with their names; none in an array.
    pub fn named(self) -> impl Iterator<Item = (&'o str, Json<'o>)> {
        self.stored().filter_map(move |(at, value)| {
            Some((self.object.part(value.name?), self.view(at, value)))
        })
    }

    /// Themselves.
    pub fn values(self) -> impl Iterator<Item = Json<'o>> {
        self.stored().map(move |(at, value)| self.view(at, value))
    }

    /// The one of this name; there is none in an array.
    pub fn get(self, name: &str) -> Option<Json<'o>> {
        let mut stored = self.stored();
        let (at, value) = stored
            .find(|(_, value)| value.name.is_some_and(|own| self.object.part(own) == name))?;
        Some(self.view(at, value))
    }

    fn stored(self) -> impl Iterator<Item = (usize, &'o Stored)> {
        let mut next = self.from;
        std::iter::from_fn(move || {
            let at = next;
            let value = self.object.values.get(at).filter(|_| at < self.to)?;
            next = usize::from(value.end);
            Some((at, value))
        })
    }

    fn view(self, at: usize, value: &Stored) -> Json<'o> {
        match value.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => Json::Bool(value),
            Kind::Unsigned(value) => Json::Number(value.into()),
            Kind::Signed(value) => Json::Number(value.into()),
            // Finite: JSON can write no other.
            Kind::Float(value) => Number::from_f64(value).map_or(Json::Null, Json::Number),
            Kind::Text(text) => Json::Text(self.object.part(text)),
            Kind::Array => Json::Array(Self::inside(self.object, at)),
            Kind::Object => Json::Object(Self::inside(self.object, at)),
        }
    }
}
