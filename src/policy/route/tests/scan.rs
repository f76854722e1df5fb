//! The table against a plain reading of the templates' texts, on tables and paths made up at
//! random from few words, so that they often meet.

use std::collections::BTreeSet;

use super::table;
use crate::policy::Matched;

const SEGMENTS: [&str; 6] = ["a", "b", "ab", "a*", "{}", "{}"];
const METHODS: [&[&str]; 5] = [&[], &["GET"], &["PUT"], &["GET", "HEAD"], &["POST"]];

/// A template and its methods.
type Route<'r> = (&'r str, &'static [&'static str]);

/// Numbers that look random and are the same every time (a linear congruential generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn template(&mut self) -> String {
        let count = self.below(5);
        let mut text: String = (0..count)
            .map(|at| format!("/{}", self.pick(&SEGMENTS).replace("{}", &format!("{{p{at}}}"))))
            .collect();
        match self.below(5) {
            0 => text.push_str("/{rest=**}"),
            1 if !text.contains(['{', '*']) => {
                let text = if text.is_empty() { "/" } else { &text };
                return format!("prefix:{text}");
            }
            2 => text.push('/'),
            _ if text.is_empty() => text.push('/'),
            _ => {}
        }
        text
    }

    fn path(&mut self) -> String {
        let count = self.below(6);
        let path: String =
            (0..count).map(|_| format!("/{}", self.pick(&["a", "b", "ab", "c"]))).collect();
        if path.is_empty() || self.below(4) == 0 { path + "/" } else { path }
    }
}

/// Whether a path is like a template, read from its text.
fn is_like(template: &str, path: &str) -> bool {
    if let Some(prefix) = template.strip_prefix("prefix:") {
        let below = path.strip_prefix(prefix.strip_suffix('/').unwrap_or(prefix));
        return below.is_some_and(|below| below.is_empty() || below.starts_with('/'));
    }
    let (template, rest) = match template.strip_suffix("/{rest=**}") {
        Some(template) => (template, true),
        None => (template, false),
    };
    let (segments, parts): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    let long_enough =
        if rest { parts.len() > segments.len() } else { parts.len() == segments.len() };
    let one = |(segment, part): (&&str, &&str)| match (
        segment.strip_suffix('*'),
        segment.starts_with('{'),
    ) {
        (Some(start), _) => part.len() > start.len() && part.starts_with(start),
        (None, true) => !part.is_empty(),
        (None, false) => segment == part,
    };
    long_enough && segments.iter().zip(&parts).all(one)
}

/// The look-up as the documentation has it: one route after the other.
fn scan<'r>(routes: &'r [(Route<'r>, usize)], path: &str, method: &str) -> Matched<'r, usize> {
    let mut methods = BTreeSet::new();
    for ((template, allowed), at) in routes {
        if is_like(template, path) {
            if allowed.is_empty() || allowed.contains(&method) {
                return Matched::Route(at);
            }
            methods.extend(*allowed);
        }
    }
    if methods.is_empty() {
        Matched::Nothing
    } else {
        Matched::OtherMethods(methods.into_iter().collect())
    }
}

#[test]
fn the_table_finds_what_a_plain_scan_finds() {
    let mut numbers = Numbers(7);
    let mut found = [0; 3];
    for _ in 0..500 {
        let count = numbers.below(40);
        let texts: Vec<String> = (0..count).map(|_| numbers.template()).collect();
        let routes: Vec<Route<'_>> =
            texts.iter().map(|text| (text.as_str(), numbers.pick(&METHODS))).collect();
        let table = table(&routes);
        let routes: Vec<_> = routes.into_iter().zip(0..).collect();
        for _ in 0..100 {
            let (path, method) = (numbers.path(), numbers.pick(&["GET", "PUT", "DELETE"]));
            let expected = scan(&routes, &path, method);
            assert_eq!(table.find(&path, method, None), expected, "{method} {path} in {routes:?}");
            found[match expected {
                Matched::Route(_) => 0,
                Matched::OtherMethods(_) => 1,
                Matched::Nothing => 2,
            }] += 1;
        }
    }
    assert!(found.iter().all(|count| *count > 1_000), "too one-sided: {found:?}");
}
