//! A cache for tests that are not about time: machines that run tests are busy, and a call that is
//! a little late is a failure to the service and nothing to the test.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use authz_service::cache::{
    CacheError, Fetched, Heard, Invalidation, Quota, SharedCache, Taken, Version,
};
use authz_service::keys::{QuotaKey, RoleKey};
use tokio::sync::broadcast;

use crate::caches::AnyCache;

/// `cache`, asked again while it says that it was too slow.
pub(crate) fn patient(cache: impl SharedCache + 'static) -> AnyCache {
    Arc::new(Patient(cache))
}

struct Patient<T>(T);

async fn again<T, F>(mut call: impl FnMut() -> F) -> Result<T, CacheError>
where
    F: Future<Output = Result<T, CacheError>>,
{
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match call().await {
            Err(CacheError::Failed(_) | CacheError::CoolingDown) if Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            answer => return answer,
        }
    }
}

#[async_trait]
impl<T: SharedCache> SharedCache for Patient<T> {
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Fetched>, CacheError> {
        again(|| self.0.fetch(key)).await
    }

    async fn put(
        &self,
        key: &RoleKey,
        value: Vec<u8>,
        read_at: Version,
        lives: Duration,
    ) -> Result<bool, CacheError> {
        again(|| self.0.put(key, value.clone(), read_at, lives)).await
    }

    async fn forget(&self, key: &RoleKey, changed_at: Version) -> Result<(), CacheError> {
        again(|| self.0.forget(key, changed_at)).await
    }

    async fn check(&self) -> Result<(), CacheError> {
        again(|| self.0.check()).await
    }

    async fn publish(&self, change: &Invalidation) -> Result<(), CacheError> {
        again(|| self.0.publish(change)).await
    }

    fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.0.subscribe()
    }

    async fn take(&self, key: &QuotaKey, quota: Quota, wanted: u64) -> Result<Taken, CacheError> {
        again(|| self.0.take(key, quota, wanted)).await
    }

    fn believed_for(&self) -> Duration {
        self.0.believed_for()
    }
}
