//! Requests that wait, by stream. Bounded: a request that finds no room is handed back.

use std::collections::BTreeMap;

use super::StreamId;
use crate::pipeline::Pipeline;
use crate::policy::ProviderId;

/// Most requests that wait in one VM. Each holds its token and little more.
const MAX_WAITING: usize = 4096;

/// Undecided requests.
#[derive(Debug, Default)]
pub(super) struct WaitingRoom(BTreeMap<StreamId, Pipeline>);

impl WaitingRoom {
    /// Keeps a request; hands it back when there is no room. One that only asks the host something goes
    /// on at once, so there is always room for it.
    pub(super) fn park(&mut self, stream: StreamId, pipeline: Pipeline) -> Option<Pipeline> {
        if self.0.len() >= MAX_WAITING && !pipeline.asks_host() {
            return Some(pipeline);
        }
        self.0.insert(stream, pipeline);
        None
    }

    /// Takes a request out.
    pub(super) fn take(&mut self, stream: StreamId) -> Option<Pipeline> {
        self.0.remove(&stream)
    }

    /// Streams whose requests wait for a provider's keys, oldest stream first.
    pub(super) fn awaiting_keys(&self, provider: ProviderId) -> Vec<StreamId> {
        let waiting = self.0.iter().filter(|(_, p)| p.awaited_keys() == Some(provider));
        waiting.map(|(stream, _)| *stream).collect()
    }

    /// Streams whose requests wait for the first state, oldest stream first.
    pub(super) fn awaiting_state(&self) -> Vec<StreamId> {
        let waiting = self.0.iter().filter(|(_, p)| matches!(p, Pipeline::ExpectState(_)));
        waiting.map(|(stream, _)| *stream).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_bounded_and_hands_back_what_does_not_fit() {
        let mut room = WaitingRoom::default();
        for stream in 0..u32::try_from(MAX_WAITING).unwrap() {
            assert!(room.park(stream, Pipeline::ExpectRequest).is_none());
        }
        assert!(room.park(u32::MAX, Pipeline::ExpectRequest).is_some());
        assert!(room.take(u32::MAX).is_none());
        room.take(0);
        assert!(room.park(u32::MAX, Pipeline::ExpectRequest).is_none());
    }
}
