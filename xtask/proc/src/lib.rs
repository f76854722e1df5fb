//! Child processes and ports.
