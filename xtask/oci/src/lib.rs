//! Images as an OCI layout (OCI image specification 1.1), written without a container engine.
//!
//! What goes in decides every byte that comes out: no time, no owner, no order of a folder's entries.
//! So two builds of one source have one digest, and whoever doubts an image can make it again.

mod artifact;
mod digest;
mod image;
mod layer;
mod layout;

pub use artifact::Artifact;
pub use digest::Digest;
pub use image::{Image, write_wasm_artifact};
pub use layer::{Entry, Layer};
pub use layout::{Descriptor, Layout};

#[cfg(test)]
mod tests;
