//! A layer: files as tar, packed with gzip.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::Digest;

/// One entry of a layer. Owned by root: what runs as somebody else may read it and not change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    path: String,
    mode: u32,
    /// A folder has none.
    content: Option<Vec<u8>>,
}

impl Entry {
    /// A file that everybody may read.
    #[must_use]
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o644, content: Some(content.into()) }
    }

    /// A file that everybody may run.
    #[must_use]
    pub fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { mode: 0o755, ..Self::file(path, content) }
    }

    /// A folder with these permissions. Those above a file need not be named.
    #[must_use]
    pub fn folder(path: impl Into<String>, mode: u32) -> Self {
        Self { path: path.into(), mode, content: None }
    }
}

/// A packed layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The bytes that are stored: tar and gzip.
    pub packed: Vec<u8>,
    /// The digest of the tar itself (`diff_id`).
    pub unpacked: Digest,
}

impl Layer {
    /// Packs entries, by their paths in order.
    pub fn of(entries: &[Entry]) -> Result<Self> {
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let mut tar = Builder::new(Vec::new());
        for entry in entries {
            append(&mut tar, entry).with_context(|| format!("/{} in a layer", entry.path))?;
        }
        let tar = tar.into_inner()?;
        // The header's time is nobody's, and its system is "unknown": neither is of use to anyone.
        let mut gzip =
            GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
        gzip.write_all(&tar)?;
        Ok(Self { packed: gzip.finish()?, unpacked: Digest::of(&tar) })
    }
}

fn append(tar: &mut Builder<Vec<u8>>, entry: &Entry) -> Result<()> {
    let content = entry.content.as_deref().unwrap_or_default();
    let mut header = Header::new_ustar();
    header.set_entry_type(match entry.content {
        Some(_) => EntryType::Regular,
        None => EntryType::Directory,
    });
    header.set_mode(entry.mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(u64::try_from(content.len())?);
    let slash = if entry.content.is_none() { "/" } else { "" };
    tar.append_data(&mut header, format!("{}{slash}", entry.path), content)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry::program("service", "code"),
            Entry::folder("tmp", 0o1777),
            Entry::file("etc/passwd", "root"),
        ]
    }

    #[test]
    fn it_is_the_same_whenever_and_in_whatever_order_it_is_made() {
        let mut turned = entries();
        turned.reverse();
        assert_eq!(Layer::of(&entries()).unwrap(), Layer::of(&turned).unwrap());
    }

    #[test]
    fn what_went_in_comes_out() {
        let layer = Layer::of(&entries()).unwrap();
        let mut tar = Vec::new();
        GzDecoder::new(&layer.packed[..]).read_to_end(&mut tar).unwrap();
        assert_eq!(layer.unpacked, Digest::of(&tar));
        let mut seen = Vec::new();
        for entry in tar::Archive::new(&tar[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let header = entry.header();
            let owner = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
            assert_eq!(owner, (0, 0, 0));
            let path = entry.path().unwrap().display().to_string();
            seen.push((path, header.mode().unwrap(), content));
        }
        let expected =
            [("etc/passwd", 0o644, "root"), ("service", 0o755, "code"), ("tmp/", 0o1777, "")];
        assert_eq!(seen, expected.map(|(path, mode, text)| (path.into(), mode, text.into())));
    }

    #[test]
    fn another_byte_is_another_layer() {
        let one = Layer::of(&[Entry::file("a", "1")]).unwrap();
        for other in [Entry::file("a", "2"), Entry::file("b", "1"), Entry::program("a", "1")] {
            assert_ne!(Layer::of(&[other]).unwrap().unpacked, one.unpacked);
        }
    }
}
