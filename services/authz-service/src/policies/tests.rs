use std::path::Path;

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

fn load(path: &Path) -> Result<Policies, InvalidPolicies> {
    Policies::load(&Directory::new(path).read()?)
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

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join("policies").join(name), text).unwrap();
}

/// Policies from a folder of its own, watched.
fn watched() -> (tempfile::TempDir, Arc<Policies>, watch::Watcher) {
    let folder = directory(Some(SCHEMA), &[("a.cedar", PERMIT)]);
    let source = Directory::new(folder.path());
    let policies = Arc::new(Policies::load(&source.read().unwrap()).unwrap());
    let mut watcher = watch::Watcher::new(Arc::clone(&policies), source);
    watcher.look();
    watcher.look();
    (folder, policies, watcher)
}

#[test]
fn a_change_is_taken_when_it_has_come_to_rest() {
    let (folder, policies, mut watcher) = watched();
    let before = policies.engine();
    write(&folder, "b.cedar", "forbid (principal, action, resource);");
    watcher.look();
    assert_eq!(policies.engine().version(), before.version());
    write(&folder, "c.cedar", PERMIT);
    watcher.look();
    assert_eq!(policies.engine().version(), before.version());
    watcher.look();
    let after = policies.engine();
    assert_ne!(after.version(), before.version());
    assert!(after.generation() > before.generation());
    assert_eq!(after.policy_count(), 3);
    assert_eq!(policies.state().version, *after.version());
}

#[test]
fn a_bad_set_is_refused_and_the_one_before_goes_on() {
    let (folder, policies, mut watcher) = watched();
    let before = policies.engine();
    write(&folder, "b.cedar", "permit (principal, action, resorce);");
    watcher.look();
    watcher.look();
    assert!(Arc::ptr_eq(&policies.engine(), &before));
    let state = policies.state();
    let refused = state.last_error.clone().unwrap();
    assert!(refused.error.to_string().starts_with("policies/b.cedar:1:28: "));
    assert!(refused.version.is_some());
    watcher.look();
    watcher.look();
    assert_eq!(policies.state(), state);
    std::fs::remove_file(folder.path().join("policies/b.cedar")).unwrap();
    watcher.look();
    watcher.look();
    assert!(!policies.state().is_stale());
    assert!(Arc::ptr_eq(&policies.engine(), &before));
}

#[test]
fn a_directory_that_is_gone_or_empty_is_an_error_and_not_an_empty_set() {
    let (folder, policies, mut watcher) = watched();
    let before = policies.engine();
    std::fs::remove_file(folder.path().join("policies/a.cedar")).unwrap();
    watcher.look();
    watcher.look();
    let problem =
        |policies: &Policies| policies.state().last_error.clone().unwrap().error.to_string();
    assert!(problem(&policies).ends_with("holds no *.cedar file"));
    std::fs::remove_dir_all(folder.path()).unwrap();
    watcher.look();
    watcher.look();
    assert!(problem(&policies).contains("policies"));
    assert!(Arc::ptr_eq(&policies.engine(), &before));
}

#[test]
fn a_swapped_link_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let version = |name: &str, policy: &str| {
        let version = folder.path().join(name);
        std::fs::create_dir_all(version.join("policies")).unwrap();
        std::fs::write(version.join("schema.cedarschema"), SCHEMA).unwrap();
        std::fs::write(version.join("policies/a.cedar"), policy).unwrap();
    };
    version("..1", PERMIT);
    version("..2", &PERMIT.replace("permit", "forbid"));
    std::os::unix::fs::symlink("..1", folder.path().join("live")).unwrap();
    let source = Directory::new(folder.path().join("live"));
    let policies = Arc::new(Policies::load(&source.read().unwrap()).unwrap());
    let before = policies.engine();
    let mut watcher = watch::Watcher::new(Arc::clone(&policies), source);
    watcher.look();
    watcher.look();
    std::os::unix::fs::symlink("..2", folder.path().join("next")).unwrap();
    std::fs::rename(folder.path().join("next"), folder.path().join("live")).unwrap();
    watcher.look();
    watcher.look();
    assert_ne!(policies.engine().version(), before.version());
}

#[test]
fn the_same_texts_offered_again_change_nothing() {
    let (folder, policies, _) = watched();
    let texts = Directory::new(folder.path()).read();
    let before = policies.engine();
    assert_eq!(policies.offer(texts), Offered::Same);
    assert!(Arc::ptr_eq(&policies.engine(), &before));
}

#[test]
fn a_check_tells_every_problem_or_version_and_warnings() {
    let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
    let texts = |policies: Vec<Source>| Texts { schema: source("s", SCHEMA), policies };
    let bad = texts(vec![
        source("a", "permit (principal, action, resorce);"),
        source("b", "@id(\"\") permit (principal, action, resource);"),
        source("c", PERMIT),
    ]);
    let error = check(&bad).unwrap_err();
    let at: Vec<_> = error.problems.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(at, ["a:1:28", "b"]);
    assert!(error.to_string().ends_with("(and 1 more)"));
    let wrong = "permit (principal, action, resource) when { principal.x };";
    let bad = texts(vec![source("a", wrong), source("b", &format!("// why\n\n{wrong}"))]);
    let error = check(&bad).unwrap_err();
    let at: Vec<_> = error.problems.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(at, ["a:1", "b:3"]);
    let never = "permit (principal, action, resource) when { false };";
    let good = texts(vec![source("a", PERMIT), source("b", never)]);
    let report = check(&good).unwrap();
    assert_eq!((report.policies, &report.version), (2, &good.version()));
    assert_eq!(report.warnings.len(), 1);
    assert_eq!(report.warnings[0].at, "b:1");
}
