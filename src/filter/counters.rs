//! What happened to requests, counted, and how the keys are. Names are fixed words and the names
//! of providers, never anything a client sent.
//!
//! A metric is defined when it first moves and its number kept: the host hands out a new number
//! for every definition, even of the same name.

use std::cell::RefCell;

use super::host;

thread_local! {
    /// One for the VM and not for each configuration: every definition costs the host a number
    /// that it never takes back.
    static METRICS: RefCell<Metrics> = RefCell::default();
}

/// Adds one to `claimgate.<name>`.
pub(super) fn count(name: &'static str) {
    METRICS.with_borrow_mut(|metrics| metrics.count(name));
}

/// Adds one to `claimgate.<name>`; for names put together of fixed words and of configured ones.
pub(super) fn count_named(name: &str) {
    add_named(name, 1);
}

/// Adds to `claimgate.<name>`.
pub(super) fn add_named(name: &str, times: u64) {
    METRICS.with_borrow_mut(|metrics| {
        if let Some(counter) = metrics.named(name, host::define_counter) {
            host::increment(counter, times);
        }
    });
}

/// Sets the gauge `claimgate.<name>`. All VMs write the same gauge.
pub(super) fn record(name: &str, value: u64) {
    METRICS.with_borrow_mut(|metrics| {
        if let Some(gauge) = metrics.named(name, host::define_gauge) {
            host::record(gauge, value);
        }
    });
}

/// Metrics of one VM, with the numbers that the host gave them, if it would.
#[derive(Default)]
struct Metrics {
    counters: Vec<(&'static str, Option<u32>)>,
    named: Vec<(String, Option<u32>)>,
}

impl Metrics {
    fn count(&mut self, name: &'static str) {
        // About twenty names; comparing them is cheaper than hashing one.
        let known = self.counters.iter().find(|(known, _)| *known == name);
        let counter = known.map(|(_, counter)| *counter).unwrap_or_else(|| {
            let defined = host::define_counter(&format!("claimgate.{name}"));
            self.counters.push((name, defined));
            defined
        });
        if let Some(counter) = counter {
            host::increment(counter, 1);
        }
    }

    fn named(&mut self, name: &str, define: impl Fn(&str) -> Option<u32>) -> Option<u32> {
        let known = self.named.iter().find(|(known, _)| known == name);
        known.map(|(_, number)| *number).unwrap_or_else(|| {
            let defined = define(&format!("claimgate.{name}"));
            self.named.push((name.to_owned(), defined));
            defined
        })
    }
}
