//! A decision point that answers, but not with a decision: the request is undecided, nothing of
//! the answer is believed, and no service hears of it.

use std::time::Duration;

use claimgate_e2e::client::Request;
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::edit::{all_routes_to, asks_for_ever};
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::USER;
use xtask::stack::Part;

use super::liar::{Liar, Lie};
use super::{ask, expect, expect_undecided, get, is_reached, vms};

const EVALUATION: &str = "/access/v1/evaluation";
const YES: &str = r#"{"decision":true,"context":{"roles":["user"]}}"#;
/// Far more than the filter waits, or than the demo's services ever need.
const TOO_LATE: Duration = Duration::from_secs(1);

struct Scene {
    stack: OwnStack,
    liar: Liar,
    echo: Echo,
    mint: Mint,
    vms: usize,
}

impl Scene {
    fn set() -> Self {
        let (liar, echo) = (Liar::start(), Echo::start());
        let builder = builder().without(Part::Authz).workers(1);
        let builder = builder.edit_envoy(all_routes_to(&echo)).edit_envoy(asks_for_ever);
        let stack = own_stack(builder.edit_envoy(liar.instead_of("authz-service")));
        is_reached(&stack, "authz-service");
        let mint = Mint::of(&stack);
        let vms = vms(&stack);
        Self { stack, liar, echo, mint, vms }
    }

    /// A caller nobody has decided about.
    fn caller(&self, name: &str) -> String {
        self.mint.good(&with(&self.mint.claims(&USER), "sub", name.into()))
    }

    fn is_not_believed(&self, name: &str, lie: Lie) {
        self.liar.tell(EVALUATION, lie);
        let asked = self.liar.asked(EVALUATION);
        let caller = self.caller(name);
        for path in ["/customers", "/customers/3"] {
            expect_undecided(&self.stack, &get(&format!("{path}?lie={name}"), Some(&caller)));
        }
        let mark = format!("lie={name}");
        assert!(!self.echo.seen().iter().any(|seen| seen.ends_with(&mark)), "{name}");
        let told = Echoed::of(&ask(&self.stack, &get("/products", Some(&caller))));
        assert_eq!(told.headers.all("x-user-roles"), [""; 0], "{name}: {told:?}");
        assert_eq!(told.headers.one("x-user-email"), Some(USER.email), "{name}: {told:?}");
        assert!(self.liar.asked(EVALUATION) >= asked + 3, "{name}: nobody was asked");
        self.liar.tell(EVALUATION, Lie::json(YES));
        expect(&self.stack, &get("/customers", Some(&caller)), 200);
        assert_eq!(vms(&self.stack), self.vms, "{name}: a VM has trapped");
    }

    fn is_believed(&self, name: &str, answer: Lie, status: u16, roles: &[&str]) {
        self.liar.tell(EVALUATION, answer);
        let caller = self.caller(name);
        expect(&self.stack, &get("/customers", Some(&caller)), status);
        let told = Echoed::of(&ask(&self.stack, &get("/products", Some(&caller))));
        assert_eq!(told.headers.all("x-user-roles"), roles, "{name}: {told:?}");
    }
}

/// A decision with this much beside it that the filter does not know.
fn padded(bytes: usize) -> String {
    let pad = "x".repeat(bytes);
    format!(r#"{{"decision":true,"context":{{"roles":["user"],"pad":"{pad}"}}}}"#)
}

fn with_roles(roles: &str) -> Lie {
    Lie::json(format!(r#"{{"decision":true,"context":{{"roles":{roles}}}}}"#))
}

/// Ways to answer with another status or another document than a decision.
fn no_decisions() -> Vec<(&'static str, Lie)> {
    let kept = "content-type: application/json\r\ncache-control: max-age=300\r\n";
    let json = |body: &str| Lie::answer(200, kept, body);
    vec![
        ("500", Lie::answer(500, kept, YES)),
        ("503", Lie::answer(503, kept, YES)),
        ("302", Lie::answer(302, "location: /elsewhere\r\n", YES)),
        ("202", Lie::answer(202, kept, YES)),
        ("no-decision", json(r#"{"context":{"roles":["admin"]}}"#)),
        ("null", json(r#"{"decision":null}"#)),
        ("text", json(r#"{"decision":"true"}"#)),
        ("number", json(r#"{"decision":1}"#)),
        ("twice", json(r#"{"decision":false,"decision":true}"#)),
        ("list", json(r#"[{"decision":true}]"#)),
        ("trailing", json(&format!("{YES}{YES}"))),
        ("empty", json("")),
        ("html", Lie::answer(200, "content-type: text/html\r\n", "<html>decision: true</html>")),
    ]
}

fn unusable_roles() -> Vec<(&'static str, Lie)> {
    let long = format!(r#"["{}"]"#, "r".repeat(10_000));
    let many = format!("[{}\"r\"]", r#""r","#.repeat(10_000));
    vec![
        ("comma", with_roles(r#"["user,admin"]"#)),
        ("space", with_roles(r#"["user admin"]"#)),
        ("newline", with_roles(r#"["user\r\nx-user-email: admin.user@example.com"]"#)),
        ("nul", with_roles(r#"["user\u0000"]"#)),
        ("umlaut", with_roles(r#"["üser"]"#)),
        ("no-name", with_roles(r#"["user",""]"#)),
        ("no-list", with_roles(r#""admin""#)),
        ("no-text", with_roles("[1]")),
        ("long", with_roles(&long)),
        ("many", with_roles(&many)),
    ]
}

/// Ways to be too large, too late or not all there.
fn broken() -> Vec<(&'static str, Lie)> {
    vec![
        ("large", Lie::json(padded(300 * 1024))),
        ("huge", Lie::json(padded(8 * 1024 * 1024))),
        ("late", Lie::json(YES).late(TOO_LATE)),
        ("silent", Lie::silence()),
        ("hang-up", Lie::silence().then_hang_up()),
        ("cut", Lie::json(YES).short_of(1).then_hang_up()),
        ("stalled", Lie::json(YES).short_of(1)),
        ("half-a-head", Lie::json("").short_of(2).then_hang_up()),
        ("no-http", Lie::bytes("nonsense\r\n\r\n").then_hang_up()),
    ]
}

#[test]
fn what_is_no_decision_is_not_believed() {
    let scene = Scene::set();
    scene.is_believed("honest", Lie::json(YES), 200, &["user"]);
    for (name, lie) in no_decisions() {
        scene.is_not_believed(name, lie);
    }
    scene.is_believed("honest-again", Lie::json(YES), 200, &["user"]);
    let no = r#"{"decision":false,"context":{"roles":["user"]}}"#;
    scene.is_believed("honest-no", Lie::json(no), 403, &["user"]);
}

/// A client may have brought it about, so it does not get on without its roles either.
#[test]
fn a_question_that_is_called_wrong_is_no_way_round_roles() {
    let scene = Scene::set();
    for status in [400, 401, 404, 422] {
        scene.liar.tell(EVALUATION, Lie::answer(status, "", YES));
        let caller = scene.caller(&status.to_string());
        for path in ["/customers", "/products"] {
            expect_undecided(&scene.stack, &get(path, Some(&caller)));
        }
        expect(&scene.stack, &get("/products", None), 200);
    }
    scene.is_believed("honest", Lie::json(YES), 200, &["user"]);
}

#[test]
fn a_decision_with_roles_that_no_header_can_carry_is_not_believed() {
    let scene = Scene::set();
    for (name, lie) in unusable_roles() {
        scene.is_not_believed(name, lie);
    }
    scene.is_believed("honest", with_roles(r#"["a:b","c/d"]"#), 200, &["a:b,c/d"]);
}

#[test]
fn an_answer_that_is_too_large_too_late_or_cut_off_is_not_believed() {
    let scene = Scene::set();
    scene.is_believed("padded", Lie::json(padded(1024)), 200, &["user"]);
    for (name, lie) in broken() {
        scene.is_not_believed(name, lie);
    }
    scene.is_believed("honest", Lie::json(YES), 200, &["user"]);
}

#[test]
fn who_has_no_token_is_untouched_by_lies() {
    let scene = Scene::set();
    scene.liar.tell(EVALUATION, Lie::answer(500, "", ""));
    let told = Echoed::of(&ask(&scene.stack, &Request::get("/products")));
    assert_eq!(told.headers.all("x-user-roles"), ["guest"]);
    assert_eq!(scene.liar.asked(EVALUATION), 0);
}
