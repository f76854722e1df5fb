//! What happened to requests, counted. Names are fixed words, never anything a client sent.
//!
//! A metric is defined when it first moves and its number kept: the host hands out a new number
//! for every definition, even of the same name.

use std::cell::RefCell;

use super::host;

thread_local! {
    /// One for the VM and not for each configuration: every definition costs the host a number
    /// that it never takes back.
    static COUNTERS: RefCell<Counters> = RefCell::default();
}

/// Adds one to `claimgate.<name>`.
pub(super) fn count(name: &'static str) {
    COUNTERS.with_borrow_mut(|counters| counters.add(name));
}

/// Counters of one VM.
#[derive(Default)]
struct Counters(Vec<(&'static str, Option<u32>)>);

impl Counters {
    fn add(&mut self, name: &'static str) {
        // About twenty names; comparing them is cheaper than hashing one.
        let known = self.0.iter().find(|(known, _)| *known == name).map(|(_, counter)| *counter);
        let counter = known.unwrap_or_else(|| {
            let defined = host::define_counter(&format!("claimgate.{name}"));
            self.0.push((name, defined));
            defined
        });
        if let Some(counter) = counter {
            host::increment(counter);
        }
    }
}
