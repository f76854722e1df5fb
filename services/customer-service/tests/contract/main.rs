//! customer-service against docs/contract.md.
//!
//! Most cases ask the service without a socket; `process` starts the real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test code")]

mod frame;
mod process;
mod shop;
mod visibility;
