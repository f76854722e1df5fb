//! customer-service.
fn main() {}
