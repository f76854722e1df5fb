//! The host's serialization of a header map: a count, the lengths of each name and value, then
//! the names and values, each ended by a NUL (proxy-wasm ABI 0.2.1, "serialized maps").
//!
//! It only finds the places; it copies nothing and believes no length that leaves the buffer.

use std::ops::Range;

/// A serialized header map.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    raw: &'a [u8],
    count: usize,
}

const WORD: usize = 4;

impl<'a> Pairs<'a> {
    /// Reads the count. An empty buffer is an empty map; one too short for its count is none.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        if raw.is_empty() {
            return Some(Self { raw, count: 0 });
        }
        let count = word(raw, 0)?;
        let table = count.checked_mul(2 * WORD)?.checked_add(WORD)?;
        (table <= raw.len()).then_some(Self { raw, count })
    }

    /// How many pairs it says it holds.
    pub const fn count(self) -> usize {
        self.count
    }

    /// Where each name and value stands in the buffer. Ends early when the buffer does; fewer
    /// than [`Pairs::count`] means that it was cut short.
    pub fn ranges(self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + 'a {
        let mut at = self.count * 2 * WORD + WORD;
        (0..self.count).map_while(move |index| {
            let lengths = WORD + index * 2 * WORD;
            let name = at..at.checked_add(word(self.raw, lengths)?)?;
            let start = name.end.checked_add(1)?;
            let value = start..start.checked_add(word(self.raw, lengths + WORD)?)?;
            at = value.end.checked_add(1)?;
            (value.end < self.raw.len()).then_some((name, value))
        })
    }

    /// The names and values.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + 'a {
        self.ranges()
            .filter_map(move |(name, value)| Some((self.raw.get(name)?, self.raw.get(value)?)))
    }

    /// The host's form of `pairs`, for tests and for what is sent to the host.
    pub fn serialize<'p>(pairs: impl IntoIterator<Item = (&'p [u8], &'p [u8])> + Clone) -> Vec<u8> {
        let count = pairs.clone().into_iter().count();
        let mut raw = Vec::with_capacity(WORD + count * 2 * WORD + 64 * count);
        push_word(&mut raw, count);
        for (name, value) in pairs.clone() {
            push_word(&mut raw, name.len());
            push_word(&mut raw, value.len());
        }
        for (name, value) in pairs {
            for part in [name, value] {
                raw.extend_from_slice(part);
                raw.push(0);
            }
        }
        raw
    }
}

fn word(raw: &[u8], at: usize) -> Option<usize> {
    let bytes = raw.get(at..at.checked_add(WORD)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn push_word(raw: &mut Vec<u8>, value: usize) {
    raw.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_serialized_reads_back() {
        let pairs: [(&[u8], &[u8]); 3] = [(b":path", b"/"), (b"a", b""), (b"b", b"\xff\x00c")];
        let raw = Pairs::serialize(pairs);
        assert_eq!(Pairs::parse(&raw).unwrap().iter().collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn an_empty_buffer_is_an_empty_map() {
        assert_eq!(Pairs::parse(b"").unwrap().iter().count(), 0);
        assert_eq!(Pairs::parse(&0u32.to_le_bytes()).unwrap().iter().count(), 0);
    }

    #[test]
    fn every_truncation_is_refused() {
        let pairs: [(&[u8], &[u8]); 2] = [(b"name", b"value"), (b"n", b"v")];
        let raw = Pairs::serialize(pairs);
        let complete =
            |raw| Pairs::parse(raw).is_some_and(|p: Pairs<'_>| p.iter().count() == p.count());
        assert!(complete(&raw));
        for end in 1..raw.len() {
            assert!(!complete(&raw[..end]), "{end}");
        }
    }

    #[test]
    fn lengths_beyond_the_buffer_are_refused() {
        let mut raw = Pairs::serialize([(&b"name"[..], &b"value"[..])]);
        raw[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Pairs::parse(&raw).unwrap().iter().count(), 0);
        raw[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Pairs::parse(&raw).is_none());
    }
}
