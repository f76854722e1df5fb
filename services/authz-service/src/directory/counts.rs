//! What operators count of look-ups and of word of changes. Every label is of a closed list.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How something turned out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

/// Counters with one label, each at hand: looking one up costs more than counting.
pub struct Counted<const N: usize> {
    family: Family<Outcome, Counter>,
    counters: [Counter; N],
}

impl<const N: usize> Counted<N> {
    fn new(outcomes: [&'static str; N]) -> Self {
        let family = Family::<Outcome, Counter>::default();
        let counters =
            outcomes.map(|outcome| (*family.get_or_create(&Outcome { outcome })).clone());
        Self { family, counters }
    }

    /// All of them, to be shown.
    pub fn family(&self) -> Family<Outcome, Counter> {
        self.family.clone()
    }

    fn inc(&self, at: usize) {
        if let Some(counter) = self.counters.get(at) {
            counter.inc();
        }
    }

    fn read(&self, at: usize) -> u64 {
        self.counters.get(at).map_or(0, Counter::get)
    }
}

/// Look-ups in the near cache.
#[derive(Clone, Copy)]
pub(super) enum NearLookup {
    Hit,
    Miss,
}

/// Look-ups in the shared cache.
#[derive(Clone, Copy)]
pub(super) enum SharedLookup {
    /// Roles that were believed.
    Hit,
    /// Nothing there.
    Miss,
    /// Something there, from before a change.
    Outdated,
    /// Something there that is no list of roles.
    Malformed,
    /// No answer.
    Failed,
}

/// Word of changes.
#[derive(Clone, Copy)]
pub(super) enum Word {
    Heard,
    Unreadable,
    /// The connection is new; some may have been missed.
    Resumed,
}

/// All of them.
pub struct Counts {
    /// Look-ups in the near cache.
    pub near: Counted<2>,
    /// Look-ups in the shared cache.
    pub shared: Counted<5>,
    /// Messages of changes.
    pub invalidations: Counted<3>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            near: Counted::new(["hit", "miss"]),
            shared: Counted::new(["hit", "miss", "outdated", "malformed", "failed"]),
            invalidations: Counted::new(["heard", "unreadable", "resumed"]),
        }
    }
}

impl Counts {
    pub(super) fn near(&self, lookup: NearLookup) {
        self.near.inc(lookup as usize);
    }

    pub(super) fn shared(&self, lookup: SharedLookup) {
        self.shared.inc(lookup as usize);
    }

    pub(super) fn word(&self, word: Word) {
        self.invalidations.inc(word as usize);
    }

    pub(super) fn unreadable(&self) -> u64 {
        self.invalidations.read(Word::Unreadable as usize)
    }
}
