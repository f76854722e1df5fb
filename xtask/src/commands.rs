//! One module per command.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod fuzz;
pub(crate) mod k8s;
pub(crate) mod package;
pub(crate) mod test;
pub(crate) mod test_admin_api;
