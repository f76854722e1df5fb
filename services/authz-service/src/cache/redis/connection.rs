//! Connections to Redis that are made in the background, anew whenever they end, until their
//! owner is dropped. Nothing here waits for one or says what an error means.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface};
use fred::socket2::TcpKeepalive;
use fred::types::config::{
    Config, ConnectionConfig, Options, ReconnectError, ReconnectPolicy, Server, TcpConfig,
    UnresponsiveConfig,
};
use fred::types::{Builder, ConnectHandle, InfoKind};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::task::JoinSet;

use super::address::InvalidRedisUrl;
use super::subscription;
use crate::cache::{CALL_LIMIT, Heard};

/// Pause before the first and between the last attempts to reach a Redis that went away.
const RECONNECT_MS: (u32, u32) = (100, 1_000);
/// Commands that wait for the connection; more are refused at once.
const MAX_QUEUED: usize = 256;
/// A connection that answers nothing for this long is replaced. The client counts from the last
/// command, so it must be shorter than the pause after a failure, after which there is another.
const UNRESPONSIVE: Duration = Duration::from_millis(600);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// Time after which a host that vanished without a word is asked whether it is there, and how often.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// How long the client itself waits for an answer: shorter than we do, so that it knows that
/// nobody waits any more, and does not send again.
const CLIENT_LIMIT: Duration = CALL_LIMIT.saturating_sub(Duration::from_millis(5));

/// One server or one cluster: a connection for commands, another that hears of changes.
pub(super) struct Redis {
    /// Sends what callers want: each command once, and for a bounded time.
    pub(super) commands: WithOptions<Client>,
    client: KeptClient,
    _subscriber: KeptClient,
}

impl Redis {
    /// Starts connecting to what `config` names. What is heard there goes to `heard`.
    pub(super) fn connect(config: Config, heard: &Sender<Heard>) -> Result<Self, InvalidRedisUrl> {
        let mut redis = Self::with(KeptClient::new(config.clone())?, config, heard)?;
        redis.client.start();
        Ok(redis)
    }

    /// The same with a `client` for commands, which may be connected.
    pub(super) fn with(
        mut client: KeptClient,
        config: Config,
        heard: &Sender<Heard>,
    ) -> Result<Self, InvalidRedisUrl> {
        let mut subscriber = KeptClient::new(config)?;
        // Before anybody connects, or the first connections would be missed.
        client.tasks.spawn(subscription::tell_of_connections(&client.client, heard.clone()));
        subscriber.tasks.spawn(subscription::listen(subscriber.client.clone(), heard.clone()));
        subscriber.start();
        let commands = client.client.with_options(&Options {
            max_attempts: Some(1),
            max_redirections: Some(0),
            timeout: Some(CLIENT_LIMIT),
            ..Options::default()
        });
        Ok(Self { commands, client, _subscriber: subscriber })
    }

    /// Whether a command would be sent at once.
    pub(super) fn is_connected(&self) -> bool {
        self.client.client.is_connected()
    }

    /// Waits for the connection for commands. Says whether it stands.
    pub(super) async fn connected(&self) -> bool {
        self.client.connected().await
    }

    /// Whether the server says that it is a primary; `None` when it says nothing of that.
    pub(super) async fn is_primary(&self) -> Option<bool> {
        self.client.is_primary().await
    }

    /// Replaces the connection for commands, in the background.
    pub(super) fn connect_anew(&self) {
        let client = self.client.client.clone();
        tokio::spawn(async move { client.force_reconnection().await });
    }
}

/// A client whose connection is replaced whenever it ends. Dropped, it closes it.
pub(super) struct KeptClient {
    client: Client,
    trouble: Arc<Mutex<Option<&'static str>>>,
    tasks: JoinSet<()>,
}

impl KeptClient {
    /// Starts connecting to what `config` names.
    pub(super) fn connect(config: Config) -> Result<Self, InvalidRedisUrl> {
        let mut client = Self::new(config)?;
        client.start();
        Ok(client)
    }

    /// A client of what `config` names, which does not connect yet.
    fn new(config: Config) -> Result<Self, InvalidRedisUrl> {
        let invalid = |error: Error| InvalidRedisUrl::Client(error.kind().to_str().to_owned());
        let client = builder(config).build().map_err(invalid)?;
        let (trouble, mut tasks) = (Arc::default(), JoinSet::new());
        tasks.spawn(remember(client.error_rx(), Arc::clone(&trouble)));
        Ok(Self { client, trouble, tasks })
    }

    fn start(&mut self) {
        self.tasks.spawn(keep_connected(self.client.clone()));
    }

    /// The client itself.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The kind of the last failure, which need not be of now.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the connection. Says whether it stands.
    pub(super) async fn connected(&self) -> bool {
        self.client.wait_for_connect().await.is_ok()
    }

    /// Whether the server says that it is a primary; `None` when it says nothing of that.
    pub(super) async fn is_primary(&self) -> Option<bool> {
        if !self.client.is_connected() {
            return None;
        }
        let said: String = self.client.info(Some(InfoKind::Replication)).await.ok()?;
        said.lines().find_map(|line| line.strip_prefix("role:")).map(|role| role == "master")
    }
}

async fn remember(
    mut errors: Receiver<(Error, Option<Server>)>,
    last: Arc<Mutex<Option<&'static str>>>,
) {
    loop {
        match errors.recv().await {
            Ok((error, _)) => {
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.kind().to_str());
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn builder(config: Config) -> Builder {
    let (first, longest) = RECONNECT_MS;
    let mut builder = Builder::from_config(config);
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
        let mut connection = Connection(client.connect());
        if matches!((&mut connection.0).await, Ok(Ok(()))) {
            return;
        }
        tracing::warn!("redis connection ended; starting another");
        tokio::time::sleep(Duration::from_millis(RECONNECT_MS.1.into())).await;
    }
}

/// The client's task, which ends with us. Asked to quit while it is connecting, it does not hear it
/// and goes on trying for as long as nobody is there.
struct Connection(ConnectHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}
