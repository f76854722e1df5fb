//! The module under test, read and translated once for the whole test process.
//!
//! `dist/plugin.wasm` at the repository's root, or what `CLAIMGATE_WASM` names. It is never built
//! from here: what is tested has to be the file that ships.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmi::{Config, Engine, Module};

/// What the module may import: host functions that Envoy 1.40 has for ABI 0.2.1, and the part of
/// WASI that it implements and does not merely stub.
pub const ALLOWED_IMPORTS: [(&str, &[&str]); 2] = [
    (
        "env",
        &[
            "proxy_add_header_map_value",
            "proxy_call_foreign_function",
            "proxy_close_stream",
            "proxy_continue_stream",
            "proxy_define_metric",
            "proxy_dequeue_shared_queue",
            "proxy_done",
            "proxy_enqueue_shared_queue",
            "proxy_get_buffer_bytes",
            "proxy_get_buffer_status",
            "proxy_get_current_time_nanoseconds",
            "proxy_get_header_map_pairs",
            "proxy_get_header_map_size",
            "proxy_get_header_map_value",
            "proxy_get_log_level",
            "proxy_get_metric",
            "proxy_get_property",
            "proxy_get_shared_data",
            "proxy_get_status",
            "proxy_grpc_call",
            "proxy_grpc_cancel",
            "proxy_grpc_close",
            "proxy_grpc_send",
            "proxy_grpc_stream",
            "proxy_http_call",
            "proxy_increment_metric",
            "proxy_log",
            "proxy_record_metric",
            "proxy_register_shared_queue",
            "proxy_remove_header_map_value",
            "proxy_replace_header_map_value",
            "proxy_resolve_shared_queue",
            "proxy_send_local_response",
            "proxy_set_buffer_bytes",
            "proxy_set_effective_context",
            "proxy_set_header_map_pairs",
            "proxy_set_property",
            "proxy_set_shared_data",
            "proxy_set_tick_period_milliseconds",
        ],
    ),
    (
        "wasi_snapshot_preview1",
        &[
            "args_get",
            "args_sizes_get",
            "clock_time_get",
            "environ_get",
            "environ_sizes_get",
            "fd_write",
            "proc_exit",
            "random_get",
        ],
    ),
];

/// The module under test.
pub struct Plugin {
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    size: usize,
}

impl Plugin {
    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What it imports: module and name.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.module.imports().map(|import| (import.module(), import.name()))
    }

    /// What it exports.
    pub fn exports(&self) -> impl Iterator<Item = &str> {
        self.module.exports().map(|export| export.name())
    }

    fn load() -> Self {
        let path = path();
        let wasm = std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; build it with `cargo xtask wasm`", path.display())
        });
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, &wasm)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { engine, module, size: wasm.len() }
    }
}

/// The module under test.
pub fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(Plugin::load)
}

fn path() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let shipped = || root.unwrap_or(Path::new(".")).join("dist/plugin.wasm");
    std::env::var_os("CLAIMGATE_WASM").map_or_else(shipped, PathBuf::from)
}
