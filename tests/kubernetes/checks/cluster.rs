//! At a real API server, with nodes and pods that only say that they run. `cargo xtask test-k8s`.

mod sources;
