//! The host's side of one VM: its contexts, queues, calls and metrics, what the test has put into
//! the script, and what the module has done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use wasmi::{Memory, StoreLimits, StoreLimitsBuilder, TypedFunc};

use crate::context::Contexts;
use crate::referee::Referee;
use crate::{Answer, Call, Effect, status};

/// No test comes near it; a leak does.
const MEMORY_LIMIT: usize = 256 << 20;

/// Everything behind the imports.
pub(crate) struct Host {
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    pub(crate) limits: StoreLimits,
    pub(crate) script: Script,
    pub(crate) contexts: Contexts,
    pub(crate) queues: Queues,
    pub(crate) calls: Calls,
    /// Names by number. Envoy hands out a new number for every definition.
    pub(crate) metrics: Vec<String>,
    /// What gauges show, by name.
    pub(crate) gauges: BTreeMap<String, u64>,
    pub(crate) shared: Shared,
    pub(crate) effects: Vec<Effect>,
    pub(crate) referee: Referee,
    /// What the module wrote to stdout and stderr: a panic's message, if anything.
    pub(crate) console: String,
}

/// What the test decides.
pub(crate) struct Script {
    /// Nanoseconds since the epoch.
    pub(crate) clock: u64,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) clusters: BTreeSet<String>,
    /// Statuses that host functions answer instead of doing anything.
    pub(crate) forced: BTreeMap<&'static str, Forced>,
    /// What every foreign function answers; `None`: the host has none.
    pub(crate) foreign: Option<Vec<u8>>,
    /// Whether the host has `sign` and `verify_signature`, both for ES256.
    pub(crate) signs: bool,
    /// Properties by their path, its parts joined with dots.
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    /// Paths that were asked for.
    pub(crate) properties_read: Vec<String>,
}

/// An answer forced on a host function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forced {
    pub(crate) status: u32,
    /// Only for this first argument: a map, a buffer, a context.
    pub(crate) when: Option<u32>,
}

/// Shared data of the VMs with one `vm_id`; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Shared(Rc<RefCell<Values>>);

#[derive(Default)]
struct Values {
    all: BTreeMap<String, (Vec<u8>, u32)>,
    last: u32,
}

impl Shared {
    pub(crate) fn load(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().all.get(key).cloned()
    }

    /// Envoy takes any number for a key that is not there.
    pub(crate) fn store(&self, key: String, value: Vec<u8>, cas: u32) -> u32 {
        let mut values = self.0.borrow_mut();
        if cas != 0 && values.all.get(&key).is_some_and(|(_, number)| *number != cas) {
            return status::CAS_MISMATCH;
        }
        values.last += 1;
        let number = values.last;
        values.all.insert(key, (value, number));
        status::OK
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.borrow().all.keys().cloned().collect()
    }
}

/// Shared queues of the VM's `vm_id`.
#[derive(Default)]
pub(crate) struct Queues {
    all: Vec<Queue>,
    /// Notifications on their way: root and queue, one for each message.
    pub(crate) due: VecDeque<(u32, u32)>,
}

struct Queue {
    name: String,
    /// The last root that registered it is told of messages.
    root: u32,
    messages: VecDeque<Vec<u8>>,
}

/// HTTP calls.
#[derive(Default)]
pub(crate) struct Calls {
    last: u32,
    pub(crate) in_flight: BTreeMap<u32, Call>,
    /// The answer that can be read while its callback runs.
    pub(crate) shown: Option<Answer>,
}

impl Host {
    pub(crate) fn new(environment: &[(&str, &str)], clusters: &[&str], clock: u64) -> Self {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Self {
            memory: None,
            allocate: None,
            limits: StoreLimitsBuilder::new().memory_size(MEMORY_LIMIT).build(),
            script: Script {
                clock,
                environment: environment.iter().map(owned).collect(),
                clusters: clusters.iter().map(ToString::to_string).collect(),
                forced: BTreeMap::new(),
                foreign: None,
                signs: false,
                properties: BTreeMap::new(),
                properties_read: Vec::new(),
            },
            contexts: Contexts::default(),
            queues: Queues::default(),
            calls: Calls::default(),
            metrics: Vec::new(),
            gauges: BTreeMap::new(),
            shared: Shared::default(),
            effects: Vec::new(),
            referee: Referee::default(),
            console: String::new(),
        }
    }

    /// The status the test demands of a host function, if it does.
    pub(crate) fn refusal(&mut self, function: &'static str, first: u32) -> Option<u32> {
        let forced = self.script.forced.get(function)?;
        if forced.when.is_some_and(|when| when != first) {
            return None;
        }
        let status = forced.status;
        self.effects.push(Effect::Refused { function, status });
        Some(status)
    }
}

impl Queues {
    pub(crate) fn register(&mut self, name: String, root: u32) -> u32 {
        let known = self.all.iter().position(|queue| queue.name == name);
        let index = known.unwrap_or_else(|| {
            self.all.push(Queue { name, root, messages: VecDeque::new() });
            self.all.len() - 1
        });
        self.all[index].root = root;
        number(index)
    }

    pub(crate) fn enqueue(&mut self, id: u32, message: Vec<u8>) -> u32 {
        let Some(queue) = self.queue(id) else { return status::NOT_FOUND };
        queue.messages.push_back(message);
        let root = queue.root;
        self.due.push_back((root, id));
        status::OK
    }

    pub(crate) fn dequeue(&mut self, id: u32) -> Result<Vec<u8>, u32> {
        let queue = self.queue(id).ok_or(status::NOT_FOUND)?;
        queue.messages.pop_front().ok_or(status::EMPTY)
    }

    fn queue(&mut self, id: u32) -> Option<&mut Queue> {
        self.all.get_mut(usize::try_from(id).ok()?.checked_sub(1)?)
    }
}

impl Calls {
    /// Envoy counts by four.
    pub(crate) fn next_token(&mut self) -> u32 {
        self.last += 4;
        self.last
    }
}

/// Queues and metrics are numbered from one.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).expect("a few of them")
}
