//! What happened to requests, counted. Names are fixed words, never anything a client sent.
//!
//! A metric is defined when it first moves and its number kept: the host hands out a new number
//! for every definition, even of the same name.

use std::collections::HashMap;

use super::host;

/// Counters of one VM.
#[derive(Default)]
pub(super) struct Counters(HashMap<&'static str, Option<u32>>);

impl Counters {
    /// Adds one to `claimgate.<name>`.
    pub(super) fn add(&mut self, name: &'static str) {
        let define = || host::define_counter(&format!("claimgate.{name}"));
        if let Some(counter) = self.0.entry(name).or_insert_with(define) {
            host::increment(*counter);
        }
    }
}
