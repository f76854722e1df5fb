//! What a test can see: effects, and what has become of streams and calls.

use super::Vm;
use crate::context::State;
use crate::{Call, Effect, HeaderMap, LocalReply};

/// What has become of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is held.
    Held,
    /// It went upstream with these headers.
    Forwarded(HeaderMap),
    /// The module answered it.
    Replied(LocalReply),
}

impl Vm {
    /// Everything the module did, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.host().effects
    }

    /// What the module has computed so far, in the runtime's units of fuel: about one for each
    /// instruction. The same callbacks spend the same on every machine.
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// Forgets what was done so far; calls in flight stay.
    pub fn forget_effects(&mut self) {
        self.host_mut().effects.clear();
    }

    /// What was done to a stream, in order, but for what its access log is told.
    pub fn done_to(&self, stream: u32) -> Vec<Effect> {
        let of = |effect: &&Effect| effect.stream() == Some(stream);
        let of = self.effects().iter().filter(of);
        of.filter(|effect| !matches!(effect, Effect::FilterState { .. })).cloned().collect()
    }

    /// What a stream's access log was told under this name last.
    pub fn told(&self, stream: u32, name: &str) -> Option<&str> {
        self.effects().iter().rev().find_map(|effect| match effect {
            Effect::FilterState { stream: of, path, value } if *of == stream && path == name => {
                Some(value.as_str())
            }
            _ => None,
        })
    }

    /// What has become of a stream that is still there.
    pub fn fate(&mut self, id: u32) -> Fate {
        let stream = self.stream(id);
        match stream.state {
            State::Fresh => panic!("stream {id} has no request yet"),
            State::Held => Fate::Held,
            State::Passed => Fate::Forwarded(stream.request.clone()),
            State::Replied => Fate::Replied(self.reply(id).expect("it is among the effects")),
        }
    }

    /// The first answer that the module gave a stream.
    pub fn reply(&self, id: u32) -> Option<LocalReply> {
        self.effects().iter().find_map(|effect| match effect {
            Effect::Reply { stream, reply } if *stream == id => Some(reply.clone()),
            _ => None,
        })
    }

    /// A stream's request headers as they are now.
    pub fn request(&mut self, id: u32) -> HeaderMap {
        self.stream(id).request.clone()
    }

    /// A stream's request trailers as they are now.
    pub fn request_trailers(&mut self, id: u32) -> HeaderMap {
        self.stream(id).trailers.clone()
    }

    /// Calls made and not answered, oldest first.
    pub fn in_flight(&self) -> Vec<Call> {
        self.host().calls.in_flight.values().cloned().collect()
    }

    /// The one call in flight.
    pub fn only_call(&self) -> Call {
        let mut calls = self.in_flight();
        assert_eq!(calls.len(), 1, "calls in flight: {calls:#?}");
        calls.remove(0)
    }

    /// Calls made since effects were last forgotten.
    pub fn calls(&self) -> usize {
        self.effects().iter().filter(|effect| matches!(effect, Effect::Call(_))).count()
    }

    /// Log lines, oldest first.
    pub fn logs(&self) -> Vec<String> {
        let line = |effect: &Effect| match effect {
            Effect::Log { level, text } => Some(format!("{level} {text}")),
            _ => None,
        };
        self.effects().iter().filter_map(line).collect()
    }

    /// How often a metric was counted since effects were last forgotten.
    pub fn counted(&self, metric: &str) -> usize {
        let is = |effect: &&Effect| matches!(effect, Effect::Count { name } if name == metric);
        self.effects().iter().filter(is).count()
    }

    /// Names of metrics, once for each definition.
    pub fn defined_metrics(&self) -> &[String] {
        &self.host().metrics
    }

    /// What a gauge shows.
    pub fn gauge(&self, name: &str) -> Option<u64> {
        self.host().gauges.get(name).copied()
    }

    /// The last period a root asked to be ticked with.
    pub fn tick_period(&self, of: u32) -> Option<u32> {
        self.effects().iter().rev().find_map(|effect| match effect {
            Effect::TickPeriod { root, millis } if *root == of => Some(*millis),
            _ => None,
        })
    }

    /// How much memory the module has, in pages of 64 KiB.
    pub fn memory(&self) -> u64 {
        self.host().memory.map_or(0, |memory| memory.size(&self.store))
    }

    /// What no module may do and this one did. A test that looks at them itself may take them.
    pub fn faults(&self) -> &[String] {
        self.host().referee.faults()
    }
}
