//! Keys on P-256, P-384 and P-521. Envoy verifies with them many times as fast as we could, so the
//! module that is shipped has no arithmetic for these curves: the feature `portable-curves` adds it,
//! for other hosts and for tests. Without it such a key is what the host is handed, and no more.

#[cfg(feature = "portable-curves")]
mod portable;

#[cfg(feature = "portable-curves")]
pub use portable::{P256Key, P384Key, P521Key};

#[cfg(not(feature = "portable-curves"))]
pub use of_host::{P256Key, P384Key, P521Key};

/// What comes before the point in a SubjectPublicKeyInfo (RFC 5480 §2): a sequence of the algorithm,
/// which is an elliptic curve's key on this one, and of the point.
#[cfg(any(test, not(feature = "portable-curves")))]
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
#[cfg(any(test, not(feature = "portable-curves")))]
const P384_PREFIX: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
#[cfg(any(test, not(feature = "portable-curves")))]
const P521_PREFIX: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];

#[cfg(not(feature = "portable-curves"))]
mod of_host {
    /// A point that is said to be on P-256.
    #[derive(PartialEq, Eq)]
    pub struct P256Key(Box<[u8]>);

    /// A point that is said to be on P-384.
    #[derive(PartialEq, Eq)]
    pub struct P384Key(Box<[u8]>);

    /// A point that is said to be on P-521.
    #[derive(PartialEq, Eq)]
    pub struct P521Key(Box<[u8]>);

    macro_rules! of_host {
        ($key:ident, $prefix:expr) => {
            impl $key {
                /// A key from an uncompressed point of full length. One that is not on the curve
                /// verifies nothing: the host will not take it.
                pub fn from_sec1(point: &[u8]) -> Option<Self> {
                    Some(Self(point.into()))
                }

                /// The key as a DER SubjectPublicKeyInfo.
                pub fn spki(&self) -> Option<Box<[u8]>> {
                    Some([&$prefix[..], &self.0].concat().into())
                }

                /// Nothing here can verify with it.
                pub const fn verify(&self, _: &[u8], _: &[u8]) -> bool {
                    false
                }
            }
        };
    }

    of_host!(P256Key, super::P256_PREFIX);
    of_host!(P384Key, super::P384_PREFIX);
    of_host!(P521Key, super::P521_PREFIX);
}

#[cfg(all(test, feature = "portable-curves"))]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_form_of_a_key_is_a_prefix_and_its_point() {
        let spki = include_bytes!("../../filter/host_verifier/p256.spki");
        let point = spki.strip_prefix(&P256_PREFIX).unwrap();
        assert_eq!(P256Key::from_sec1(point).unwrap().spki().as_deref(), Some(&spki[..]));
        let spki = include_bytes!("../../filter/host_verifier/p384.spki");
        let point = spki.strip_prefix(&P384_PREFIX).unwrap();
        assert_eq!(P384Key::from_sec1(point).unwrap().spki().as_deref(), Some(&spki[..]));
        let spki = include_bytes!("../../filter/host_verifier/p521.spki");
        let point = spki.strip_prefix(&P521_PREFIX).unwrap();
        assert_eq!(P521Key::from_sec1(point).unwrap().spki().as_deref(), Some(&spki[..]));
    }
}
