//! `SharedCache` on Redis: one server, a cluster, or whoever sentinels say is the primary. It may be
//! down when we start, die, freeze, refuse us and come back: none of that stops the service, each
//! costs one bounded call and then nothing until the next probe.
//!
//! A command is given up after [`CALL_LIMIT`] but may still run when a frozen Redis wakes up: a
//! write can land late, as if it had been made then. Its time to live bounds what that can do.
//! What an error means is `fault`'s to say; where Redis is, `address`'s; who the primary is,
//! `primary`'s.

mod address;
mod connection;
mod credentials;
mod fault;
mod primary;
mod scripts;
mod sentinels;
mod subscription;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface, LuaInterface, PubsubInterface};
use fred::types::Value;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{
    BACKLOG, Breaker, CALL_LIMIT, COOL_DOWN, CacheError, Fetched, Heard, Invalidation,
    MAX_FETCHED_BYTES, Quota, SharedCache, Taken, Version,
};
use crate::keys::{CHANGED_TTL, CHANNEL, QuotaKey, RoleKey};
use crate::spans;
use address::Place;
use connection::Redis;
use fault::{Wants, meaning};
use primary::{Current, Follower};

pub use address::{InvalidRedisUrl, RedisAddress};
pub use credentials::RedisPassword;

/// Roles, word of changes and counters in Redis, for every replica that uses it.
pub struct RedisCache {
    current: Current,
    breaker: Breaker,
    channel: broadcast::Sender<Heard>,
    believed_for: Duration,
    /// Who looks for the primary; ends with the cache.
    _background: JoinSet<()>,
}

impl RedisCache {
    /// Starts connecting to `address` in the background and returns at once. What is read is
    /// believed for `believed_for`. Needs a Tokio runtime.
    pub fn connect(address: RedisAddress, believed_for: Duration) -> Result<Self, InvalidRedisUrl> {
        let (channel, mut background) = (broadcast::Sender::new(BACKLOG), JoinSet::new());
        let current = match address.into_place() {
            Place::Fixed(config) => {
                let redis = Redis::connect(config, &channel)?;
                watch::channel(Some(Arc::new(redis))).1
            }
            Place::Watched(watched) => {
                let (follower, current) = Follower::new(watched, channel.clone())?;
                background.spawn(follower.follow());
                current
            }
        };
        let (breaker, _background) = (Breaker::new(COOL_DOWN), background);
        Ok(Self { current, breaker, channel, believed_for, _background })
    }

    /// Waits until the first connection stands, at most `limit`. Says whether it does.
    pub async fn connected_within(&self, limit: Duration) -> bool {
        let mut current = self.current.clone();
        let first = async {
            let known = current.wait_for(Option::is_some).await.ok()?.clone();
            Some(known?.connected().await)
        };
        tokio::time::timeout(limit, first).await == Ok(Some(true))
    }

    /// Whom to ask now.
    fn redis(&self) -> Option<Arc<Redis>> {
        self.current.borrow().clone()
    }

    async fn bounded<T, F>(
        &self,
        wants: Wants,
        call: impl FnOnce(Arc<Redis>) -> F,
    ) -> Result<T, CacheError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if !self.breaker.admits(Instant::now()) {
            return Err(CacheError::CoolingDown);
        }
        let outcome = self.answer(wants, call).await;
        match &outcome {
            Ok(_) | Err(CacheError::Foreign | CacheError::Refused(_)) => {
                if self.breaker.succeeded() {
                    tracing::info!("redis answers again");
                }
            }
            Err(error) => {
                if self.breaker.failed(Instant::now()) {
                    tracing::warn!(%error, "redis is left alone until it answers again");
                }
            }
        }
        outcome
    }

    async fn answer<T, F>(
        &self,
        wants: Wants,
        call: impl FnOnce(Arc<Redis>) -> F,
    ) -> Result<T, CacheError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        // A command sent while there is no connection would be queued and run long after its
        // caller is gone.
        let Some(redis) = self.redis().filter(|redis| redis.is_connected()) else {
            return Err(CacheError::Failed("not connected".into()));
        };
        let answer = tokio::time::timeout(CALL_LIMIT, call(redis)).instrument(spans::redis()).await;
        let answer = answer.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "")));
        answer.map_err(|error| meaning(&error, wants))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).max(1)
}

fn bytes(value: Vec<u8>) -> Value {
    Value::Bytes(value.into())
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Fetched>, CacheError> {
        let last = (MAX_FETCHED_BYTES - 1).to_string();
        let call =
            async |redis: Arc<Redis>| redis.commands.eval(scripts::FETCH, key.as_str(), last).await;
        let (answered, value, lives): (Vec<u8>, Vec<u8>, i64) =
            self.bounded(Wants::Answer, call).await?;
        if answered != key.as_str().as_bytes() {
            tracing::error!("redis answered for another key; connecting anew");
            self.breaker.failed(Instant::now());
            if let Some(redis) = self.redis() {
                redis.connect_anew();
            }
            return Err(CacheError::Failed("an answer to another question".into()));
        }
        // -1: no end. -2: gone since.
        let lives = (lives != -1).then(|| Duration::from_millis(lives.try_into().unwrap_or(0)));
        Ok((!value.is_empty()).then_some(Fetched { value, lives }))
    }

    async fn put(
        &self,
        key: &RoleKey,
        value: Vec<u8>,
        read_at: Version,
        lives: Duration,
    ) -> Result<bool, CacheError> {
        // Without a mark nobody could tell an old value from a new one.
        let Some(changed) = key.changed() else { return Ok(false) };
        let lives = millis(lives.min(RoleKey::TTL)).to_string();
        let arguments = [value, read_at.to_string().into(), lives.into()];
        let keys = vec![key.as_str(), changed.as_str()];
        let arguments = arguments.map(bytes).to_vec();
        let call =
            async |redis: Arc<Redis>| redis.commands.eval(scripts::PUT, keys, arguments).await;
        let put: i64 = self.bounded(Wants::Write, call).await?;
        Ok(put == 1)
    }

    async fn forget(&self, key: &RoleKey, changed_at: Version) -> Result<(), CacheError> {
        let Some(changed) = key.changed() else {
            let call = async |redis: Arc<Redis>| redis.commands.del(key.as_str()).await;
            return self.bounded(Wants::Write, call).await;
        };
        let keys = vec![key.as_str(), changed.as_str()];
        let arguments = vec![changed_at.to_string(), millis(CHANGED_TTL).to_string()];
        let call =
            async |redis: Arc<Redis>| redis.commands.eval(scripts::FORGET, keys, arguments).await;
        self.bounded(Wants::Write, call).await
    }

    async fn check(&self) -> Result<(), CacheError> {
        self.bounded(Wants::Answer, async |redis: Arc<Redis>| redis.commands.ping(None).await).await
    }

    async fn publish(&self, change: &Invalidation) -> Result<(), CacheError> {
        let message = bytes(change.encode());
        let call = async |redis: Arc<Redis>| redis.commands.publish(CHANNEL, message).await;
        self.bounded(Wants::Write, call).await
    }

    fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.channel.subscribe()
    }

    async fn take(&self, key: &QuotaKey, quota: Quota, wanted: u64) -> Result<Taken, CacheError> {
        let limits = [wanted, quota.limit].map(|number| number.to_string());
        let arguments = limits.into_iter().chain([millis(quota.window).to_string()]);
        let arguments: Vec<String> = arguments.collect();
        let call = async |redis: Arc<Redis>| {
            redis.commands.eval(scripts::TAKE, key.as_str(), arguments).await
        };
        let (granted, remaining, ends): (u64, u64, u64) = self.bounded(Wants::Write, call).await?;
        Ok(Taken { granted, remaining, resets_in: Duration::from_millis(ends) })
    }

    fn believed_for(&self) -> Duration {
        self.believed_for
    }
}
