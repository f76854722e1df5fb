//! Where fuzzing begins: the tokens, proofs, keys and configurations of `tests/testdata`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};

/// The tokens of `tests/testdata/jose/signed.json`.
pub struct Signed {
    /// Seconds since the epoch at which they are good.
    pub now: u64,
    /// Their issuer.
    pub issuer: String,
    /// Their audience.
    pub audience: String,
    /// The keys.
    pub jwks: Value,
    /// The tokens.
    pub tokens: Vec<String>,
    issuer_value: Value,
}

impl Signed {
    pub(crate) fn issuers(&self) -> [&Value; 1] {
        [&self.issuer_value]
    }
}

/// The only tokens that were ever signed with the keys.
pub fn signed() -> &'static Signed {
    static SIGNED: LazyLock<Signed> = LazyLock::new(read);
    &SIGNED
}

fn read() -> Signed {
    let file: Value =
        serde_json::from_str(include_str!("../../testdata/jose/signed.json")).expect("JSON");
    let text = |name: &str| file[name].as_str().expect(name).to_owned();
    let tokens = file["tokens"].as_object().expect("tokens").values();
    Signed {
        now: file["now"].as_u64().expect("now"),
        issuer: text("issuer"),
        audience: text("audience"),
        jwks: file["jwks"].clone(),
        tokens: tokens.map(|token| token.as_str().expect("a token").to_owned()).collect(),
        issuer_value: file["issuer"].clone(),
    }
}

/// The first inputs of a target; `None` when there is no such target.
pub fn seeds(target: &str) -> Option<Vec<Vec<u8>>> {
    match target {
        "token" | "claims" => Some(credentials()),
        "jwks" => Some(key_sets()),
        "config" => Some(configurations()),
        "dpop" => Some(crate::dpop::proofs()),
        "questions" => Some(crate::questions::bodies()),
        "check-request" => Some(crate::check_request::messages()),
        "shared" => Some(crate::shared::values()),
        "cel" => Some(crate::cel::expressions()),
        "statements" => Some(crate::statements::texts()),
        _ => None,
    }
}

fn credentials() -> Vec<Vec<u8>> {
    let tokens = signed().tokens.iter().map(|token| format!("Bearer {token}").into_bytes());
    let others = ["", "Bearer", "Basic dTpw", "Bearer a.b.c", "Bearer a.b.c, Bearer a.b.c"];
    tokens.chain(others.map(|other| other.as_bytes().to_vec())).collect()
}

fn key_sets() -> Vec<Vec<u8>> {
    let one = |key: &Value| json!({"keys": [key]}).to_string().into_bytes();
    let keys = signed().jwks["keys"].as_array().expect("keys");
    let all = signed().jwks.to_string().into_bytes();
    keys.iter().map(one).chain([all]).collect()
}

/// As the module is handed them: JSON.
fn configurations() -> Vec<Vec<u8>> {
    let folder = root().join("tests/testdata/config");
    let files =
        fs::read_dir(&folder).expect("the configurations").map(|entry| entry.expect("an entry"));
    let inputs =
        files.map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with(".in.yaml"));
    let json = |path: PathBuf| {
        let yaml = fs::read_to_string(&path).expect("a readable file");
        let value: Value = serde_saphyr::from_str(&yaml).expect("YAML");
        value.to_string().into_bytes()
    };
    inputs.map(json).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
