//! What replicas read from a cache that others can write: roles, and word of changes.

use authz_service::cache::{Invalidation, What};
use authz_service::roles;
use serde_json::json;

/// A value, as both. What is read can be written again, and goes into a header and a log as it is.
pub fn shared(value: &[u8]) {
    if let Ok(roles) = roles::decode(value) {
        assert!(roles.len() <= roles::MAX_ROLES, "{} roles", roles.len());
        assert_eq!(roles::decode(&roles::encode(&roles)).as_ref(), Ok(&roles));
        let names: Vec<_> = roles.iter().map(roles::RoleName::as_str).collect();
        let header = names.join(",");
        assert!(header.bytes().all(|byte| byte.is_ascii_graphic()), "{header:?}");
        assert!(names.is_empty() || header.split(',').eq(names), "another list: {header:?}");
    }
    if let Some(change) = Invalidation::decode(value) {
        let told = Invalidation::decode(&change.encode()).expect("a message of ours");
        assert_eq!(told.version, change.version);
        assert!(told.what == change.what || told.what == What::Everything, "of something else");
        // The kind and the version: nothing of whom it is about.
        assert!(format!("{change:?}").len() < 80, "{change:?}");
    }
}

pub(crate) fn values() -> Vec<Vec<u8>> {
    let many: Vec<_> = (0..roles::MAX_ROLES).map(|number| format!("role-{number}")).collect();
    let subject =
        json!({"of": "subject", "type": "identity", "id": "1", "emails": ["a@example.com"]});
    let message = |what| json!({"v": 1, "version": 7, "what": what}).to_string();
    let values = [
        "[]".to_owned(),
        r#"["user","customer-manager"]"#.to_owned(),
        r#"["a:b/c.d_e-f"]"#.to_owned(),
        r#"["a,b"]"#.to_owned(),
        json!(many).to_string(),
        message(subject),
        message(json!({"of": "resource", "type": "record", "id": "r"})),
        message(json!({"of": "roles"})),
        message(json!({"of": "tenant", "id": "t"})),
        r#"{"v":2,"version":7,"what":{"of":"state"}}"#.to_owned(),
    ];
    values.into_iter().map(String::into_bytes).collect()
}
