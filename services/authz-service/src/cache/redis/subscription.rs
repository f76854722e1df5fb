//! Hears of changes over Redis pub/sub, on a connection of its own.
//!
//! Redis keeps nothing for who is away, and does not say what was missed. So each new connection
//! is told as [`Heard::Resumed`], also one for commands: what a cluster wrote last before a
//! fail-over can be lost, and somebody may want to write it again.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{EventInterface, PubsubInterface};
use fred::types::Message;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

use crate::cache::{Heard, Invalidation};
use crate::keys::CHANNEL;

/// Pause before subscribing again after Redis refused it.
const AGAIN: Duration = Duration::from_secs(1);

/// Passes on what is heard from now on, until `client` is gone.
pub(super) fn listen(client: Client, heard: Sender<Heard>) -> impl Future<Output = ()> + Send {
    // Before the first connection, which would be missed otherwise.
    let (messages, connections) = (client.message_rx(), client.reconnect_rx());
    let subscribed = keep_subscribed(client, connections, heard.clone());
    async move {
        tokio::join!(pass_on(messages, heard), subscribed);
    }
}

/// Tells of each connection of `client` from now on.
pub(super) fn tell_of_connections(
    client: &Client,
    heard: Sender<Heard>,
) -> impl Future<Output = ()> + Send + use<> {
    let mut connections = client.reconnect_rx();
    async move {
        while !matches!(connections.recv().await, Err(RecvError::Closed)) {
            // Without subscribers there is nobody to tell.
            let _ = heard.send(Heard::Resumed);
        }
    }
}

async fn pass_on(mut messages: Receiver<Message>, heard: Sender<Heard>) {
    loop {
        let _ = match messages.recv().await {
            Ok(message) if message.channel != CHANNEL => continue,
            Ok(message) => heard.send(read(&message)),
            Err(RecvError::Lagged(_)) => heard.send(Heard::Unreadable),
            Err(RecvError::Closed) => return,
        };
    }
}

fn read(message: &Message) -> Heard {
    let change = message.value.as_bytes().and_then(Invalidation::decode);
    change.map_or(Heard::Unreadable, Heard::Change)
}

async fn keep_subscribed<T: Clone>(
    client: Client,
    mut connections: Receiver<T>,
    heard: Sender<Heard>,
) {
    while !matches!(connections.recv().await, Err(RecvError::Closed)) {
        while let Err(error) = client.subscribe(CHANNEL).await {
            let error = error.kind().to_str();
            tracing::warn!(error, "redis does not let us hear of changes; the store is asked");
            tokio::time::sleep(AGAIN).await;
        }
        let _ = heard.send(Heard::Resumed);
    }
}
