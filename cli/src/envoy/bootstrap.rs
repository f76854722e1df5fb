//! What of a bootstrap the checks look at: connection managers, clusters, and whatever uses a Wasm VM.

use crate::document::Cursor;

/// A bootstrap, taken apart.
#[derive(Debug)]
pub(super) struct Bootstrap<'d> {
    pub(super) root: Cursor<'d>,
    /// Every HTTP connection manager, wherever it stands.
    pub(super) managers: Vec<Manager<'d>>,
    /// Clusters written in the file.
    pub(super) clusters: Vec<Cursor<'d>>,
    /// Whether further clusters come from a management server.
    pub(super) clusters_elsewhere: bool,
    /// Every Wasm plugin: filters, loggers, services.
    pub(super) plugins: Vec<Cursor<'d>>,
}

/// An HTTP connection manager.
#[derive(Debug)]
pub(super) struct Manager<'d> {
    pub(super) at: Cursor<'d>,
    /// Its virtual hosts, if they are in the file.
    pub(super) hosts: Vec<Cursor<'d>>,
}

impl<'d> Bootstrap<'d> {
    pub(super) fn read(root: Cursor<'d>) -> Self {
        let managers = root.find_all(&|at| type_of(at).is_some_and(is_manager));
        let clusters = root.path("static_resources.clusters");
        Self {
            managers: managers.into_iter().map(Manager::new).collect(),
            clusters: clusters.map_or_else(Vec::new, |list| list.items().collect()),
            clusters_elsewhere: root.path("dynamic_resources.cds_config").is_some()
                || root.path("dynamic_resources.ads_config").is_some(),
            plugins: root.find_all(&|at| at.field("vm_config").is_some()),
            root,
        }
    }

    /// The cluster of this name.
    pub(super) fn cluster(&self, name: &str) -> Option<&Cursor<'d>> {
        self.clusters.iter().find(|cluster| cluster.text_of("name") == Some(name))
    }
}

impl<'d> Manager<'d> {
    fn new(at: Cursor<'d>) -> Self {
        let at = value_of(at);
        let hosts = at.path("route_config.virtual_hosts");
        Self { hosts: hosts.map_or_else(Vec::new, |hosts| hosts.items().collect()), at }
    }
}

fn is_manager(name: &str) -> bool {
    name.ends_with("http_connection_manager.v3.HttpConnectionManager")
}

/// The message type of an `Any`, also of one that is written as a `TypedStruct`.
pub(super) fn type_of<'d>(any: &Cursor<'d>) -> Option<&'d str> {
    let name = any.text_of("@type")?;
    if name.ends_with(".TypedStruct") { any.text_of("type_url") } else { Some(name) }
}

/// The message in an `Any`.
pub(super) fn value_of(any: Cursor<'_>) -> Cursor<'_> {
    let wrapped = any.text_of("@type").is_some_and(|name| name.ends_with(".TypedStruct"));
    any.field("value").filter(|_| wrapped).unwrap_or(any)
}
