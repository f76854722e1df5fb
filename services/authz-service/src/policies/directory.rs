//! The policy directory: `schema.cedarschema` and `policies/*.cedar`.
//!
//! Reading only. What the texts mean is `engine`'s business. Files are taken in name order, so
//! that the same directory always gives the same errors and the same policy names.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Texts;
use crate::engine::{InvalidPolicies, Source};

const SCHEMA: &str = "schema.cedarschema";
const FOLDER: &str = "policies";

/// A directory that policies are read from.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

/// What the file system says about the files: enough to see that one of them is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    /// Of what a symbolic link leads to: Kubernetes swaps a link to change all files at once.
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Directory {
    /// The directory at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Reads the schema and every policy.
    pub fn read(&self) -> Result<Texts, InvalidPolicies> {
        let schema = self.read_file(&self.0.join(SCHEMA))?;
        let files = self.policy_files()?;
        if files.is_empty() {
            // Without a policy everything is denied; that is never what someone meant.
            return Err(InvalidPolicies::new(self.folder(), "holds no *.cedar file"));
        }
        let policies: Result<Vec<_>, _> = files.iter().map(|file| self.read_file(file)).collect();
        Ok(Texts { schema, policies: policies? })
    }

    /// What `read` would read, without reading it.
    pub(super) fn list(&self) -> Result<Listing, InvalidPolicies> {
        let mut files = vec![self.0.join(SCHEMA)];
        files.extend(self.policy_files()?);
        let entry = |path: PathBuf| Entry::of(&path).map_err(|error| unreadable(&path, &error));
        files.into_iter().map(entry).collect::<Result<_, _>>().map(Listing)
    }

    fn folder(&self) -> String {
        self.0.join(FOLDER).display().to_string()
    }

    fn policy_files(&self) -> Result<Vec<PathBuf>, InvalidPolicies> {
        let folder = self.0.join(FOLDER);
        let failed = |error| unreadable(&folder, &error);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension() == Some(OsStr::new("cedar")) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Files are named relative to the directory: the names also name policies without an `@id`.
    fn read_file(&self, path: &Path) -> Result<Source, InvalidPolicies> {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let file = path.strip_prefix(&self.0).unwrap_or(path).display().to_string();
        Ok(Source { file, text })
    }
}

impl Entry {
    fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> InvalidPolicies {
    InvalidPolicies::new(path.display().to_string(), error)
}
