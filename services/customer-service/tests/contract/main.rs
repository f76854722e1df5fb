//! customer-service against docs/contract.md.
//!
//! Most cases ask the service without a socket; `process` starts the real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "test code")]

/// What the shared tests are about.
macro_rules! record {
    () => {
        "customer"
    };
}
macro_rules! records {
    () => {
        "customers"
    };
}

#[path = "../../../demo-server/contract/frame.rs"]
mod frame;
mod process;
#[path = "../../../demo-server/contract/shop.rs"]
mod shop;
mod signed_identity;
mod statements;
mod visibility;

/// The service as it is unless told otherwise.
fn router(secret: claimgate_demo_server::GatewaySecret) -> axum::Router {
    customer_service::router(secret, None)
}
