//! One VM: the module instantiated, its callbacks delivered in the order Envoy delivers them.
//!
//! A trap fails the test with what the module last said. So does running without an end, and, when
//! the VM is dropped, every fault the referee has seen.

mod observe;
mod script;

use wasmi::{Instance, Store, WasmParams, WasmResults};

use crate::context::Stream;
use crate::host::Host;
use crate::{Answer, HeaderMap, imports, plugin};

pub use observe::Fate;

/// What a request callback asks of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// 0: go on.
    Continue,
    /// 1: hold.
    Pause,
}

/// Far more than any callback needs: an endless loop ends here.
const FUEL: u64 = 20_000_000_000;

/// Where the tests' clock starts, in seconds since the epoch.
const START: u64 = 1_800_000_000;

/// A running module.
pub struct Vm {
    store: Store<Host>,
    instance: Instance,
    spent: u64,
}

impl Vm {
    /// A VM whose host has these clusters, and no environment variables.
    pub fn start(clusters: &[&str]) -> Self {
        Self::start_with(clusters, &[])
    }

    /// The same with environment variables.
    pub fn start_with(clusters: &[&str], environment: &[(&str, &str)]) -> Self {
        let plugin = plugin();
        let host = Host::new(environment, clusters, START * 1_000_000_000);
        let mut store = Store::new(&plugin.engine, host);
        store.limiter(|host| &mut host.limits);
        store.set_fuel(FUEL).expect("fuel is on");
        let linker = imports::link(&plugin.engine).expect("host functions link");
        let linked = linker.instantiate_and_start(&mut store, &plugin.module);
        let instance = linked.unwrap_or_else(|error| panic!("the module does not link: {error}"));
        let allocator = ["proxy_on_memory_allocate", "malloc"];
        let allocator =
            allocator.iter().find_map(|name| instance.get_typed_func(&store, name).ok());
        store.data_mut().memory = instance.get_memory(&store, "memory");
        store.data_mut().allocate = allocator;
        let mut vm = Self { store, instance, spent: 0 };
        vm.call::<(), ()>("_initialize", 0, ());
        vm
    }

    /// Another VM of the same process and `vm_id`, which shares this one's data.
    pub fn beside(&self, clusters: &[&str]) -> Self {
        let mut vm = Self::start(clusters);
        vm.host_mut().shared = self.host().shared.clone();
        vm.host_mut().script.clock = self.host().script.clock;
        vm
    }

    /// A new root with this plugin configuration; its number, and whether it took it.
    pub fn root(&mut self, configuration: &[u8]) -> (u32, bool) {
        let root = self.host_mut().contexts.add_root();
        self.call::<_, ()>("proxy_on_context_create", root, (root, 0));
        let started = self.call::<_, u32>("proxy_on_vm_start", root, (root, 0));
        assert_eq!(started, 1, "on_vm_start");
        (root, self.configure(root, configuration))
    }

    /// Configures a root.
    pub fn configure(&mut self, root: u32, configuration: &[u8]) -> bool {
        let context = self.host_mut().contexts.find(root).expect("a root");
        context.configuration = configuration.to_vec();
        let len = len(configuration.len());
        self.call::<_, u32>("proxy_on_configure", root, (root, len)) == 1
    }

    /// Lets a root's timer run out.
    pub fn tick(&mut self, root: u32) {
        self.call::<_, ()>("proxy_on_tick", root, root);
    }

    /// Tells roots of the messages in their queues, one callback for each; how many.
    pub fn deliver_queue(&mut self) -> usize {
        let mut delivered = 0;
        while let Some((root, queue)) = self.host_mut().queues.due.pop_front() {
            self.queue_ready(root, queue);
            delivered += 1;
        }
        delivered
    }

    /// Tells a root of a queue, whatever is in it.
    pub fn queue_ready(&mut self, root: u32, queue: u32) {
        if self.host_mut().contexts.lives(root) {
            self.call::<_, ()>("proxy_on_queue_ready", root, (root, queue));
        }
    }

    /// A new stream.
    pub fn open(&mut self, root: u32) -> u32 {
        let stream = self.host_mut().contexts.add_stream(root);
        self.call::<_, ()>("proxy_on_context_create", stream, (stream, root));
        stream
    }

    /// Its request headers arrive; no body follows.
    pub fn headers(&mut self, stream: u32, headers: HeaderMap) -> Action {
        let count = len(headers.len());
        self.stream(stream).request = headers;
        self.request_callback("proxy_on_request_headers", stream, (stream, count, 1))
    }

    /// Some of its body arrives.
    pub fn body(&mut self, stream: u32, size: u32, end: bool) -> Action {
        let arguments = (stream, size, u32::from(end));
        self.request_callback("proxy_on_request_body", stream, arguments)
    }

    /// Its trailers arrive.
    pub fn trailers(&mut self, stream: u32, trailers: HeaderMap) -> Action {
        let count = len(trailers.len());
        self.stream(stream).trailers = trailers;
        self.request_callback("proxy_on_request_trailers", stream, (stream, count))
    }

    /// A context ends, as Envoy does it: log, done, delete.
    pub fn close(&mut self, context: u32) {
        self.call_if_there("proxy_on_log", context);
        if self.instance.get_func(&self.store, "proxy_on_done").is_some() {
            self.call::<_, u32>("proxy_on_done", context, context);
        }
        self.call_if_there("proxy_on_delete", context);
        self.vanish(context);
    }

    /// A context is gone and the module has not been told.
    pub fn vanish(&mut self, context: u32) {
        self.host_mut().contexts.remove(context);
    }

    /// A call is answered; to its root, whatever made it.
    pub fn answer(&mut self, token: u32, answer: Answer) {
        let call = self.host_mut().calls.in_flight.remove(&token);
        let root = call.unwrap_or_else(|| panic!("no call {token} is in flight")).root;
        let body = len(answer.body.as_ref().map_or(0, Vec::len));
        let arguments = (root, token, len(answer.headers.len()), body, 0);
        self.host_mut().calls.shown = Some(answer);
        self.call::<_, ()>("proxy_on_http_call_response", root, arguments);
        self.host_mut().calls.shown = None;
    }

    fn request_callback<P: WasmParams>(&mut self, name: &str, stream: u32, args: P) -> Action {
        let action = self.call::<P, u32>(name, stream, args);
        let host = self.host_mut();
        let state = host.contexts.stream(stream).expect("a stream");
        host.referee.returned(name, stream, state, action);
        if action == 0 { Action::Continue } else { Action::Pause }
    }

    fn call_if_there(&mut self, name: &str, context: u32) {
        if self.instance.get_func(&self.store, name).is_some() {
            self.call::<_, ()>(name, context, context);
        }
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, context: u32, args: P) -> R {
        let function = self.instance.get_typed_func::<P, R>(&self.store, name);
        let function = function.unwrap_or_else(|error| panic!("export {name}: {error}"));
        self.host_mut().contexts.enter(context);
        self.store.set_fuel(FUEL).expect("fuel is on");
        let result = function.call(&mut self.store, args);
        self.spent += FUEL - self.store.get_fuel().expect("fuel is on");
        self.host_mut().contexts.enter(0);
        result.unwrap_or_else(|trap| {
            let said = self.logs().last().cloned().unwrap_or_default();
            panic!("{name} trapped: {trap}\nlog: {said}\nconsole: {}", self.host().console)
        })
    }

    fn stream(&mut self, id: u32) -> &mut Stream {
        self.host_mut().contexts.stream(id).unwrap_or_else(|| panic!("no stream {id}"))
    }

    fn host(&self) -> &Host {
        self.store.data()
    }

    fn host_mut(&mut self) -> &mut Host {
        self.store.data_mut()
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = self.host().referee.faults();
            assert!(faults.is_empty(), "the module did what none may do:\n{}", faults.join("\n"));
        }
    }
}

fn len(len: usize) -> u32 {
    u32::try_from(len).expect("a length fits 32 bits")
}
