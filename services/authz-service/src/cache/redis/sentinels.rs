//! Which server is the primary, by the word of sentinels.
//!
//! All of them are asked, each over a connection of its own that is kept: who is frozen, cut off or
//! behind does not stand in the way of those who are not. What most of those who answer say counts,
//! and it is only where to look: who believes it has to ask the server itself.

use std::time::Duration;

use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, Server};
use fred::types::{ClusterHash, CustomCommand, Value};

use super::address::InvalidRedisUrl;
use super::connection::KeptClient;
use super::fault::{Wants, meaning};

/// Longest wait for the answer of one, all of whom are asked at the same time.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// Most servers that are looked at when sentinels do not agree.
const MAX_NAMED: usize = 3;

/// Sentinels, of which some answer.
pub(super) struct Sentinels {
    name: String,
    each: Vec<Sentinel>,
}

struct Sentinel {
    place: String,
    client: KeptClient,
    /// What was wrong with it when it was last asked.
    trouble: Option<String>,
}

impl Sentinels {
    /// Starts connecting to each of `sentinels`, to ask for the primary called `name`.
    pub(super) fn connect(name: &str, sentinels: &[Config]) -> Result<Self, InvalidRedisUrl> {
        let each = sentinels.iter().map(|config| {
            let place = config.server.hosts().first().map(ToString::to_string).unwrap_or_default();
            let client = KeptClient::connect(config.clone())?;
            Ok(Sentinel { place, client, trouble: None })
        });
        Ok(Self { name: name.to_owned(), each: each.collect::<Result<_, _>>()? })
    }

    /// The server that most of them name, or some when equally many name another. Empty when nobody
    /// names one. Tells the log whose answers are none, once.
    pub(super) async fn named(&mut self) -> Vec<Server> {
        let asked: Vec<_> = self.each.iter().map(|one| tokio::spawn(one.ask(&self.name))).collect();
        let mut votes: Vec<(usize, Server)> = Vec::new();
        for (sentinel, asked) in self.each.iter_mut().zip(asked) {
            let answer = asked.await.unwrap_or_else(|_| Err(Some("no answer".to_owned())));
            match answer {
                Ok(server) => {
                    sentinel.is_well();
                    match votes.iter_mut().find(|(_, known)| *known == server) {
                        Some((count, _)) => *count += 1,
                        None => votes.push((1, server)),
                    }
                }
                Err(trouble) => sentinel.is_in(trouble, &self.name),
            }
        }
        let most = votes.iter().map(|(count, _)| *count).max();
        let most = votes.into_iter().filter(|(count, _)| Some(*count) == most);
        most.map(|(_, server)| server).take(MAX_NAMED).collect()
    }
}

impl Sentinel {
    /// Whom it names; else what is wrong, when that is known yet.
    fn ask(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Server, Option<String>>> + Send + use<> {
        let (client, name) = (self.client.client().clone(), name.to_owned());
        let trouble = self.client.trouble().map(str::to_owned);
        async move {
            if !client.is_connected() {
                return Err(trouble);
            }
            let command = CustomCommand::new_static("SENTINEL", ClusterHash::Random, false);
            let question = client.custom(command, vec!["GET-MASTER-ADDR-BY-NAME".to_owned(), name]);
            match tokio::time::timeout(ANSWER_LIMIT, question).await {
                Ok(answer) => read(answer),
                Err(_) => Err(Some("no answer".to_owned())),
            }
        }
    }

    fn is_well(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(sentinel = self.place, "a sentinel names a primary again");
        }
    }

    fn is_in(&mut self, trouble: Option<String>, name: &str) {
        if trouble.is_some() && trouble != self.trouble {
            let (sentinel, why) = (&self.place, &trouble);
            tracing::warn!(sentinel, why, name, "a sentinel names no primary");
            self.trouble = trouble;
        }
    }
}

fn read(answer: Result<Value, Error>) -> Result<Server, Option<String>> {
    let answer = answer.map_err(|error| Some(meaning(&error, Wants::Answer).to_string()))?;
    if answer.is_null() {
        return Err(Some("it knows no primary of this name".to_owned()));
    }
    match answer.convert::<(String, u16)>() {
        Ok((host, port)) if !host.is_empty() && port != 0 => Ok(Server::new(host, port)),
        _ => Err(Some("an answer of another form".to_owned())),
    }
}
