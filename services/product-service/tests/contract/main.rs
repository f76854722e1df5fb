//! product-service against docs/contract.md, asked without a socket. Its process is
//! customer-service's with other routes, and is tested there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test code")]

mod catalogue;
mod frame;
mod shop;
