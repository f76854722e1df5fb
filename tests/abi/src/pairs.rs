//! Header maps and their form on the wire: a count, the lengths of each name and value, then the
//! names and values, each ended by a NUL. Written from the ABI's text and not from the module's
//! code, so that a mistake there is not repeated here.

use std::fmt;

/// Headers in order. Names and values are bytes: clients send what they like.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderMap(Vec<(Vec<u8>, Vec<u8>)>);

impl HeaderMap {
    /// From texts.
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one more.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.push(name, value);
        self
    }

    /// The first value of a name, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(other, _)| other == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether a name is there, in this spelling.
    pub fn has(&self, name: impl AsRef<[u8]>) -> bool {
        self.0.iter().any(|(other, _)| other == name.as_ref())
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// As Envoy does it: names compare without case, every occurrence goes.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// As Envoy does it: one occurrence with this value is left.
    pub(crate) fn replace(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    /// Nothing at all for an empty map, as Envoy hands it over.
    pub(crate) fn serialize(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut raw = word(self.len());
        for (name, value) in &self.0 {
            raw.extend([word(name.len()), word(value.len())].concat());
        }
        for part in self.0.iter().flat_map(|(name, value)| [name, value]) {
            raw.extend_from_slice(part);
            raw.push(0);
        }
        raw
    }

    /// `None` when `raw` is not what it says it is.
    pub(crate) fn parse(raw: &[u8]) -> Option<Self> {
        let number = |at: usize| -> Option<usize> {
            let bytes = raw.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes) as usize)
        };
        let mut map = Self::default();
        let count = if raw.is_empty() { 0 } else { number(0)? };
        let mut at = 4 + 8 * count;
        let mut next = |len: usize| {
            let part = raw.get(at..at + len)?;
            at += len + 1;
            (raw.get(at - 1) == Some(&0)).then_some(part)
        };
        for index in 0..count {
            let lengths = 4 + 8 * index;
            map.push(next(number(lengths)?)?, next(number(lengths + 4)?)?);
        }
        Some(map)
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): &(Vec<u8>, Vec<u8>)| {
            format!("{}: {}", name.escape_ascii(), value.escape_ascii())
        };
        f.debug_list().entries(self.0.iter().map(shown)).finish()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        pairs.into_iter().for_each(|(name, value)| map.push(name, value));
        map
    }
}

fn word(value: usize) -> Vec<u8> {
    u32::try_from(value).expect("a length fits 32 bits").to_le_bytes().to_vec()
}
