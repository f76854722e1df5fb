//! What a refused client is told about how to come back (`www-authenticate`, RFC 9110 §11.6.1): the
//! scheme, what was wrong, which scopes are wanted and where tokens come from. Nothing in it comes
//! from the request.

use std::fmt::Write as _;

use crate::policy::ProofPolicy;
use crate::time::Timestamp;

/// What challenges say whatever was wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Challenge<'p> {
    /// URL of the protected resource metadata (RFC 9728 §5.1).
    pub resource_metadata: Option<&'p str>,
    /// How proofs of possession are checked, where they are.
    pub proofs: Option<&'p ProofPolicy>,
    /// When it is said, for nonces.
    pub now: Timestamp,
}

impl Challenge<'_> {
    /// A challenge of the scheme `Bearer` (RFC 6750 §3), with an error and its description.
    pub(super) fn bearer(&self, error: Option<(&str, &str)>, scope: Option<&str>) -> String {
        self.of("Bearer", error, scope, None)
    }

    /// A challenge of the scheme `DPoP` (RFC 9449 §7.1).
    pub(super) fn dpop(&self, error: Option<(&str, &str)>, scope: Option<&str>) -> String {
        self.of("DPoP", error, scope, self.proofs.map(|proofs| &*proofs.algorithm_names))
    }

    /// Everything in it is from the configuration or a word of ours, and none of that has quotes.
    fn of(
        &self,
        scheme: &str,
        error: Option<(&str, &str)>,
        scope: Option<&str>,
        algorithms: Option<&str>,
    ) -> String {
        let (error, description) = error.unzip();
        let parameters = [
            ("error", error),
            ("error_description", description),
            ("scope", scope),
            ("algs", algorithms),
            ("resource_metadata", self.resource_metadata),
        ];
        let mut challenge = String::from(scheme);
        let mut before = " ";
        for (name, value) in parameters {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(challenge, "{before}{name}=\"{value}\"");
                before = ", ";
            }
        }
        challenge
    }
}
