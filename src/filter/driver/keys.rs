//! Fetches keys for everybody. Only in the root's context: a call made by a stream would be lost
//! with it. So all calls are made before the first stream is entered.

use std::time::Duration;

use super::{Driver, Errand, Reply, TICK};
use crate::authn::{FetchError, Over, Progress};
use crate::cache_control::CacheControl;
use crate::filter::counters::{count, count_named, record};
use crate::filter::host::{self, Callout, Level};
use crate::policy::ProviderId;

/// How often the root looks while requests wait for what another VM fetches.
const TICK_WHILE_OTHERS_FETCH: Duration = Duration::from_millis(20);

impl Driver {
    /// The root's turn, by its clock or because somebody has knocked. Calls come before streams.
    pub(in crate::filter) fn tend(&self, knocked: bool) {
        self.running.set(None);
        if let Some(queue) = self.queue {
            host::drain(queue);
        }
        let decided = self.make_calls();
        self.tend_feed();
        if knocked || self.is_keys_turn() {
            self.tend_keys();
            self.report_feed();
        } else {
            self.keep_pace();
        }
        self.release_waiting();
        decided.into_iter().for_each(|landed| self.settle(landed));
        if !knocked {
            self.report_decisions();
        }
        self.end_streams();
    }

    /// Whether the keys' turn has come: the clock may go faster for the feed.
    fn is_keys_turn(&self) -> bool {
        let (now, last) = (host::now(), self.keys_at.get());
        let early = last <= now && now < last.after(TICK * 4 / 5);
        if early && !self.engine.borrow().waits_elsewhere() {
            return false;
        }
        self.keys_at.set(now);
        true
    }

    /// Fetches keys that are due, takes over what others have fetched, and gives up on what will
    /// never be answered.
    fn tend_keys(&self) {
        let over = self.engine.borrow_mut().fetches_over(host::now());
        for (provider, _) in over.iter().filter(|(_, over)| *over == Over::Lost) {
            let lost = |errand: &Errand| matches!(errand, Errand::Keys(of) if of == provider);
            self.errands.borrow_mut().retain(|_, errand| !lost(errand));
        }
        let due = self.engine.borrow_mut().fetches_due(host::now());
        let refused: Vec<_> = due.into_iter().filter(|provider| !self.fetch(*provider)).collect();
        self.keep_pace();
        for (provider, over) in over {
            match over {
                Over::Lost => self.keys_end(provider, Err(FetchError::Unreachable)),
                Over::Elsewhere => self.resume_waiting(provider),
            }
        }
        for provider in refused {
            self.keys_end(provider, Err(FetchError::Unreachable));
        }
        self.report_keys();
        self.report_shadows();
    }

    /// Says how many shadows are on, where there are any.
    fn report_shadows(&self) {
        let (engine, now) = (self.engine.borrow(), host::now());
        let mut shadows = engine.policy().shadows().peekable();
        if shadows.peek().is_some() {
            let on = shadows.filter(|shadow| shadow.is_on(now)).count();
            record("shadows", u64::try_from(on).unwrap_or(u64::MAX));
        }
    }

    /// Starts a fetch; false when it has ended already because the call was refused.
    fn fetch(&self, provider: ProviderId) -> bool {
        count("jwks_fetches");
        self.call_for_keys(provider)
    }

    fn call_for_keys(&self, provider: ProviderId) -> bool {
        let mut engine = self.engine.borrow_mut();
        let token = engine.keys_endpoint(provider).and_then(|endpoint| {
            let headers = vec![("accept", "application/json")];
            let timeout = endpoint.timeout;
            host::call(Callout { endpoint, timeout, method: "GET", headers, body: None })
        });
        match token {
            Some(token) => {
                self.errands.borrow_mut().insert(token, Errand::Keys(provider));
            }
            None => engine.keys_failed(provider, host::now()),
        }
        token.is_some()
    }

    /// A call for keys has been answered, or will not be.
    pub(super) fn keys(&self, provider: ProviderId, reply: Option<&Reply>) {
        let mut engine = self.engine.borrow_mut();
        let progress = match reply {
            Some(reply) if reply.status == 200 => {
                let max_age = CacheControl::parse(&reply.cache_control);
                engine.keys_fetched(provider, &reply.body, max_age.max_age, host::now())
            }
            reply => {
                engine.keys_failed(provider, host::now());
                let status = reply.map(|reply| FetchError::Status(reply.status));
                Some(Err(status.unwrap_or(FetchError::Unreachable)))
            }
        };
        drop(engine);
        match progress {
            Some(Ok(Progress::Address)) if self.call_for_keys(provider) => {}
            Some(Ok(Progress::Address)) => self.keys_end(provider, Err(FetchError::Unreachable)),
            Some(Ok(Progress::Keys)) => self.keys_end(provider, Ok(())),
            Some(Err(error)) => self.keys_end(provider, Err(error)),
            None => {}
        }
    }

    /// A fetch of ours has ended.
    fn keys_end(&self, provider: ProviderId, outcome: Result<(), FetchError>) {
        if let Err(error) = outcome {
            let engine = self.engine.borrow();
            let name = engine.policy().providers.get(provider).map_or("", |p| &p.name);
            let text = format!("provider {name:?}: fetching keys failed: {error}");
            host::log(Level::Warn, &text);
            count_named(&format!("jwks.{name}.failed.{}", error.reason()));
        }
        count(if outcome.is_ok() { "jwks_fetched" } else { "jwks_failed" });
        self.report_keys();
        self.resume_waiting(provider);
    }

    /// Lets everybody go on who waited for a fetch.
    fn resume_waiting(&self, provider: ProviderId) {
        let waiting = self.engine.borrow().awaiting_keys(provider);
        for stream in waiting {
            let step = self.engine.borrow_mut().keys_changed(stream, host::now());
            self.resume(stream, step);
        }
    }

    /// Starts the root's clock.
    pub(in crate::filter) fn begin_ticks(&self) {
        self.pace.set(Duration::ZERO);
        self.keep_pace();
    }

    /// Looks often while requests wait for another VM, which cannot knock here.
    fn keep_pace(&self) {
        let elsewhere = self.engine.borrow().waits_elsewhere();
        let pace = if elsewhere { TICK_WHILE_OTHERS_FETCH } else { TICK };
        let pace = self.feed_pace().map_or(pace, |feed| feed.min(pace));
        if self.pace.replace(pace) != pace {
            host::tick_every(pace);
        }
    }

    /// Says how each provider's keys are.
    fn report_keys(&self) {
        let (engine, now) = (self.engine.borrow(), host::now());
        for (id, provider) in engine.policy().providers.iter().enumerate() {
            let Some(health) = engine.health(id, now) else { continue };
            let name = &provider.name;
            if let Some(age) = health.age {
                record(&format!("jwks.{name}.age_seconds"), age.as_secs());
            }
            record(&format!("jwks.{name}.keys"), u64::try_from(health.keys).unwrap_or(u64::MAX));
            record(&format!("jwks.{name}.healthy"), health.healthy.into());
        }
    }
}
