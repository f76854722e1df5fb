//! The host functions the SDK cannot give without panicking: its wrappers trap on any status they
//! do not expect, and a trap takes the whole VM and every request in it.
//!
//! The only file with `unsafe` in it. It turns each import into a safe function that returns the
//! host's status, and does nothing else. Names and signatures: proxy-wasm ABI 0.2.1.
#![allow(unsafe_code)]

use std::ptr::null_mut;

/// The host's status for a call that did what was asked.
pub(super) const OK: u32 = 0;
/// Somebody else has changed the value.
pub(super) const CAS_MISMATCH: u32 = 8;
/// Leaves the gRPC status of a local reply to the host.
pub(super) const NO_GRPC_STATUS: i32 = -1;

#[rustfmt::skip] // one import, one line
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, len: usize) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_get_property(path: *const u8, path_len: usize, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_len: usize) -> u32;
    fn proxy_send_local_response(status: u32, details: *const u8, details_len: usize, body: *const u8, body_len: usize, headers: *const u8, headers_len: usize, grpc_status: i32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_close_stream(kind: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, len: usize, id: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(id: u32, value: *const u8, len: usize) -> u32;
    fn proxy_dequeue_shared_queue(id: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_get_shared_data(key: *const u8, key_len: usize, data: *mut *mut u8, len: *mut usize, cas: *mut u32) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_len: usize, value: *const u8, value_len: usize, cas: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, len: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_call_foreign_function(name: *const u8, name_len: usize, arguments: *const u8, arguments_len: usize, data: *mut *mut u8, len: *mut usize) -> u32;
}

/// Calls an import that returns a buffer, and takes it over.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, u32> {
    let (mut data, mut len) = (null_mut(), 0);
    match call(&raw mut data, &raw mut len) {
        OK if data.is_null() => Ok(Vec::new()),
        // SAFETY: on Ok the host has filled `len` bytes that `proxy_on_memory_allocate` handed out
        // (a boxed slice of exactly `len`), and nobody else owns them.
        OK => Ok(unsafe { Vec::from_raw_parts(data, len, len) }),
        status => Err(status),
    }
}

pub(super) fn buffer(kind: u32, max: usize) -> Result<Vec<u8>, u32> {
    // SAFETY: both pointers are to locals that outlive the call.
    bytes(|data, len| unsafe { proxy_get_buffer_bytes(kind, 0, max, data, len) })
}

pub(super) fn property(path: &str) -> Result<Vec<u8>, u32> {
    let (at, size) = (path.as_ptr(), path.len());
    // SAFETY: as above; the host only reads the path.
    bytes(|data, len| unsafe { proxy_get_property(at, size, data, len) })
}

pub(super) fn header_map(map: u32) -> Result<Vec<u8>, u32> {
    // SAFETY: as above.
    bytes(|data, len| unsafe { proxy_get_header_map_pairs(map, data, len) })
}

pub(super) fn dequeue(queue: u32) -> Result<Vec<u8>, u32> {
    // SAFETY: as above.
    bytes(|data, len| unsafe { proxy_dequeue_shared_queue(queue, data, len) })
}

pub(super) fn call_foreign(name: &str, arguments: &[u8]) -> Result<Vec<u8>, u32> {
    let (name, name_len) = (name.as_ptr(), name.len());
    let (at, size) = (arguments.as_ptr(), arguments.len());
    // SAFETY: as above; the host only reads the name and the arguments.
    bytes(|data, len| unsafe { proxy_call_foreign_function(name, name_len, at, size, data, len) })
}

/// Imports that take numbers, then bytes that the host only reads.
macro_rules! reads {
    ($($name:ident = $import:ident($($number:ident: $type:ty),*; $($text:ident),*; $($last:ident: $last_type:ty)?);)*) => {$(
        pub(super) fn $name($($number: $type,)* $($text: &[u8],)* $($last: $last_type)?) -> u32 {
            // SAFETY: the host only reads the bytes, during the call.
            unsafe { $import($($number,)* $($text.as_ptr(), $text.len(),)* $($last)?) }
        }
    )*};
}

reads! {
    replace_header = proxy_replace_header_map_value(map: u32; name, value;);
    remove_header = proxy_remove_header_map_value(map: u32; name;);
    set_property = proxy_set_property(; path, value;);
    enqueue = proxy_enqueue_shared_queue(queue: u32; value;);
    set_shared_data = proxy_set_shared_data(; key, value; cas: u32);
    log = proxy_log(level: u32; text;);
    local_response = proxy_send_local_response(status: u32; details, body, headers; grpc: i32);
}

/// Imports that take numbers alone.
macro_rules! numbers {
    ($($name:ident = $import:ident($($argument:ident: $type:ty),*);)*) => {$(
        pub(super) fn $name($($argument: $type),*) -> u32 {
            // SAFETY: takes no pointer.
            unsafe { $import($($argument),*) }
        }
    )*};
}

numbers! {
    continue_stream = proxy_continue_stream(kind: u32);
    close_stream = proxy_close_stream(kind: u32);
    set_effective_context = proxy_set_effective_context(context: u32);
    set_tick_period = proxy_set_tick_period_milliseconds(millis: u32);
    increment = proxy_increment_metric(counter: u32, by: i64);
    record = proxy_record_metric(gauge: u32, value: u64);
}

pub(super) fn register_queue(name: &str) -> Result<u32, u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes the number, during the call.
    let status = unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut id) };
    if status == OK { Ok(id) } else { Err(status) }
}

pub(super) fn define_metric(kind: u32, name: &str) -> Result<u32, u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes the number, during the call.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    if status == OK { Ok(id) } else { Err(status) }
}

pub(super) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), u32> {
    let (mut cas, at, key_len) = (0, key.as_ptr(), key.len());
    // SAFETY: as for every buffer; the host also writes the number, during the call.
    bytes(|data, len| unsafe { proxy_get_shared_data(at, key_len, data, len, &raw mut cas) })
        .map(|value| (value, cas))
}
