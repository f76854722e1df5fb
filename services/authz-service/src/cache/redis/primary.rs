//! Follows the primary: asks the sentinels again and again, and lets the cache use whoever they
//! name once that server has said itself that it is one.
//!
//! A primary that lives is kept, whatever sentinels say or do not, until another one is proven; one
//! that says that it is a replica is left. Nobody waits for any of this: while there is no primary
//! the cache is one that is not connected.

use std::sync::Arc;
use std::time::Duration;

use fred::types::config::Server;
use tokio::sync::broadcast;
use tokio::sync::watch;
use tokio::time::timeout;

use super::address::{InvalidRedisUrl, Watched};
use super::connection::{KeptClient, Redis};
use super::sentinels::Sentinels;
use crate::cache::Heard;

/// How often sentinels are asked while there is a primary; the longest pause while there is none.
const ASK: Duration = Duration::from_secs(1);
/// The first pause when there is none.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How long the one in use has to say that it still is one.
const ROLE_LIMIT: Duration = Duration::from_millis(500);
/// How long another one has to be connected to, and to prove it.
const PROOF_LIMIT: Duration = Duration::from_secs(2);

/// Whom the cache uses now.
pub(super) type Current = watch::Receiver<Option<Arc<Redis>>>;

/// Who looks for the primary.
pub(super) struct Follower {
    watched: Watched,
    sentinels: Sentinels,
    at: Option<Server>,
    current: watch::Sender<Option<Arc<Redis>>>,
    heard: broadcast::Sender<Heard>,
    /// The last server that was named and could not be used, and why.
    unusable: Option<(Server, String)>,
}

impl Follower {
    /// Starts connecting to the sentinels. What is heard from the primary goes to `heard`.
    pub(super) fn new(
        watched: Watched,
        heard: broadcast::Sender<Heard>,
    ) -> Result<(Self, Current), InvalidRedisUrl> {
        let sentinels = Sentinels::connect(&watched.name, &watched.sentinels)?;
        let (sender, current) = watch::channel(None);
        let (at, unusable) = (None, None);
        Ok((Self { watched, sentinels, at, current: sender, heard, unusable }, current))
    }

    /// Follows the primary; never ends by itself.
    pub(super) async fn follow(mut self) {
        let mut pause = ASK_AGAIN;
        loop {
            if self.look().await {
                pause = ASK_AGAIN;
                tokio::time::sleep(ASK).await;
            } else {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ASK);
            }
        }
    }

    /// Looks once. Says whether there is a primary.
    async fn look(&mut self) -> bool {
        let current = self.current.borrow().clone();
        let (named, is_primary) = tokio::join!(self.sentinels.named(), is_primary(current));
        if is_primary == Some(false) {
            self.leave();
        }
        for server in named {
            if self.at.as_ref() != Some(&server) {
                if self.goes_to(server).await {
                    return true;
                }
            } else if is_primary == Some(true) {
                return true;
            }
        }
        is_primary == Some(true)
    }

    fn leave(&mut self) {
        let server = self.at.take().map(|server| server.to_string());
        tracing::warn!(server, "redis is no primary any more; looking for another");
        self.current.send_replace(None);
    }

    async fn goes_to(&mut self, server: Server) -> bool {
        match self.proven(&server).await {
            Ok(redis) => {
                tracing::info!(%server, "redis: this is the primary");
                self.unusable = None;
                self.at = Some(server);
                self.current.send_replace(Some(Arc::new(redis)));
                // Its connections are new, and what was told elsewhere is not known here.
                let _ = self.heard.send(Heard::Resumed);
                true
            }
            Err(why) => {
                let unusable = Some((server.clone(), why.clone()));
                if self.unusable != unusable {
                    tracing::warn!(%server, why, "sentinels name a primary that cannot be used");
                    self.unusable = unusable;
                }
                false
            }
        }
    }

    /// `server`, which has said that it is a primary.
    async fn proven(&self, server: &Server) -> Result<Redis, String> {
        let config = self.watched.primary_at(server.clone());
        let client = KeptClient::connect(config.clone()).map_err(|error| error.to_string())?;
        let asked =
            async { if client.connected().await { client.is_primary().await } else { None } };
        match timeout(PROOF_LIMIT, asked).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return Err("it is a replica".to_owned()),
            _ => return Err(client.trouble().unwrap_or("no answer").to_owned()),
        }
        Redis::with(client, config, &self.heard).map_err(|error| error.to_string())
    }
}

/// What `redis` says of itself, if it says something.
async fn is_primary(redis: Option<Arc<Redis>>) -> Option<bool> {
    timeout(ROLE_LIMIT, redis?.is_primary()).await.ok()?
}
