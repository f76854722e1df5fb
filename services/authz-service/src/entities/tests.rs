use super::*;

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
