//! product-service.
fn main() {}
