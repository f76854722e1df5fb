//! The role hierarchy as it is now: a copy of the store's, read again when the store has moved.
//!
//! Whether it has is asked at most every [`CHECKED_EVERY`]. While the store gives no answer the
//! copy serves for [`KEPT`], as long as a cached role does; then there is no answer either.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::entities::Hierarchy;
use crate::store::{EntityStore, StoreError, Version};

/// How old the copy may be without asking.
const CHECKED_EVERY: Duration = Duration::from_millis(500);
/// How old it may be while asking fails.
const KEPT: Duration = Duration::from_secs(300);

#[derive(Clone)]
struct Copy {
    hierarchy: Arc<Hierarchy>,
    version: Version,
    checked: Instant,
}

/// A store's role hierarchy.
pub struct CurrentHierarchy {
    store: Arc<dyn EntityStore>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    copy: Option<Copy>,
    /// How often it was forgotten: what was read before that is not kept after it.
    forgotten: u64,
}

impl CurrentHierarchy {
    /// The hierarchy that `store` holds.
    pub fn new(store: Arc<dyn EntityStore>) -> Self {
        Self { store, kept: RwLock::default() }
    }

    /// The hierarchy now.
    pub async fn find(&self) -> Result<Arc<Hierarchy>, StoreError> {
        let (copy, forgotten) = {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            (kept.copy.clone(), kept.forgotten)
        };
        if let Some(copy) = &copy
            && copy.checked.elapsed() < CHECKED_EVERY
        {
            return Ok(Arc::clone(&copy.hierarchy));
        }
        match (self.read(copy.as_ref()).await, copy) {
            (Ok(read), _) => {
                let hierarchy = Arc::clone(&read.hierarchy);
                let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
                if kept.forgotten == forgotten {
                    kept.copy = Some(read);
                }
                Ok(hierarchy)
            }
            (Err(error), Some(copy)) if error.transient && copy.checked.elapsed() < KEPT => {
                Ok(copy.hierarchy)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Reads it anew next time: it may have changed, whatever was seen of it.
    pub fn forget(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.copy = None;
        kept.forgotten += 1;
    }

    async fn read(&self, copy: Option<&Copy>) -> Result<Copy, StoreError> {
        let checked = Instant::now();
        // Asked first: a change in between only means that it is read once more.
        let version = self.store.version().await?;
        if let Some(copy) = copy.filter(|copy| copy.version == version) {
            return Ok(Copy { checked, ..copy.clone() });
        }
        let roles = self.store.roles().await?.into_iter().map(|stored| stored.value);
        let hierarchy = Hierarchy::new(roles)
            .map_err(|cycle| StoreError { source: cycle.into(), transient: false })?;
        Ok(Copy { hierarchy: Arc::new(hierarchy), version, checked })
    }
}
