//! Names the commit the module is built from, for its start-up banner. Never fails a build.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    // Moves with every commit; absent in a source archive, where SOURCE_COMMIT says it.
    if std::path::Path::new(".git/logs/HEAD").exists() {
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    } else {
        println!("cargo::rerun-if-changed=build.rs");
    }
    let commit = std::env::var("SOURCE_COMMIT").ok().or_else(git_commit);
    let commit = commit.filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()));
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=CLAIMGATE_VERSION={}{commit}", env!("CARGO_PKG_VERSION"));
}

fn git_commit() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}
