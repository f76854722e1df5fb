//! Cookies of a request (RFC 6265 §5.4), found and taken out by name.
//!
//! Names are compared as they stand. What is not taken out keeps its bytes and its order.

/// The values of the cookies of this name.
pub fn values<'c>(header: &'c str, name: &'c str) -> impl Iterator<Item = &'c str> {
    pairs(header).filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

/// What is left of a header's cookies without those of these names; empty when nothing is.
pub fn without<'n>(header: &str, names: &(impl Iterator<Item = &'n str> + Clone)) -> String {
    let kept = header.split(';').map(str::trim_ascii).filter(|cookie| {
        let (name, _) = split(cookie);
        !cookie.is_empty() && !names.clone().any(|one| one == name)
    });
    kept.collect::<Vec<_>>().join("; ")
}

fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').map(split)
}

fn split(cookie: &str) -> (&str, &str) {
    let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
    (name.trim_ascii(), value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let header = "a=1; t=x;t = y ; tt=z; T=w; b=t=v";
        assert_eq!(values(header, "t").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(values("", "t").count(), 0);
        assert_eq!(values("t", "t").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn the_others_stay() {
        for (header, rest) in [
            ("t=x", ""),
            ("a=1; t=x; b=\"2\"", "a=1; b=\"2\""),
            ("t=x; t=y;;a", "a"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(without(header, &["t"].into_iter()), rest, "{header}");
        }
    }
}
