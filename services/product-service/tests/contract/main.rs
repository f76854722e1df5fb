//! product-service against docs/contract.md, asked without a socket. Its process is
//! customer-service's with other routes, and is tested there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test code")]

/// What the shared tests are about.
macro_rules! record {
    () => {
        "product"
    };
}
macro_rules! records {
    () => {
        "products"
    };
}

mod catalogue;
#[path = "../../../demo-server/contract/frame.rs"]
mod frame;
#[path = "../../../demo-server/contract/shop.rs"]
mod shop;

use product_service::router;
