//! What is stored of resources: looked up once, then near, under the same rules as subjects.

use std::sync::Arc;
use std::time::Duration;

use claimgate_authz_api::Properties;

use super::flight::Flights;
use super::near::{Key, Near};
use crate::store::{EntityStore, StoreError};

/// Most resources that are near.
const MAX_NEAR: usize = 50_000;

/// By what a resource is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) kind: String,
    pub(super) id: String,
}

impl Key for Name {
    fn bytes(&self) -> usize {
        self.kind.len() + self.id.len()
    }
}

/// The resources of a store.
pub(super) struct Resources {
    store: Arc<dyn EntityStore>,
    near: Arc<Near<Name, Properties>>,
    flights: Arc<Flights<Name, Properties>>,
}

impl Resources {
    pub(super) fn new(store: Arc<dyn EntityStore>) -> Self {
        Self { store, near: Arc::new(Near::new(MAX_NEAR)), flights: Arc::default() }
    }

    /// What is near; none when it has to be looked up.
    pub(super) fn hit(&self, name: &Name) -> Option<Arc<Properties>> {
        self.near.hit(name)
    }

    /// Looks it up: a resource that is stored may be believed for `stored`, that one is not for
    /// `unknown`. It then has no attributes.
    pub(super) async fn look_up(
        &self,
        name: Name,
        stored: Duration,
        unknown: Duration,
    ) -> Result<Arc<Properties>, StoreError> {
        // Before the look-up: what changes from here on is not in what it finds.
        let stamp = self.near.stamp(&name);
        let (store, near, asked) = (Arc::clone(&self.store), Arc::clone(&self.near), name.clone());
        let look_up = async move {
            let found = store.resource(&asked.kind, &asked.id).await?;
            let lives = if found.is_some() { stored } else { unknown };
            let properties = Arc::new(found.unwrap_or_default());
            near.keep(asked, Arc::clone(&properties), stamp, lives);
            Ok(properties)
        };
        self.flights.join(&name, stamp, look_up).await
    }

    pub(super) fn forget(&self, name: &Name) {
        self.near.forget(name);
    }

    pub(super) fn clear(&self) {
        self.near.clear();
    }
}
