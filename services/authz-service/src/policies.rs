//! The policy directory: `schema.cedarschema` and `policies/*.cedar`, read once at start.
//!
//! Reading only. What the texts mean is `engine`'s business. Files are taken in name order, so
//! that the same directory always gives the same errors and the same policy names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::engine::{Engine, InvalidPolicies, Source};

/// Reads and validates the directory at `directory`.
pub fn load(directory: &Path) -> Result<Engine, InvalidPolicies> {
    let schema = read(&directory.join("schema.cedarschema"), directory)?;
    let folder = directory.join("policies");
    let files = policy_files(&folder)?;
    if files.is_empty() {
        // Without a policy everything is denied; that is never what someone meant to start.
        return Err(InvalidPolicies::new(folder.display().to_string(), "holds no *.cedar file"));
    }
    let policies: Result<Vec<_>, _> = files.iter().map(|file| read(file, directory)).collect();
    Engine::load(&schema, &policies?)
}

fn policy_files(folder: &Path) -> Result<Vec<PathBuf>, InvalidPolicies> {
    let unreadable = |error| InvalidPolicies::new(folder.display().to_string(), &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == Some(OsStr::new("cedar")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Files are named relative to the directory: the names also name policies without an `@id`.
fn read(path: &Path, directory: &Path) -> Result<Source, InvalidPolicies> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| InvalidPolicies::new(path.display().to_string(), &error))?;
    let file = path.strip_prefix(directory).unwrap_or(path).display().to_string();
    Ok(Source { file, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(schema: Option<&str>, policies: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        if let Some(schema) = schema {
            std::fs::write(folder.path().join("schema.cedarschema"), schema).unwrap();
        }
        for (name, text) in policies {
            std::fs::write(folder.path().join("policies").join(name), text).unwrap();
        }
        folder
    }

    fn problem(schema: Option<&str>, policies: &[(&str, &str)]) -> String {
        load(directory(schema, policies).path()).err().unwrap().to_string()
    }

    const SCHEMA: &str = "entity user { age?: Long };\nentity record;\n\
        action read appliesTo { principal: [user], resource: [record] };";
    const PERMIT: &str = "permit (principal, action, resource);";

    #[test]
    fn the_demo_s_directory_loads() {
        load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/demo"))).map(drop).unwrap();
    }

    #[test]
    fn other_files_in_the_folder_are_left_alone() {
        let files = [("a.cedar", PERMIT), ("README.md", "not a policy"), ("b.cedar.orig", "x")];
        load(directory(Some(SCHEMA), &files).path()).map(drop).unwrap();
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(problem(None, &[("a.cedar", PERMIT)]).contains("schema.cedarschema"));
        assert!(problem(Some(SCHEMA), &[]).ends_with("policies: holds no *.cedar file"));
    }

    #[test]
    fn what_does_not_parse_is_named_with_its_place() {
        let text = "permit (principal, action, resource);\npermit (principal, action, resorce);";
        let error = problem(Some(SCHEMA), &[("a.cedar", PERMIT), ("b.cedar", text)]);
        assert!(error.starts_with("policies/b.cedar:2:28: "), "{error}");
        let error = problem(Some("entity user;\nentty x;"), &[("a.cedar", PERMIT)]);
        assert!(error.starts_with("schema.cedarschema:2:1: "), "{error}");
    }

    #[test]
    fn what_the_schema_contradicts_is_named_with_its_file() {
        for text in [
            "@id(\"p\") permit (principal, action, resource) when { principal.agee == 1 };",
            "@id(\"p\") permit (principal, action, resource) when { principal has age && principal.age == \"x\" };",
            "@id(\"p\") permit (principal, action == Action::\"rad\", resource);",
            "@id(\"p\") permit (principal is usr, action, resource);",
        ] {
            let error = problem(Some(SCHEMA), &[("a.cedar", PERMIT), ("b.cedar", text)]);
            assert!(error.starts_with("policies/b.cedar:1: ") && error.contains("`p`"), "{error}");
        }
    }

    #[test]
    fn a_name_used_twice_is_refused() {
        let text = "@id(\"p\") permit (principal, action, resource);";
        let error = problem(Some(SCHEMA), &[("a.cedar", text), ("b.cedar", text)]);
        assert_eq!(error, "policies/b.cedar: a policy named `p` is already in policies/a.cedar");
    }

    #[test]
    fn templates_and_empty_names_are_refused() {
        let template = "permit (principal == ?principal, action, resource);";
        assert!(problem(Some(SCHEMA), &[("a.cedar", template)]).contains("templates"));
        let nameless = "@id(\"\") permit (principal, action, resource);";
        assert!(problem(Some(SCHEMA), &[("a.cedar", nameless)]).contains("empty @id"));
    }
}
