//! A value of a document together with its path: what findings are about.
//!
//! Paths look as in the filter's own messages: `listeners[0] "gateway".filter_chains[0]`. Envoy takes a
//! field's name in snake case and in lower camel case, so both are found.

use super::{Content, Node, Place};

/// A value and how one came to it.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'d> {
    node: &'d Node,
    /// Path from the document's root; empty there.
    pub(crate) at: String,
    /// Where it is written: its name, where it has one.
    pub(crate) place: Place,
}

impl<'d> Cursor<'d> {
    pub(super) fn new(root: &'d Node) -> Self {
        Self { node: root, at: String::new(), place: root.place }
    }

    /// A value that is written as text inside this one.
    pub(crate) fn inside(&self, node: &'d Node) -> Self {
        Self { node, at: self.at.clone(), place: self.place }
    }

    /// The value.
    pub(crate) const fn node(&self) -> &'d Node {
        self.node
    }

    /// The entry of this name.
    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        let camel = camel(name);
        let same = |entry: &&(String, Place, Node)| entry.0 == name || entry.0 == camel;
        let (written, place, node) = self.map()?.iter().find(same)?;
        Some(self.entry(written, *place, node))
    }

    /// The entry at the end of these names, separated by dots.
    pub(crate) fn path(&self, names: &str) -> Option<Self> {
        names.split('.').try_fold(self.clone(), |at, name| at.field(name))
    }

    /// All entries of a map; nothing of any other value.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'d str, Self)> + use<'_, 'd> {
        let entries = self.map().into_iter().flatten();
        entries.map(|(name, place, node)| (name.as_str(), self.entry(name, *place, node)))
    }

    /// The members of a list; nothing of any other value.
    pub(crate) fn items(&self) -> impl Iterator<Item = Self> + use<'_, 'd> {
        let items = match &self.node.content {
            Content::List(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().enumerate().map(|(index, node)| self.item(index, node))
    }

    /// The members of the list of this name.
    pub(crate) fn list(&self, name: &str) -> Vec<Self> {
        self.field(name).map_or_else(Vec::new, |list| list.items().collect())
    }

    /// Whether it is a list or a map without an entry.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.node.content {
            Content::List(items) => items.is_empty(),
            Content::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// A text.
    pub(crate) fn text(&self) -> Option<&'d str> {
        match &self.node.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of this name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&'d str> {
        self.path(name)?.text()
    }

    /// A boolean.
    pub(crate) const fn flag(&self) -> Option<bool> {
        match &self.node.content {
            Content::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Whether the entry of this name is `true`.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.path(name).and_then(|field| field.flag()).unwrap_or_default()
    }

    /// A whole number that is not negative.
    pub(crate) fn number(&self) -> Option<u64> {
        match &self.node.content {
            Content::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// Every value in this one for which `wanted` is true, in the order written; nothing in those.
    pub(crate) fn find_all(&self, wanted: &dyn Fn(&Self) -> bool) -> Vec<Self> {
        if wanted(self) {
            return vec![self.clone()];
        }
        let fields = self.fields().map(|(_, field)| field);
        fields.chain(self.items()).flat_map(|below| below.find_all(wanted)).collect()
    }

    /// Its path for people: the document itself has none.
    pub(crate) fn shown(&self) -> &str {
        if self.at.is_empty() { "document" } else { &self.at }
    }

    fn map(&self) -> Option<&'d [(String, Place, Node)]> {
        match &self.node.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    fn entry(&self, name: &str, place: Place, node: &'d Node) -> Self {
        let dot = if self.at.is_empty() { "" } else { "." };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-@".contains(c);
        let quote = if name.chars().all(plain) { "" } else { "\"" };
        let at = format!("{}{dot}{quote}{name}{quote}", self.at);
        Self { node, at, place: place.or(node.place).or(self.place) }
    }

    fn item(&self, index: usize, node: &'d Node) -> Self {
        let mut item =
            Self { node, at: format!("{}[{index}]", self.at), place: node.place.or(self.place) };
        if let Some(name) = item.text_of("name") {
            item.at.push_str(&format!(" {name:?}"));
        }
        item
    }
}

/// `typed_config` as `typedConfig`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut whole, word| {
        let mut letters = word.chars();
        whole.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        whole.push_str(letters.as_str());
        whole
    })
}
