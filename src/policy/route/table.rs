//! The routes of a policy in the order written, and the look-up among them.

use super::Template;
use super::tree::Tree;

/// All routes of a policy, indexed so that a request looks at few of them.
#[derive(Debug)]
pub struct RouteTable<R> {
    routes: Vec<Entry<R>>,
    /// The routes' templates, by their places among the routes.
    tree: Tree,
}

#[derive(Debug)]
struct Entry<R> {
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
        let mut tree = Tree::new();
        let place = |(at, (template, methods, route))| {
            tree.add(&template, at);
            Entry { methods, route }
        };
        let routes = routes.into_iter().enumerate().map(place).collect();
        Self { routes, tree }
    }

    /// The routes in order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.routes.iter().map(|entry| &entry.route)
    }

    /// The route for a canonical path and a method.
    pub fn find(&self, path: &str, method: &str) -> Matched<'_, R> {
        let mut first: Option<(usize, &R)> = None;
        let mut others = Vec::new();
        self.tree.visit(path, |at| {
            let Some(entry) = self.routes.get(at) else { return };
            if !entry.takes(method) {
                others.extend(entry.methods.iter().map(AsRef::as_ref));
            } else if first.is_none_or(|(found, _)| at < found) {
                first = Some((at, &entry.route));
            }
        });
        match first {
            Some((_, route)) => Matched::Route(route),
            None if others.is_empty() => Matched::Nothing,
            None => {
                others.sort_unstable();
                others.dedup();
                Matched::OtherMethods(others)
            }
        }
    }
}

impl<R> Entry<R> {
    fn takes(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|one| **one == *method)
    }
}
