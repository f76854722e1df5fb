//! The routes of a policy in the order written, and the look-up among them.

use super::tree::Tree;
use super::{HostPattern, Template};

/// All routes of a policy, indexed so that a request looks at few of them.
#[derive(Debug)]
pub struct RouteTable<R> {
    routes: Vec<Entry<R>>,
    /// Whether one of them is for some hosts only.
    reads_host: bool,
    /// The routes' templates, by their places among the routes.
    tree: Tree,
}

/// A route with what it is for, beside its path.
#[derive(Debug)]
pub struct Entry<R> {
    /// Methods; none means all.
    pub methods: Vec<Box<str>>,
    /// Hosts; none means all.
    pub hosts: Vec<HostPattern>,
    /// The route.
    pub route: R,
}

/// What a look-up found.
#[derive(Debug, PartialEq, Eq)]
pub enum Matched<'r, R> {
    /// The first route for this path and method.
    Route(&'r R),
    /// Routes for this host and path, none for this method; these are the methods there are.
    OtherMethods(Vec<&'r str>),
    /// No route for this host and path.
    Nothing,
}

impl<R> RouteTable<R> {
    /// Indexes routes given in the order in which they are tried.
    pub(in crate::policy) fn new(routes: impl IntoIterator<Item = (Template, Entry<R>)>) -> Self {
        let mut tree = Tree::new();
        let place = |(at, (template, entry)): (usize, (Template, Entry<R>))| {
            tree.add(&template, at);
            entry
        };
        let routes: Vec<_> = routes.into_iter().enumerate().map(place).collect();
        let reads_host = routes.iter().any(|entry| !entry.hosts.is_empty());
        Self { routes, reads_host, tree }
    }

    /// Whether a look-up needs to know the host.
    pub const fn reads_host(&self) -> bool {
        self.reads_host
    }

    /// The routes in order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.routes.iter().map(|entry| &entry.route)
    }

    /// The route for a canonical path, a method and a host in its plain form, if there is one.
    pub fn find(&self, path: &str, method: &str, host: Option<&str>) -> Matched<'_, R> {
        let mut first: Option<(usize, &R)> = None;
        let mut others = Vec::new();
        self.tree.visit(path, |at| {
            let Some(entry) = self.routes.get(at).filter(|entry| entry.is_for(host)) else {
                return;
            };
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
    /// A request without a host is for no host in particular.
    fn is_for(&self, host: Option<&str>) -> bool {
        self.hosts.is_empty()
            || host.is_some_and(|host| self.hosts.iter().any(|one| one.takes(host)))
    }

    fn takes(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|one| **one == *method)
    }
}
