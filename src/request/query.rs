//! Parameters of a query, found and taken out by name.
//!
//! Servers disagree on what separates parameters and on which spellings of a name are equal, so
//! this takes the widest reading: `&`, `;` and `#` all separate, and names are compared after
//! decoding. What is not taken out stays as it was, byte for byte.

use super::canonical::hex;

/// What may stand between two parameters.
const SEPARATORS: [char; 3] = ['&', ';', '#'];

/// The values, as they were sent, of the parameters of this name.
pub fn values<'q>(path_and_query: &'q str, name: &'q str) -> impl Iterator<Item = &'q str> {
    let query = path_and_query.split_once('?').map_or("", |(_, query)| query);
    query.split(SEPARATORS).map(split).filter(move |(found, _)| is(found, name)).map(|(_, v)| v)
}

/// The path and query without the parameters of these names; `None` when it has none of them.
pub fn without<'n>(
    path_and_query: &str,
    names: &(impl Iterator<Item = &'n str> + Clone),
) -> Option<String> {
    let (path, query) = path_and_query.split_once('?')?;
    let is_named = |part: &str| names.clone().any(|name| is(split(part).0, name));
    if !query.split(SEPARATORS).any(is_named) {
        return None;
    }
    let mut kept = String::with_capacity(path_and_query.len());
    kept.push_str(path);
    let mut before = "?";
    for part in query.split_inclusive(SEPARATORS) {
        let (text, after) = part.split_at(part.trim_end_matches(SEPARATORS).len());
        if !is_named(text) {
            kept.push_str(before);
            kept.push_str(text);
            before = after;
        }
    }
    Some(kept)
}

fn split(part: &str) -> (&str, &str) {
    part.split_once('=').unwrap_or((part, ""))
}

/// Whether an encoded name is this one (RFC 3986 §2.1, and `+` for a space as forms have it).
fn is(encoded: &str, name: &str) -> bool {
    let mut bytes = encoded.bytes();
    let mut wanted = name.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => match hex(bytes.next()).zip(hex(bytes.next())) {
                Some((high, low)) => high << 4 | low,
                None => return false,
            },
            plain => plain,
        };
        if wanted.next() != Some(byte) {
            return false;
        }
    }
    wanted.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_their_name_is_spelt() {
        for query in ["t=x", "a=1&t=x", "a;t=x", "%74=x", "a#t=x", "t=x&a=t", "a==&t=x"] {
            let path = format!("/p?{query}");
            assert_eq!(values(&path, "t").collect::<Vec<_>>(), ["x"], "{query}");
        }
        for path in ["/t=x", "/p", "/p?", "/p?T=x", "/p?tt=x", "/p?%7=x", "/p?a=t=x", "/p?%zz=x"] {
            assert_eq!(values(path, "t").count(), 0, "{path}");
        }
    }

    #[test]
    fn all_of_them_are_taken_out_and_the_rest_stays_as_it_was() {
        for (path, rest) in [
            ("/p?t=x", "/p"),
            ("/p?t", "/p"),
            ("/p?t=x&a=%2f", "/p?a=%2f"),
            ("/p?a=1&t=x", "/p?a=1"),
            ("/p?a=1&t=x&b=2", "/p?a=1&b=2"),
            ("/p?a=1;t=x;b=2", "/p?a=1;b=2"),
            ("/p?a=1&%74=x&t=y#t=z", "/p?a=1"),
            ("/p?t=x&", "/p"),
            ("/p?a=1&u=2&b=?", "/p?a=1&b=?"),
        ] {
            assert_eq!(without(path, &["t", "u"].into_iter()).as_deref(), Some(rest), "{path}");
        }
        for path in ["/p", "/p?", "/p?a=t&b", "/t?a"] {
            assert_eq!(without(path, &["t"].into_iter()), None, "{path}");
        }
    }
}
