//! The host functions the SDK cannot give without panicking: its wrappers trap on any status they
//! do not expect, and a trap takes the whole VM and every request in it.
//!
//! The only file with `unsafe` in it. It turns each import into a safe function that returns the
//! host's status, and does nothing else. Names and signatures: proxy-wasm ABI 0.2.1.
#![allow(unsafe_code)]

use std::ptr::null_mut;

/// The host's status for a call that did what was asked.
pub(super) const OK: u32 = 0;

#[rustfmt::skip] // one import, one line
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, len: usize) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_len: usize) -> u32;
    fn proxy_send_local_response(status: u32, details: *const u8, details_len: usize, body: *const u8, body_len: usize, headers: *const u8, headers_len: usize, grpc_status: i32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, len: usize, id: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(id: u32, value: *const u8, len: usize) -> u32;
    fn proxy_dequeue_shared_queue(id: u32, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, len: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_call_foreign_function(name: *const u8, name_len: usize, arguments: *const u8, arguments_len: usize, data: *mut *mut u8, len: *mut usize) -> u32;
}

/// Takes over a buffer the host filled through our allocator.
///
/// # Safety
/// `data` must be null, or `len` initialised bytes that `proxy_on_memory_allocate` handed out (a
/// boxed slice of exactly `len`) and that nobody else owns.
unsafe fn adopt(data: *mut u8, len: usize) -> Vec<u8> {
    if data.is_null() {
        return Vec::new();
    }
    // SAFETY: as this function's own contract says.
    unsafe { Vec::from_raw_parts(data, len, len) }
}

/// Calls an import that returns a buffer.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, u32> {
    let (mut data, mut len) = (null_mut(), 0);
    match call(&raw mut data, &raw mut len) {
        // SAFETY: on Ok the host allocated the buffer through our export and gave it to us.
        OK => Ok(unsafe { adopt(data, len) }),
        status => Err(status),
    }
}

pub(super) fn log(level: u32, text: &str) -> u32 {
    // SAFETY: the host only reads the text, during the call.
    unsafe { proxy_log(level, text.as_ptr(), text.len()) }
}

pub(super) fn buffer(kind: u32, max: usize) -> Result<Vec<u8>, u32> {
    // SAFETY: both pointers are to locals that outlive the call.
    bytes(|data, len| unsafe { proxy_get_buffer_bytes(kind, 0, max, data, len) })
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
    let (name_at, at) = (name.as_ptr(), arguments.as_ptr());
    // SAFETY: as above; the host only reads the name and the arguments.
    bytes(|data, len| unsafe {
        proxy_call_foreign_function(name_at, name.len(), at, arguments.len(), data, len)
    })
}

pub(super) fn replace_header(map: u32, name: &str, value: &str) -> u32 {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    // SAFETY: the host only reads both, during the call.
    unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    }
}

pub(super) fn remove_header(map: u32, name: &str) -> u32 {
    // SAFETY: the host only reads the name, during the call.
    unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) }
}

#[rustfmt::skip] // each text beside its length
pub(super) fn local_response(status: u32, details: &str, body: &str, headers: &[u8]) -> u32 {
    let (details, body) = (details.as_bytes(), body.as_bytes());
    // SAFETY: the host only reads all three, during the call. -1 leaves the gRPC status to it.
    unsafe {
        proxy_send_local_response(status, details.as_ptr(), details.len(), body.as_ptr(), body.len(),
            headers.as_ptr(), headers.len(), -1)
    }
}

pub(super) fn continue_stream(kind: u32) -> u32 {
    // SAFETY: takes no pointer.
    unsafe { proxy_continue_stream(kind) }
}

pub(super) fn set_effective_context(context: u32) -> u32 {
    // SAFETY: takes no pointer.
    unsafe { proxy_set_effective_context(context) }
}

pub(super) fn set_tick_period(millis: u32) -> u32 {
    // SAFETY: takes no pointer.
    unsafe { proxy_set_tick_period_milliseconds(millis) }
}

/// Calls an import that returns a number.
fn number(call: impl FnOnce(*mut u32) -> u32) -> Result<u32, u32> {
    let mut id = 0;
    match call(&raw mut id) {
        OK => Ok(id),
        status => Err(status),
    }
}

pub(super) fn register_queue(name: &str) -> Result<u32, u32> {
    // SAFETY: the host reads the name and writes the number, during the call.
    number(|id| unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), id) })
}

pub(super) fn enqueue(queue: u32, value: &[u8]) -> u32 {
    // SAFETY: the host only reads the value, during the call.
    unsafe { proxy_enqueue_shared_queue(queue, value.as_ptr(), value.len()) }
}

pub(super) fn define_counter(name: &str) -> Result<u32, u32> {
    // SAFETY: the host reads the name and writes the number, during the call. 0 is a counter.
    number(|id| unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), id) })
}

pub(super) fn increment(counter: u32) -> u32 {
    // SAFETY: takes no pointer.
    unsafe { proxy_increment_metric(counter, 1) }
}
