use super::*;
use crate::roles::RoleName;

fn problem(text: &str) -> String {
    Entities::parse(text).unwrap_err().to_string()
}

#[test]
fn the_demo_s_users_load() {
    let entities = Entities::parse(include_str!("../../../demo-data/entities.json")).unwrap();
    assert_eq!(entities.subjects.len(), 7);
    assert!(entities.subjects.iter().all(|s| s.kind == "identity" && s.email().is_some()));
}

#[test]
fn the_certification_fixture_s_shape_loads() {
    let text = r#"{"subjects":[{"type":"user","id":"bob","properties":{"role":"admin"}}],
        "resources":[{"type":"record","id":"record-1","properties":{"status":"active"}}],
        "actions":[{"name":"read"},{"name":"delete","properties":{"soft":"boolean"}}]}"#;
    let entities = Entities::parse(text).unwrap();
    assert_eq!(entities.actions[1].properties["soft"], "boolean");
}

#[test]
fn an_error_names_the_place() {
    let text = r#"{"subjects":[{"type":"user","id":"a"},{"type":"user","id":""}]}"#;
    assert_eq!(problem(text), "subjects[1]: type, id and name must not be empty");
    let text = r#"{"subjects":[{"type":"user","id":"a","properties":{"n":1.5}}]}"#;
    assert_eq!(problem(text), "subjects[0].properties: `n`: a number that is no 64-bit integer");
    let text = r#"{"resources":[{"type":"t","id":"a","properties":{"x":{"__entity":1}}}]}"#;
    assert_eq!(
        problem(text),
        "resources[0].properties: `__entity`: names that start with `__` are reserved"
    );
    let text = r#"{"subjects":[{"type":"user","id":"a","roles":["a,b"]}]}"#;
    assert!(problem(text).contains("a role name must be"), "{}", problem(text));
    assert!(problem(r#"{"subject":[]}"#).contains("unknown field `subject`"));
}

#[test]
fn two_owners_of_one_address_are_refused_whatever_its_case() {
    let text = r#"{"subjects":[
        {"type":"user","id":"a","properties":{"email":"A@example.com"}},
        {"type":"robot","id":"b","properties":{"email":"a@EXAMPLE.com"}}]}"#;
    assert_eq!(
        problem(text),
        "subjects[1].properties.email: is already that of subjects[0].properties.email"
    );
    let text = r#"{"subjects":[{"type":"user","id":"a","properties":{"email":5}}]}"#;
    assert_eq!(problem(text), "subjects[0].properties.email: must be an e-mail address");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Entities::load(Path::new("/nonexistent/entities.json")).unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/entities.json: "), "{error}");
}

#[test]
fn an_id_used_twice_is_refused_with_both_places() {
    let two = |what: &str, entity: &str| problem(&format!(r#"{{"{what}":[{entity},{entity}]}}"#));
    assert_eq!(
        two("subjects", r#"{"type":"user","id":"a"}"#),
        "subjects[1]: subject `a` is already subjects[0]"
    );
    assert_eq!(
        two("resources", r#"{"type":"t","id":"a"}"#),
        "resources[1]: resource `a` is already resources[0]"
    );
    assert_eq!(two("actions", r#"{"name":"a"}"#), "actions[1]: action `a` is already actions[0]");
    assert_eq!(two("roles", r#"{"name":"a"}"#), "roles[1]: role `a` is already roles[0]");
    let text = r#"{"subjects":[{"type":"user","id":"a","roles":["x",{"role":"x"}]}]}"#;
    assert_eq!(problem(text), "subjects[0].roles[1]: `x` is granted twice");
    assert!(
        Entities::parse(r#"{"subjects":[{"type":"a","id":"x"},{"type":"b","id":"x"}]}"#).is_ok()
    );
}

#[test]
fn a_control_character_in_a_name_is_refused() {
    let text = "{\"subjects\":[{\"type\":\"user\",\"id\":\"a\\u0000\"}]}";
    assert!(problem(text).starts_with("subjects[0]: type, id and name must be at most 512 bytes"));
}

fn names(roles: &[RoleName]) -> Vec<&str> {
    roles.iter().map(RoleName::as_str).collect()
}

#[test]
fn a_grant_holds_until_its_end_and_the_next_end_is_known() {
    let text = r#"{"subjects":[{"type":"user","id":"a","roles":["always",
        {"role":"later","expires_at":"2026-01-03T00:00:00Z"},
        {"role":"soon","expires_at":"2026-01-02T00:00:00Z"},{"role":"plain"}]}]}"#;
    let subject = &Entities::parse(text).unwrap().subjects[0];
    let at = |text: &str| subject.roles_at(text.parse().unwrap());
    let first = at("2026-01-01T23:59:59Z");
    assert_eq!(names(&first.names), ["always", "later", "soon", "plain"]);
    assert_eq!(first.until, Some("2026-01-02T00:00:00Z".parse().unwrap()));
    let second = at("2026-01-02T00:00:00Z");
    assert_eq!(names(&second.names), ["always", "later", "plain"]);
    assert_eq!(second.until, Some("2026-01-03T00:00:00Z".parse().unwrap()));
    let third = at("2027-01-01T00:00:00Z");
    assert_eq!((names(&third.names), third.until), (vec!["always", "plain"], None));
}

#[test]
fn a_grant_is_written_as_it_is_read() {
    let text = r#"["a",{"role":"b","expires_at":"2026-01-02T00:00:00Z"}]"#;
    let grants: Vec<Grant> = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&grants).unwrap(), text);
    for (text, problem) in [
        (r#"[{"role":"b","until":1}]"#, "unknown field `until`"),
        (r#"[{"expires_at":"2026-01-02T00:00:00Z"}]"#, "missing field `role`"),
        (r#"[{"role":"b","expires_at":"tomorrow"}]"#, "as year"),
        (r#"["a b"]"#, "a role name must be"),
        ("[5]", "expected a role name, or an object"),
    ] {
        let error = serde_json::from_str::<Vec<Grant>>(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn hierarchy(edges: &[(&str, &[&str])]) -> Result<Hierarchy, Cycle> {
    Hierarchy::new(edges.iter().map(|(name, parents)| Role {
        name: role(name),
        parents: parents.iter().map(|parent| role(parent)).collect(),
    }))
}

#[test]
fn inherited_roles_follow_the_granted_ones_breadth_first_and_once() {
    let edges: [(&str, &[&str]); 4] = [
        ("admin", &["editor", "auditor"]),
        ("editor", &["viewer"]),
        ("auditor", &["viewer", "nobody-defined-this"]),
        ("root", &["admin"]),
    ];
    let hierarchy = hierarchy(&edges).unwrap();
    let effective = |granted: &[&str]| {
        let granted: Vec<_> = granted.iter().map(|name| role(name)).collect();
        names(&hierarchy.effective(&granted)).join(" ")
    };
    assert_eq!(
        effective(&["user", "admin"]),
        "user admin editor auditor viewer nobody-defined-this"
    );
    assert_eq!(effective(&["viewer", "editor", "viewer"]), "viewer editor");
    assert_eq!(effective(&["nobody-defined-this"]), "nobody-defined-this");
    assert_eq!(effective(&[]), "");
}

#[test]
fn a_role_that_inherits_from_itself_is_refused_with_the_circle() {
    let cycle = |edges: &[(&str, &[&str])]| hierarchy(edges).unwrap_err().to_string();
    assert_eq!(cycle(&[("a", &["a"])]), "a role inherits from itself: a → a");
    let text = cycle(&[("x", &["a"]), ("a", &["b"]), ("b", &["z", "c"]), ("c", &["a"])]);
    assert_eq!(text, "a role inherits from itself: a → b → c → a");
    let text = r#"{"roles":[{"name":"a","parents":["b"]},{"name":"b","parents":["a"]}]}"#;
    assert_eq!(problem(text), "roles: a role inherits from itself: a → b → a");
    assert!(hierarchy(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])]).is_ok());
}
