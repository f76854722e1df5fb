//! What no module may do, whatever a test is about. A fault fails the test that saw it.
//!
//! Envoy lets most of these pass in silence, with a request forwarded that had been refused or a
//! client that waits for ever; here they have a name.

use crate::context::{State, Stream};

/// Faults of one VM.
#[derive(Debug, Default)]
pub(crate) struct Referee(Vec<String>);

impl Referee {
    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    pub(crate) fn faults(&self) -> &[String] {
        &self.0
    }

    /// A request is answered at most once, and not after it was resumed.
    pub(crate) fn reply(&mut self, id: u32, stream: &mut Stream) {
        if stream.state == State::Replied {
            self.fault(format!("stream {id} was answered twice"));
        }
        stream.state = State::Replied;
    }

    /// Only a held request is resumed, once.
    pub(crate) fn resume(&mut self, id: u32, stream: &mut Stream) {
        match stream.state {
            State::Held => {}
            State::Fresh => self.fault(format!("stream {id} was resumed before it was held")),
            State::Passed => self.fault(format!("stream {id} was resumed twice")),
            State::Replied => self.fault(format!("stream {id} was answered and then resumed")),
        }
        stream.state = State::Passed;
    }

    /// Headers are changed before the request is resumed or answered. Whether they can be: Envoy
    /// lets go of them when it is resumed, and not before.
    pub(crate) fn mutate(&mut self, id: u32, stream: &Stream) -> bool {
        let state = stream.state;
        if !matches!(state, State::Fresh | State::Held) {
            self.fault(format!("headers of stream {id} were changed when it was {state:?}"));
        }
        state != State::Passed
    }

    /// What a request callback returned has to agree with what was done.
    pub(crate) fn returned(&mut self, callback: &str, id: u32, stream: &mut Stream, action: u32) {
        let state = stream.state;
        match (action, state) {
            (0, State::Fresh) if callback == "proxy_on_request_headers" => {
                stream.state = State::Passed;
            }
            (1, State::Fresh) => stream.state = State::Held,
            (0, State::Passed) | (1, State::Held | State::Replied) => {}
            _ => self.fault(format!("{callback} returned {action} for stream {id}, {state:?}")),
        }
    }

    /// A call without a time limit would be waited for without end.
    pub(crate) fn timeout(&mut self, cluster: &str, millis: u32) {
        if millis == 0 {
            self.fault(format!("a call to {cluster:?} has no time limit"));
        }
    }
}
