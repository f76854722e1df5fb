//! How proofs of possession are checked (RFC 9449), where they are.

use crate::authn::AlgorithmSet;
use crate::authn::dpop::{NonceKeeper, Nonces, PublicOrigin, Window};

/// Settings for proofs.
#[derive(Debug)]
pub struct ProofPolicy {
    /// Where clients believe they are.
    pub origin: PublicOrigin,
    /// Algorithms that proofs may be signed with.
    pub algorithms: AlgorithmSet,
    /// The same, as a challenge names them: separated by spaces.
    pub algorithm_names: Box<str>,
    /// When a proof is good.
    pub window: Window,
    /// Most proofs that are remembered.
    pub max_proofs: usize,
    /// Gives out nonces, where there is a secret for them.
    pub nonces: Option<NonceKeeper>,
    /// Whether every proof needs one.
    pub require_nonce: bool,
}

impl ProofPolicy {
    /// What nonces are for.
    pub const fn nonces(&self) -> Nonces<'_> {
        match (&self.nonces, self.require_nonce) {
            (None, _) => Nonces::Off,
            (Some(keeper), false) => Nonces::Accepted(keeper),
            (Some(keeper), true) => Nonces::Required(keeper),
        }
    }
}
