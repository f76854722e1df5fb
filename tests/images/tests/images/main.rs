//! The images of `dist/oci` pushed to a real registry, pulled, signed and verified by others' tools.

mod contents;
mod registry;
mod signatures;
mod statements;
