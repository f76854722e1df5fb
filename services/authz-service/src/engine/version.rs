//! The name of a policy set's content. Two sets have the same version when their schemas and
//! files, names included, are the same bytes; nothing else of a set goes into it.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Source;

/// How much of the digest is kept: 16 hexadecimal digits tell versions apart in a log.
const BYTES: usize = 8;

/// The first 16 hexadecimal digits of a SHA-256 over a schema and its policy files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyVersion(Arc<str>);

impl PolicyVersion {
    /// The version of these texts; the order of the files does not matter.
    pub fn of(schema: &Source, policies: &[Source]) -> Self {
        let mut files: Vec<&Source> = policies.iter().collect();
        files.sort_by(|a, b| (&a.file, &a.text).cmp(&(&b.file, &b.text)));
        let mut digest = Sha256::new();
        for source in std::iter::once(schema).chain(files) {
            // With its length before it, no text can pass for a name and a text.
            for part in [&source.file, &source.text] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part);
            }
        }
        let digits = digest
            .finalize()
            .iter()
            .take(BYTES)
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        Self(digits.into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PolicyVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(schema: &str, files: &[(&str, &str)]) -> PolicyVersion {
        let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
        let files: Vec<_> = files.iter().map(|(file, text)| source(file, text)).collect();
        PolicyVersion::of(&source("schema.cedarschema", schema), &files)
    }

    #[test]
    fn names_and_texts_make_a_version_and_their_order_does_not() {
        let one = version("s", &[("a", "x"), ("b", "y")]);
        assert_eq!(one.as_str().len(), 16);
        assert_eq!(one, version("s", &[("b", "y"), ("a", "x")]));
        for other in [
            version("t", &[("a", "x"), ("b", "y")]),
            version("s", &[("a", "x"), ("b", "z")]),
            version("s", &[("a", "x"), ("c", "y")]),
            version("s", &[("a", "xb"), ("", "y")]),
            version("s", &[("a", "x")]),
        ] {
            assert_ne!(one, other);
        }
    }
}
