//! `SharedCache` on Redis. It may be down when we start, die, freeze and come back: none of that
//! stops the service, each costs one bounded call and then nothing until the next probe.
//!
//! A command is given up after [`CALL_LIMIT`] but may still run when a frozen Redis wakes up: a
//! write can land late, as if it had been made then. Its time to live bounds what that can do.
//! The URL may hold a password and is never logged.

use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Expiration;
use fred::types::config::{Config, Options, ReconnectPolicy, UnresponsiveConfig};

use super::{Breaker, CALL_LIMIT, COOL_DOWN, CacheError, MAX_FETCHED_BYTES, SharedCache};
use crate::keys::RoleKey;

/// Pause before the first and between the last attempts to reach a Redis that went away.
const RECONNECT_MS: (u32, u32) = (100, 1_000);
/// Commands that wait for the connection; more are refused at once.
const MAX_QUEUED: usize = 256;
/// A connection that answers nothing for this long is replaced.
const UNRESPONSIVE: Duration = Duration::from_secs(5);

/// A Redis URL that cannot be used. Says nothing of the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedisUrl {
    /// Not `redis://[user:password@]host[:port][/db]`.
    #[error("--redis: must be a URL of the form redis://[user:password@]host[:port][/database]")]
    Url,
    /// `rediss://`.
    #[error("--redis: TLS (rediss://) is not supported in this version")]
    Tls,
    /// The client cannot be made.
    #[error("--redis: {0}")]
    Client(String),
}

/// Roles remembered in Redis, for every replica that uses it.
pub struct RedisCache {
    client: Client,
    commands: WithOptions<Client>,
    breaker: Breaker,
}

impl RedisCache {
    /// Starts connecting to `url` in the background and returns at once. Needs a Tokio runtime.
    pub fn connect(url: &str) -> Result<Self, InvalidRedisUrl> {
        if url.starts_with("rediss:") {
            return Err(InvalidRedisUrl::Tls);
        }
        if !url.starts_with("redis://") {
            return Err(InvalidRedisUrl::Url);
        }
        let mut config = Config::from_url_centralized(url).map_err(|_| InvalidRedisUrl::Url)?;
        config.fail_fast = false;
        let client = client(config).map_err(|error| InvalidRedisUrl::Client(kind(&error)))?;
        tokio::spawn(keep_connected(client.clone()));
        let commands = client.with_options(&Options {
            max_attempts: Some(1),
            timeout: Some(CALL_LIMIT),
            ..Options::default()
        });
        Ok(Self { client, commands, breaker: Breaker::new(COOL_DOWN) })
    }

    /// Waits until the first connection stands, at most `limit`. Says whether it does.
    pub async fn connected_within(&self, limit: Duration) -> bool {
        let first = tokio::time::timeout(limit, self.client.wait_for_connect()).await;
        matches!(first, Ok(Ok(())))
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CacheError> {
        if !self.breaker.admits(Instant::now()) {
            return Err(CacheError::CoolingDown);
        }
        let outcome = self.answer(call).await;
        match &outcome {
            Ok(_) | Err(CacheError::Foreign) => {
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
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CacheError> {
        // A command sent while there is no connection would be queued and run long after its
        // caller is gone.
        if !self.client.is_connected() {
            return Err(CacheError::Failed("not connected".into()));
        }
        match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if is_wrong_type(&error) => Err(CacheError::Foreign),
            Ok(Err(error)) => Err(CacheError::Failed(kind(&error))),
            Err(_) => Err(CacheError::Failed(kind(&Error::new(ErrorKind::Timeout, "")))),
        }
    }
}

fn client(config: Config) -> Result<Client, Error> {
    let (first, longest) = RECONNECT_MS;
    fred::types::Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(1);
            connection.internal_command_timeout = Duration::from_secs(1);
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = MAX_QUEUED;
            connection.unresponsive =
                UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: UNRESPONSIVE / 5 };
        })
        .set_policy(ReconnectPolicy::new_exponential(0, first, longest, 2))
        .build()
}

/// The client reconnects by itself, but gives up for good on some answers (a password refused
/// while Redis is still loading its users, for one); then it is started again.
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

/// WRONGTYPE from Redis, or an answer that is not of the form we asked for.
fn is_wrong_type(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Parse)
}

/// The kind of an error only: its details can repeat keys and values.
fn kind(error: &Error) -> String {
    error.kind().to_str().to_owned()
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Vec<u8>>, CacheError> {
        // Not GET: a foreign value can have 512 MB. An empty answer is a missing key.
        let call = self.commands.getrange(key.as_str(), 0, MAX_FETCHED_BYTES - 1);
        let value: Vec<u8> = self.bounded(call).await?;
        Ok((!value.is_empty()).then_some(value))
    }

    async fn put(&self, key: &RoleKey, value: Vec<u8>) -> Result<(), CacheError> {
        let seconds = i64::try_from(RoleKey::TTL.as_secs()).unwrap_or(i64::MAX);
        let lives = Some(Expiration::EX(seconds));
        self.bounded(self.commands.set(key.as_str(), value.as_slice(), lives, None, false)).await
    }

    async fn forget(&self, key: &RoleKey) -> Result<(), CacheError> {
        self.bounded(self.commands.del(key.as_str())).await
    }

    async fn check(&self) -> Result<(), CacheError> {
        self.bounded(self.commands.ping(None)).await
    }
}
