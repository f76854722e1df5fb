//! Bytes that all VMs of one process see: the port to the host's shared data.
//!
//! Values are replaced by compare-and-swap. Whoever shares the `vm_id` can write here, so what is
//! read is data to be checked, and nothing may be believed because it stands here alone. A host
//! without shared data is an ordinary case: everything loads as absent and no store is done.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// For [`SharedData::store`]: whatever is there.
pub const ANY: u32 = 0;
/// For [`SharedData::store`]: only while nothing is there. The host takes any number for a key
/// that is absent, and hands this one out once in four thousand million stores.
pub const ABSENT: u32 = u32::MAX;

/// Values by key, each with a number that changes with every store.
pub trait SharedData: fmt::Debug {
    /// The value and its number, if there is one.
    fn load(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Replaces the value that has the number `cas`.
    fn store(&self, key: &str, value: &[u8], cas: u32) -> Stored;
}

/// What became of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is there.
    Done,
    /// Somebody else was faster; nothing has changed.
    Raced,
    /// The host cannot.
    Failed,
}

/// The next bytes of a value.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// A host that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoSharedData;

impl SharedData for NoSharedData {
    fn load(&self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn store(&self, _: &str, _: &[u8], _: u32) -> Stored {
        Stored::Failed
    }
}

/// Shared data as Envoy's, between the engines of one thread; clones are the same store. For
/// tests, which let several engines be the VMs of one process.
#[derive(Clone, Debug, Default)]
pub struct OneThread(Rc<RefCell<Store>>);

#[derive(Debug, Default)]
struct Store {
    values: HashMap<String, (Vec<u8>, u32)>,
    last: u32,
}

impl SharedData for OneThread {
    fn load(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().values.get(key).cloned()
    }

    fn store(&self, key: &str, value: &[u8], cas: u32) -> Stored {
        let mut store = self.0.borrow_mut();
        if cas != ANY && store.values.get(key).is_some_and(|(_, number)| *number != cas) {
            return Stored::Raced;
        }
        store.last += 1;
        let number = store.last;
        store.values.insert(key.to_owned(), (value.to_vec(), number));
        Stored::Done
    }
}
