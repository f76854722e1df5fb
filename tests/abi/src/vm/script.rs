//! What a test tells the host to do next.

use std::time::Duration;

use super::Vm;
use crate::host::Forced;

impl Vm {
    /// Makes a host function answer this status and do nothing, until [`Vm::relent`].
    pub fn refuse(&mut self, function: &'static str, status: u32) {
        self.host_mut().script.forced.insert(function, Forced { status, when: None });
    }

    /// The same, only for calls with this first argument: a map, a buffer, a context.
    pub fn refuse_when(&mut self, function: &'static str, status: u32, first: u32) {
        let forced = Forced { status, when: Some(first) };
        self.host_mut().script.forced.insert(function, forced);
    }

    /// All host functions work again.
    pub fn relent(&mut self) {
        self.host_mut().script.forced.clear();
    }

    /// Every foreign function answers this from now on, whatever it is asked.
    pub fn answer_foreign(&mut self, result: &[u8]) {
        self.host_mut().script.foreign = Some(result.to_vec());
    }

    /// The host signs and verifies ES256 from now on, or does so no longer.
    pub fn sign(&mut self, signs: bool) {
        self.host_mut().script.signs = signs;
    }

    /// What the host says of this property, the parts of its path joined with dots.
    pub fn set_property(&mut self, path: &str, value: impl AsRef<[u8]>) {
        self.host_mut().script.properties.insert(path.to_owned(), value.as_ref().to_vec());
    }

    /// The properties that the module has asked for, in order.
    pub fn properties_read(&self) -> &[String] {
        &self.host().script.properties_read
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("a few days at most");
        self.host_mut().script.clock += nanos;
    }

    /// What time it is, in seconds since the epoch.
    pub fn now(&self) -> u64 {
        self.host().script.clock / 1_000_000_000
    }

    /// Lets a cluster go; calls to it are then refused.
    pub fn remove_cluster(&mut self, name: &str) {
        self.host_mut().script.clusters.remove(name);
    }

    /// Somebody else with the same `vm_id` writes this over every value there is.
    pub fn overwrite_shared_data(&mut self, value: &[u8]) {
        let shared = &self.host().shared;
        for key in shared.keys() {
            shared.store(key, value.to_vec(), 0);
        }
    }
}
