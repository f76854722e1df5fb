//! A YAML or JSON document whose every value knows where it is written.
//!
//! YAML is read by a library; this only keeps the lines and columns it tells. JSON is YAML, too. It must
//! never mean anything: what a document says is read by the filter's own code, or by `envoy`.

mod cursor;
mod locate;

use std::fmt;
use std::io::{self, Read};
use std::{fs, path::Path};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

pub(crate) use cursor::Cursor;

/// A document, and what to call it.
#[derive(Debug)]
pub(crate) struct Document {
    /// The file as it was named, `<stdin>` for `-`.
    pub(crate) file: String,
    root: Node,
}

/// Line and column, both from 1; `None` where the library does not tell.
pub(crate) type Place = Option<(u64, u64)>;

/// One value.
#[derive(Debug)]
pub(crate) struct Node {
    content: Content,
    place: Place,
}

#[derive(Debug)]
enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Entries in the order written, each with the place of its name.
    Map(Vec<(String, Place, Node)>),
}

/// Why there is no document.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The file cannot be read.
    File(io::Error),
    /// It is no YAML: what is wrong, and where.
    Yaml(String, Place),
}

impl Document {
    /// Reads a file, or what comes in when it is `-`.
    pub(crate) fn read(path: &Path) -> (String, Result<Self, Unreadable>) {
        let stdin = path.as_os_str() == "-";
        let file = if stdin { "<stdin>".to_owned() } else { path.display().to_string() };
        let text = if stdin { io::read_to_string(io::stdin()) } else { text_of(path) };
        let document = match text {
            Ok(text) => parse(&text).map(|root| Self { file: file.clone(), root }),
            Err(error) => Err(Unreadable::File(error)),
        };
        (file, document)
    }

    /// The whole of it.
    pub(crate) fn root(&self) -> Cursor<'_> {
        Cursor::new(&self.root)
    }
}

/// No configuration is larger than this.
const MAX_BYTES: u64 = 64 << 20;

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str) -> Result<Node, Unreadable> {
    let error = match serde_saphyr::from_str(text) {
        Ok(node) => return Ok(node),
        Err(error) => error,
    };
    // Some JSON is no YAML: indented with tabs, for example.
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Ok(value.into());
    }
    let plain = error.without_snippet();
    let place = plain.location().and_then(|at| place(&at));
    Err(Unreadable::Yaml(message(plain), place))
}

/// Only what is wrong: the place is told apart from it.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).trim().to_owned()
}

fn place(at: &Location) -> Place {
    (at.line() > 0).then(|| (at.line(), at.column()))
}

impl Node {
    /// The value without its places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|(name, _, value)| (name.clone(), value.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

/// A value of a document that is written inside a text: nobody can tell its lines.
impl From<Value> for Node {
    fn from(value: Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(flag) => Content::Bool(flag),
            Value::Number(number) => Content::Number(number),
            Value::String(text) => Content::Text(text),
            Value::Array(items) => Content::List(items.into_iter().map(Self::from).collect()),
            Value::Object(map) => {
                let entries = map.into_iter().map(|(name, value)| (name, None, value.into()));
                Content::Map(entries.collect())
            }
        };
        Self { content, place: None }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { content: spanned.value, place: place(&spanned.defined) })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Content, D::Error> {
        Content::deserialize(inner)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Content, E> {
        Ok(Content::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Content, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("no number that JSON has"));
        number.map(Content::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<Spanned<String>>()? {
            entries.push((name.value, place(&name.defined), map.next_value()?));
        }
        Ok(Content::Map(entries))
    }
}
