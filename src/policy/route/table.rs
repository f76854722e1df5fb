//! The routes of a policy in the order written, and the look-up among them.

use std::collections::HashMap;

use super::Template;

/// All routes of a policy, indexed so that a request looks at few of them.
#[derive(Debug)]
pub struct RouteTable<R> {
    routes: Vec<Entry<R>>,
    /// Templates without variables, by the whole path.
    literal: HashMap<Box<str>, Vec<usize>>,
    /// Other templates, by their first segment when that is literal.
    by_first: HashMap<Box<str>, Vec<usize>>,
    /// The rest.
    other: Vec<usize>,
}

#[derive(Debug)]
struct Entry<R> {
    template: Template,
    /// Empty means all.
    methods: Vec<Box<str>>,
    route: R,
}

/// What a look-up found.
#[derive(Debug, PartialEq, Eq)]
pub enum Matched<'r, R> {
    /// The first route for this path and method.
    Route(&'r R),
    /// Routes for this path, none for this method; these are the methods there are.
    OtherMethods(Vec<&'r str>),
    /// No route for this path.
    Nothing,
}

impl<R> RouteTable<R> {
    /// Indexes routes given in the order in which they are tried.
    pub(in crate::policy) fn new(
        routes: impl IntoIterator<Item = (Template, Vec<Box<str>>, R)>,
    ) -> Self {
        let routes = routes.into_iter();
        let routes = routes.map(|(template, methods, route)| Entry { template, methods, route });
        let mut table = Self {
            routes: routes.collect(),
            literal: HashMap::new(),
            by_first: HashMap::new(),
            other: Vec::new(),
        };
        for (at, Entry { template, .. }) in table.routes.iter().enumerate() {
            match template.first_literal() {
                _ if template.is_literal() => {
                    table.literal.entry(template.as_str().into()).or_default().push(at);
                }
                Some(first) => table.by_first.entry(first.into()).or_default().push(at),
                None => table.other.push(at),
            }
        }
        table
    }

    /// The routes in order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.routes.iter().map(|entry| &entry.route)
    }

    /// The route for a canonical path and a method.
    pub fn find(&self, path: &str, method: &str) -> Matched<'_, R> {
        let mut allowed = Vec::new();
        let mut best: Option<(usize, &R)> = None;
        for &at in self.candidates(path) {
            let Some(entry) = self.routes.get(at) else { continue };
            let later = best.is_some_and(|(found, _)| found < at);
            if later || !entry.template.matches(path) {
                continue;
            }
            if entry.methods.is_empty() || entry.methods.iter().any(|m| **m == *method) {
                best = Some((at, &entry.route));
            } else {
                allowed.extend(entry.methods.iter().map(AsRef::as_ref));
            }
        }
        match best {
            Some((_, route)) => Matched::Route(route),
            None if allowed.is_empty() => Matched::Nothing,
            None => {
                allowed.sort_unstable();
                allowed.dedup();
                Matched::OtherMethods(allowed)
            }
        }
    }

    fn candidates(&self, path: &str) -> impl Iterator<Item = &usize> {
        let first = path.strip_prefix('/').unwrap_or(path);
        let first = first.split_once('/').map_or(first, |(first, _)| first);
        let literal = self.literal.get(path).into_iter().flatten();
        let by_first = self.by_first.get(first).into_iter().flatten();
        literal.chain(by_first).chain(&self.other)
    }
}
