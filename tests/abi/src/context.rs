//! The contexts of a VM: roots and streams, which of them runs, and which of them host calls
//! apply to. Numbers are never used again.

use std::collections::BTreeMap;

use crate::HeaderMap;

/// All contexts.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    all: BTreeMap<u32, Context>,
    next: u32,
    /// The one whose callback runs.
    pub(crate) running: u32,
    /// The one that host calls apply to; the running one, unless the module says otherwise.
    pub(crate) effective: u32,
}

/// A root or a stream.
#[derive(Debug)]
pub(crate) struct Context {
    /// Its root; itself for a root.
    pub(crate) root: u32,
    pub(crate) stream: Option<Stream>,
    /// A root's plugin configuration.
    pub(crate) configuration: Vec<u8>,
}

/// A request under way.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) request: HeaderMap,
    pub(crate) trailers: HeaderMap,
    pub(crate) state: State,
}

/// Where a stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Its headers callback is running or has not run.
    #[default]
    Fresh,
    /// Held by the module.
    Held,
    /// On its way upstream.
    Passed,
    /// Answered by the module.
    Replied,
}

impl Contexts {
    pub(crate) fn add_root(&mut self) -> u32 {
        self.next += 1;
        self.add(Context { root: self.next, stream: None, configuration: Vec::new() })
    }

    pub(crate) fn add_stream(&mut self, root: u32) -> u32 {
        self.next += 1;
        let stream = Some(Stream::default());
        self.add(Context { root, stream, configuration: Vec::new() })
    }

    fn add(&mut self, context: Context) -> u32 {
        self.all.insert(self.next, context);
        self.next
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.all.remove(&id);
    }

    pub(crate) fn find(&mut self, id: u32) -> Option<&mut Context> {
        self.all.get_mut(&id)
    }

    pub(crate) fn lives(&self, id: u32) -> bool {
        self.all.contains_key(&id)
    }

    pub(crate) fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.find(id)?.stream.as_mut()
    }

    /// The stream that host calls apply to, if it is one.
    pub(crate) fn effective_stream(&mut self) -> Option<(u32, &mut Stream)> {
        let id = self.effective;
        Some((id, self.stream(id)?))
    }

    /// The root of what host calls apply to.
    pub(crate) fn effective_root(&self) -> u32 {
        self.all.get(&self.effective).map_or(0, |context| context.root)
    }

    /// Makes a context the running one.
    pub(crate) fn enter(&mut self, id: u32) {
        (self.running, self.effective) = (id, id);
    }
}
