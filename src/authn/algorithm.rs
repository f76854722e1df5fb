//! The signature algorithms of JOSE that are accepted (RFC 7518 §3.1, RFC 8037 §3.1), and sets of
//! them. `none` is not among them and has no name here.

use std::fmt;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, MGF1 with the same, salt of its length.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// EdDSA on Ed25519.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

use Algorithm::*;

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 13] =
        [Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Es256, Es384, Es512, EdDsa, Hs256, Hs384, Hs512];

    /// By its registered name, which is compared as it stands.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Rs256 => "RS256",
            Rs384 => "RS384",
            Rs512 => "RS512",
            Ps256 => "PS256",
            Ps384 => "PS384",
            Ps512 => "PS512",
            Es256 => "ES256",
            Es384 => "ES384",
            Es512 => "ES512",
            EdDsa => "EdDSA",
            Hs256 => "HS256",
            Hs384 => "HS384",
            Hs512 => "HS512",
        }
    }

    /// Whether the key that signs is the key that verifies.
    pub const fn is_symmetric(self) -> bool {
        AlgorithmSet::SECRET.contains(self)
    }
}

/// A set of algorithms.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// What an RSA key can verify.
    pub const RSA: Self = Self::of(&[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]);
    /// What a shared secret can verify.
    pub const SECRET: Self = Self::of(&[Hs256, Hs384, Hs512]);
    /// Everything that a published key can verify.
    pub const ASYMMETRIC: Self = Self(Self::RSA.0 | Self::of(&[Es256, Es384, Es512, EdDsa]).0);

    /// The set of these.
    pub const fn of(algorithms: &[Algorithm]) -> Self {
        let mut set = 0;
        let mut rest = algorithms;
        while let [first, others @ ..] = rest {
            set |= 1 << (*first as u16);
            rest = others;
        }
        Self(set)
    }

    /// Whether it has this one.
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << (algorithm as u16)) != 0
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Algorithm::name)).finish()
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::default(), |set, one| Self(set.0 | Self::of(&[one]).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_they_stand() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        for name in ["none", "None", "rs256", "RS256 ", "", "ES256K", "Ed25519", "RS1"] {
            assert_eq!(Algorithm::named(name), None, "{name:?}");
        }
    }

    #[test]
    fn secrets_and_published_keys_share_no_algorithm() {
        assert!(AlgorithmSet::SECRET.and(AlgorithmSet::ASYMMETRIC).is_empty());
        assert_eq!(AlgorithmSet::ASYMMETRIC.iter().count() + 3, Algorithm::ALL.len());
        assert!(AlgorithmSet::ASYMMETRIC.iter().all(|algorithm| !algorithm.is_symmetric()));
    }
}
