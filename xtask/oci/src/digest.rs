//! What content is called: the SHA-256 of its bytes.

use std::fmt;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const ALGORITHM: &str = "sha256:";

/// `sha256:` and 64 lower-case hexadecimal digits (OCI image specification, Digests).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{ALGORITHM}{hex}"))
    }

    /// Without the algorithm: what a field named `sha256` wants.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(ALGORITHM).unwrap_or_default()
    }
}

impl TryFrom<String> for Digest {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let hex = text.strip_prefix(ALGORITHM).unwrap_or_default();
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        ensure!(hex.len() == 64 && hex.bytes().all(is_digit), "{text:?} is no SHA-256 digest");
        Ok(Self(text))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_bytes() {
        let empty = Digest::of(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!((empty.hex(), empty.to_string()), (hex, format!("sha256:{hex}")));
    }

    #[test]
    fn what_is_no_digest_is_refused_by_name() {
        let good = Digest::of(b"").to_string();
        assert_eq!(Digest::try_from(good.clone()).unwrap(), Digest::of(b""));
        let hex = Digest::of(b"").hex().to_owned();
        let (short, loud) = (good.trim_end_matches('5'), good.to_uppercase());
        for bad in ["", "sha256:", &hex, short, &loud, "sha512:00"] {
            let error = Digest::try_from(bad.to_owned()).unwrap_err().to_string();
            assert!(error.contains(&format!("{bad:?}")), "{error}");
        }
    }
}
