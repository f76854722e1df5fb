//! `SharedCache` on Redis, one server or a cluster. It may be down when we start, die, freeze,
//! refuse us and come back: none of that stops the service, each costs one bounded call and then
//! nothing until the next probe.
//!
//! A command is given up after [`CALL_LIMIT`] but may still run when a frozen Redis wakes up: a
//! write can land late, as if it had been made then. Its time to live bounds what that can do.
//! What an error means is `fault`'s to say; where Redis is, `address`'s.

mod address;
mod fault;
mod scripts;
mod subscription;

use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface, LuaInterface, PubsubInterface};
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    ConnectionConfig, Options, ReconnectError, ReconnectPolicy, TcpConfig, UnresponsiveConfig,
};
use fred::types::{Builder, Value};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{
    BACKLOG, Breaker, CALL_LIMIT, COOL_DOWN, CacheError, Fetched, Heard, Invalidation,
    MAX_FETCHED_BYTES, Quota, SharedCache, Taken, Version,
};
use crate::keys::{CHANGED_TTL, CHANNEL, QuotaKey, RoleKey};
use crate::spans;
use fault::{Wants, meaning};

pub use address::{InvalidRedisUrl, RedisAddress, RedisPassword};

/// Pause before the first and between the last attempts to reach a Redis that went away.
const RECONNECT_MS: (u32, u32) = (100, 1_000);
/// Commands that wait for the connection; more are refused at once.
const MAX_QUEUED: usize = 256;
/// A connection that answers nothing for this long is replaced. The client counts from the last
/// command, so it must be shorter than [`COOL_DOWN`], after which there is another.
const UNRESPONSIVE: Duration = Duration::from_millis(600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// Time after which a host that vanished without a word is asked whether it is there, and how often.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// How long the client itself waits for an answer: shorter than we do, so that it knows that
/// nobody waits any more, and does not send again.
const CLIENT_LIMIT: Duration = CALL_LIMIT.saturating_sub(Duration::from_millis(5));

/// Roles, word of changes and counters in Redis, for every replica that uses it.
pub struct RedisCache {
    client: Client,
    commands: WithOptions<Client>,
    breaker: Breaker,
    subscriber: Client,
    channel: broadcast::Sender<Heard>,
    believed_for: Duration,
    /// What keeps the connections; ends with the cache.
    _background: JoinSet<()>,
}

impl RedisCache {
    /// Starts connecting to `address` in the background and returns at once. What is read is
    /// believed for `believed_for`. Needs a Tokio runtime.
    pub fn connect(address: RedisAddress, believed_for: Duration) -> Result<Self, InvalidRedisUrl> {
        let builder = builder(address);
        let build = || {
            let invalid = |error: Error| InvalidRedisUrl::Client(error.kind().to_str().to_owned());
            builder.build().map_err(invalid)
        };
        let (client, subscriber) = (build()?, build()?);
        let channel = broadcast::Sender::new(BACKLOG);
        let mut background = JoinSet::new();
        background.spawn(subscription::listen(subscriber.clone(), channel.clone()));
        background.spawn(subscription::tell_of_connections(&client, channel.clone()));
        background.spawn(keep_connected(subscriber.clone()));
        background.spawn(keep_connected(client.clone()));
        let commands = client.with_options(&Options {
            max_attempts: Some(1),
            max_redirections: Some(0),
            timeout: Some(CLIENT_LIMIT),
            ..Options::default()
        });
        let breaker = Breaker::new(COOL_DOWN);
        let _background = background;
        Ok(Self { client, commands, breaker, subscriber, channel, believed_for, _background })
    }

    /// Waits until the first connection stands, at most `limit`. Says whether it does.
    pub async fn connected_within(&self, limit: Duration) -> bool {
        let first = tokio::time::timeout(limit, self.client.wait_for_connect()).await;
        matches!(first, Ok(Ok(())))
    }

    async fn bounded<T>(
        &self,
        wants: Wants,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CacheError> {
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

    async fn answer<T>(
        &self,
        wants: Wants,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CacheError> {
        // A command sent while there is no connection would be queued and run long after its
        // caller is gone.
        if !self.client.is_connected() {
            return Err(CacheError::Failed("not connected".into()));
        }
        let answer = tokio::time::timeout(CALL_LIMIT, call).instrument(spans::redis()).await;
        let answer = answer.unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "")));
        answer.map_err(|error| meaning(&error, wants))
    }
}

fn builder(address: RedisAddress) -> Builder {
    let (first, longest) = RECONNECT_MS;
    let mut builder = Builder::from_config(address.into_config());
    builder
        .with_connection_config(connection)
        .set_policy(ReconnectPolicy::new_exponential(0, first, longest, 2));
    builder
}

fn connection(connection: &mut ConnectionConfig) {
    connection.connection_timeout = Duration::from_secs(1);
    connection.internal_command_timeout = Duration::from_secs(1);
    connection.max_command_attempts = 1;
    // The client loses count of a connection's answers when it follows ASK while others are under
    // way, and MOVED it takes in for the next command anyway. So the one command fails.
    connection.max_redirections = 0;
    connection.max_command_buffer_len = MAX_QUEUED;
    connection.unresponsive =
        UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: LOOK };
    // The password or the user can have changed, and a name can lead to another primary now.
    connection.reconnect_on_auth_error = true;
    connection.reconnect_errors = vec![ReconnectError::ReadOnly];
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE.0).with_interval(KEEPALIVE.1);
    connection.tcp = TcpConfig { keepalive: Some(keepalive), ..TcpConfig::default() };
}

/// The client reconnects by itself, but gives up for good on some answers (one that is no cluster
/// yet, for one); then it is started again.
async fn keep_connected(client: Client) {
    loop {
        let ended = client.connect().await;
        if matches!(ended, Ok(Ok(()))) {
            return;
        }
        tracing::warn!("redis connection ended; starting another");
        tokio::time::sleep(Duration::from_millis(RECONNECT_MS.1.into())).await;
    }
}

/// The clients' own tasks would outlive us.
impl Drop for RedisCache {
    fn drop(&mut self) {
        let (client, subscriber) = (self.client.clone(), self.subscriber.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { tokio::join!(client.quit(), subscriber.quit()) });
        }
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
        let call = self.commands.eval(scripts::FETCH, key.as_str(), last);
        let (answered, value, lives): (Vec<u8>, Vec<u8>, i64) =
            self.bounded(Wants::Answer, call).await?;
        if answered != key.as_str().as_bytes() {
            tracing::error!("redis answered for another key; connecting anew");
            self.breaker.failed(Instant::now());
            let client = self.client.clone();
            tokio::spawn(async move { client.force_reconnection().await });
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
        let call = self.commands.eval(scripts::PUT, keys, arguments.map(bytes).to_vec());
        Ok(self.bounded::<i64>(Wants::Write, call).await? == 1)
    }

    async fn forget(&self, key: &RoleKey, changed_at: Version) -> Result<(), CacheError> {
        let Some(changed) = key.changed() else {
            return self.bounded(Wants::Write, self.commands.del(key.as_str())).await;
        };
        let keys = vec![key.as_str(), changed.as_str()];
        let arguments = vec![changed_at.to_string(), millis(CHANGED_TTL).to_string()];
        self.bounded(Wants::Write, self.commands.eval(scripts::FORGET, keys, arguments)).await
    }

    async fn check(&self) -> Result<(), CacheError> {
        self.bounded(Wants::Answer, self.commands.ping(None)).await
    }

    async fn publish(&self, change: &Invalidation) -> Result<(), CacheError> {
        let call = self.commands.publish(CHANNEL, bytes(change.encode()));
        self.bounded(Wants::Write, call).await
    }

    fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.channel.subscribe()
    }

    async fn take(&self, key: &QuotaKey, quota: Quota, wanted: u64) -> Result<Taken, CacheError> {
        let limits = [wanted, quota.limit].map(|number| number.to_string());
        let arguments = limits.into_iter().chain([millis(quota.window).to_string()]);
        let arguments: Vec<String> = arguments.collect();
        let call = self.commands.eval(scripts::TAKE, key.as_str(), arguments);
        let (granted, remaining, ends): (u64, u64, u64) = self.bounded(Wants::Write, call).await?;
        Ok(Taken { granted, remaining, resets_in: Duration::from_millis(ends) })
    }

    fn believed_for(&self) -> Duration {
        self.believed_for
    }
}
