//! dev-idp.
fn main() {}
