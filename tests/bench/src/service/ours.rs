//! The job for authz-service: policies, schema and entities as files, questions as AuthZEN.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Result;
use claimgate_authz_api::{EVALUATION_PATH, EVALUATIONS_PATH};
use serde_json::{Value, json};

use super::job::{self, ACTIONS, Asked, EVERYBODY, RECORDS, ROLES};
use super::load::Question;
use super::point::Point;

/// What the policies look at beside role, action and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// Nothing.
    None,
    /// A stored attribute of the subject.
    OfSubject,
    /// A stored attribute of the record.
    OfRecord,
}

/// What one process decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Stored subjects.
    pub subjects: usize,
    /// How many policies; all but ten are about other roles and other records.
    pub policies: usize,
    /// What the ten look at.
    pub conditions: Conditions,
}

/// Starts one that decides about `site`.
pub fn start(program: &Path, folder: &Path, site: Site) -> Result<Point> {
    let folder = folder.join(format!("{}-{}-{:?}", site.subjects, site.policies, site.conditions));
    fs::create_dir_all(folder.join("policies"))?;
    fs::write(folder.join("schema.cedarschema"), schema(site.conditions))?;
    fs::write(folder.join("policies/bench.cedar"), policies(site))?;
    fs::write(folder.join("entities.json"), entities(site).to_string())?;
    Point::start(program, &folder, "/health/ready", |address| {
        let named = |option: &str, value: String| [option.to_owned(), value];
        let entities = folder.join("entities.json").display().to_string();
        let policies = folder.display().to_string();
        let listen = named("--listen", address.to_string());
        [listen, named("--policies", policies), named("--entities", entities)].concat()
    })
}

fn schema(conditions: Conditions) -> String {
    let kinds: Vec<String> = (0..ROLES).map(job::kind).collect();
    let kinds = kinds.join(", ");
    let shape = if conditions == Conditions::OfRecord { " { state?: String }" } else { "" };
    let actions = ACTIONS.join(", ");
    format!(
        "entity Role;\n\
         entity user in [Role] {{ email?: String, email_verified?: Bool, department?: String }};\n\
         entity {kinds}{shape};\n\
         action {actions} appliesTo {{ principal: [user], resource: [{kinds}] }};\n"
    )
}

fn policies(site: Site) -> String {
    let condition = match site.conditions {
        Conditions::None => "",
        Conditions::OfSubject => {
            " when { principal has department && principal.department == \"sales\" }"
        }
        Conditions::OfRecord => " when { resource has state && resource.state == \"open\" }",
    };
    let mut text = String::new();
    for number in 0..site.policies {
        let (role, kind) = (job::role(number), job::kind(number % ROLES));
        let _ = match number {
            0..ROLES => writeln!(
                text,
                "permit (principal in Role::\"{role}\", action in [Action::\"read\", \
                 Action::\"list\"], resource is {kind}){condition};"
            ),
            // What the same roles may do to other records, and other roles to the same ones.
            _ if number % 2 == 0 => writeln!(
                text,
                "permit (principal in Role::\"{role}\", action == Action::\"write\", \
                 resource == {kind}::\"archive-{number}\"){condition};"
            ),
            _ => writeln!(
                text,
                "permit (principal in Role::\"team{number}\", action in [Action::\"read\", \
                 Action::\"list\"], resource is {kind}){condition};"
            ),
        };
    }
    text
}

fn entities(site: Site) -> Value {
    let subject = |number| {
        json!({
            "type": "user",
            "id": job::subject(number),
            "properties": {"email": email(number), "department": "sales"},
            "roles": [job::role(number), EVERYBODY],
        })
    };
    let record = |(kind, number)| json!({"type": job::kind(kind), "id": job::record(number), "properties": {"state": "open"}});
    let stored = site.conditions == Conditions::OfRecord;
    let records = (0..if stored { ROLES } else { 0 })
        .flat_map(|kind| (0..RECORDS).map(move |number| (kind, number)));
    json!({
        "subjects": (0..site.subjects).map(subject).collect::<Vec<_>>(),
        "resources": records.map(record).collect::<Vec<_>>(),
    })
}

fn email(subject: usize) -> String {
    format!("first.last-{subject}@example.com")
}

/// What a gateway asks: a subject by its id.
pub fn by_id(asked: &Asked) -> Question {
    evaluation(asked, &json!({"type": "user", "id": job::subject(asked.subject)}))
}

/// What a gateway asks that sends the token's e-mail along.
pub fn by_email(asked: &Asked) -> Question {
    let properties = json!({"email": email(asked.subject), "email_verified": true});
    let id = job::subject(asked.subject);
    evaluation(asked, &json!({"type": "user", "id": id, "properties": properties}))
}

fn evaluation(asked: &Asked, subject: &Value) -> Question {
    let body = json!({
        "subject": subject,
        "action": {"name": asked.action},
        "resource": {"type": job::kind(asked.kind), "id": job::record(asked.record)},
        "context": {},
    });
    Question { bytes: post(EVALUATION_PATH, &body), decisions: vec![asked.permitted] }
}

/// Ten questions about one subject in one request, half of them permits.
pub fn ten(asked: &Asked) -> Question {
    let own = asked.subject % ROLES;
    let kinds = || (0..10).map(|item| if item % 2 == 0 { own } else { (own + item) % ROLES });
    let item = |(record, kind)| {
        json!({"action": {"name": "read"},
               "resource": {"type": job::kind(kind), "id": job::record(record)}})
    };
    let body = json!({
        "subject": {"type": "user", "id": job::subject(asked.subject)},
        "context": {},
        "evaluations": kinds().enumerate().map(item).collect::<Vec<_>>(),
    });
    let decisions = kinds().map(|kind| kind == own).collect();
    Question { bytes: post(EVALUATIONS_PATH, &body), decisions }
}

/// A request as it goes over the wire.
pub fn post(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: decision-point\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// What costs no more than HTTP does.
pub fn health() -> Question {
    let bytes = b"GET /health/live HTTP/1.1\r\nhost: decision-point\r\n\r\n".to_vec();
    Question { bytes, decisions: Vec::new() }
}
