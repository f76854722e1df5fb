//! What one decision costs, by the thing that drives the cost. Prints nanoseconds per decision:
//! the median of several rounds, and the fastest one.
//!
//! Run it with `cargo bench -p authz-service --bench decide`. It only measures; what a decision
//! must be is for the tests, but one that comes out wrong here stops the run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on should stop where it is, and its result is its output"
)]

use std::hint::black_box;
use std::time::Instant;

use authz_service::engine::{Engine, Question, Slot, Source};
use authz_service::roles::RoleName;
use claimgate_authz_api::{EvaluationRequest, Properties};
use serde_json::{Value, json};

const ROUNDS: usize = 9;

fn main() {
    let schema = schema(&["read".to_owned(), "write".to_owned()]);
    for count in [10, 1_000] {
        scope_only(&schema, count);
        by_resource(&schema, count);
        by_role(&schema, count);
        by_action(count);
    }
    unconstrained(&schema, 10);
    email(&schema);
    unprepared(&schema);
    attributes(&schema);
    context(&schema);
    many_roles(&schema);
}

fn schema(actions: &[String]) -> String {
    let actions: Vec<String> = actions.iter().map(|name| format!("\"{name}\"")).collect();
    format!(
        "entity Role;
         entity user in [Role] {{ level?: Long, email?: String, email_verified?: Bool }};
         entity route;
         entity record {{ status?: String }};
         action {} appliesTo {{ principal: [user], resource: [route, record],
            context: {{ zone?: String }} }};",
        actions.join(", ")
    )
}

fn policies(count: usize, policy: impl Fn(usize) -> String) -> String {
    (0..count).map(|i| format!("@id(\"p{i:04}\") {}\n", policy(i))).collect()
}

/// Nothing but scopes: what most of a gateway's policies look like.
fn scope_only(schema: &str, count: usize) {
    let text = policies(count, |i| {
        format!("permit (principal is user, action, resource == route::\"/r{i}\");")
    });
    Case::new(schema, &text).resource("route", "/r7").run(&format!("policies_{count}_scope_only"));
}

fn by_resource(schema: &str, count: usize) {
    let text = policies(count, |i| {
        format!(
            "permit (principal, action == Action::\"read\", resource == route::\"/r{i}\")
             when {{ principal has level && principal.level > 5 }};"
        )
    });
    Case::new(schema, &text).resource("route", "/r7").run(&format!("policies_{count}_by_resource"));
}

fn by_role(schema: &str, count: usize) {
    let text = policies(count, |i| {
        format!(
            "permit (principal in Role::\"r{i}\", action == Action::\"read\", resource is route)
             when {{ principal has level && principal.level > 5 }};"
        )
    });
    Case::new(schema, &text).roles(&["r7"]).run(&format!("policies_{count}_by_role"));
}

fn by_action(count: usize) {
    let actions: Vec<String> = (0..count).map(|i| format!("a{i}")).collect();
    let text = policies(count, |i| {
        format!(
            "permit (principal is user, action == Action::\"a{i}\", resource is route)
             when {{ principal has level && principal.level > 5 }};"
        )
    });
    Case::new(&schema(&actions), &text).action("a7").run(&format!("policies_{count}_by_action"));
}

/// Policies that no index can tell apart.
fn unconstrained(schema: &str, count: usize) {
    let text = policies(count, |i| {
        format!(
            "permit (principal, action, resource)
             when {{ principal has level && principal.level == {i} }};"
        )
    });
    Case::new(schema, &text).run(&format!("policies_{count}_unconstrained"));
}

/// As the gateway asks: the subject's address comes with the request.
fn email(schema: &str) {
    let text =
        policies(10, |i| format!("permit (principal, action, resource == route::\"/r{i}\");"));
    let mut case = Case::new(schema, &text).resource("route", "/r7");
    case.stored = Properties::new();
    case.request.subject.properties =
        object(json!({"email": "ann@example.com", "email_verified": true}));
    case.run("email_in_the_request");
}

/// A subject that nothing is kept about.
fn unprepared(schema: &str) {
    let text =
        policies(10, |i| format!("permit (principal, action, resource == route::\"/r{i}\");"));
    let mut case = Case::new(schema, &text).resource("route", "/r7");
    case.request.subject.properties =
        object(json!({"email": "ann@example.com", "email_verified": true}));
    case.prepared = false;
    case.run("subject_not_prepared");
}

fn attributes(schema: &str) {
    let text = policies(10, |i| {
        format!(
            "permit (principal, action, resource == record::\"/r{i}\")
             when {{ resource has status && resource.status == \"open\" }};"
        )
    });
    let mut case = Case::new(schema, &text).resource("record", "/r7");
    case.resource = object(json!({"status": "open"}));
    case.run("resource_attributes");
}

fn context(schema: &str) {
    let text = policies(10, |i| {
        format!(
            "permit (principal, action, resource == route::\"/r{i}\")
             when {{ context has zone && context.zone == \"eu\" }};"
        )
    });
    let mut case = Case::new(schema, &text).resource("route", "/r7");
    case.request.context = object(json!({"zone": "eu"}));
    case.run("context");
}

/// A subject with as many roles as it can have, each with a policy of its own.
fn many_roles(schema: &str) {
    let roles: Vec<String> = (0..64).map(|i| format!("r{i}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let scope = policies(1_000, |i| {
        format!("permit (principal in Role::\"r{i}\", action, resource == route::\"/r{i}\");")
    });
    Case::new(schema, &scope).resource("route", "/r7").roles(&roles).run("roles_64_by_resource");
    let all = policies(1_000, |i| {
        let action = if i == 7 { "read" } else { "write" };
        format!(
            "permit (principal in Role::\"r{i}\", action == Action::\"{action}\", resource)
             when {{ principal has level && principal.level > 5 }};"
        )
    });
    Case::new(schema, &all).roles(&roles).run("roles_64_by_role");
}

#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
fn object(value: Value) -> Properties {
    value.as_object().unwrap().clone()
}

struct Case {
    engine: Engine,
    request: EvaluationRequest,
    roles: Vec<RoleName>,
    stored: Properties,
    resource: Properties,
    prepared: bool,
}

impl Case {
    fn new(schema: &str, policies: &str) -> Self {
        let source = |text: &str| Source { file: "bench".into(), text: text.into() };
        let request = json!({"subject": {"type": "user", "id": "ann"}, "action": {"name": "read"},
            "resource": {"type": "route", "id": "/r0"}, "context": {}});
        Self {
            engine: Engine::load(&source(schema), &[source(policies)]).unwrap(),
            request: serde_json::from_value(request).unwrap(),
            roles: vec![RoleName::parse("user").unwrap()],
            stored: object(json!({"level": 7})),
            resource: Properties::new(),
            prepared: true,
        }
    }

    fn resource(mut self, kind: &str, id: &str) -> Self {
        self.request.resource.kind = kind.into();
        self.request.resource.id = id.into();
        self
    }

    fn action(mut self, name: &str) -> Self {
        self.request.action.name = name.into();
        self
    }

    fn roles(mut self, names: &[&str]) -> Self {
        self.roles = names.iter().map(|name| RoleName::parse(*name).unwrap()).collect();
        self
    }

    fn run(self, name: &str) {
        let slot = Slot::default();
        let question = Question {
            request: &self.request,
            roles: &self.roles,
            subject: &self.stored,
            resource: &self.resource,
            slot: self.prepared.then_some(&slot),
        };
        let verdict = self.engine.decide(&question);
        assert!(verdict.decision, "{name}: {verdict:?}");
        let decide = || drop(black_box(self.engine.decide(black_box(&question))));
        let mut rounds = measure(&decide);
        rounds.sort_unstable();
        println!("{name:32} {:>8} ns {:>8} ns", rounds[ROUNDS / 2], rounds[0]);
    }
}

/// Nanoseconds per call, one number a round of about 50 ms.
fn measure(call: &dyn Fn()) -> Vec<u128> {
    let started = Instant::now();
    let mut calls = 0_u128;
    while started.elapsed().as_millis() < 50 {
        call();
        calls += 1;
    }
    let round = || {
        let started = Instant::now();
        (0..calls).for_each(|_| call());
        started.elapsed().as_nanos() / calls
    };
    (0..ROUNDS).map(|_| round()).collect()
}
