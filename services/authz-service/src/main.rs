//! authz-service.
fn main() {}
