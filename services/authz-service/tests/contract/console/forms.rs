//! What can be changed, by whom, and only from the console's own pages.

use serde_json::json;

use super::{BETH, Browser, Consoled, token};

fn subject() -> String {
    format!("/console/subjects/user/{BETH}")
}

fn grant(browser: &Browser<'_>, fields: &str) -> crate::http::Reply {
    browser.submit(&subject(), &format!("{}/grant", subject()), fields)
}

#[test]
fn a_form_counts_only_from_the_page_that_made_it() {
    let console = Consoled::start();
    let (browser, other) = (console.browser("admin"), console.browser("admin"));
    let action = format!("{}/grant", subject());
    let page = browser.page(&subject());
    let good = token(&page, &action).unwrap();
    let foreign = token(&other.page(&subject()), &action).unwrap();
    let of_sign_out = token(&page, "/console/sign-out").unwrap();
    let origin = console.origin();
    let here = [("origin", origin.as_str())];
    let same = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
    let form = |token: &str| format!("token={token}&role=editor&span=&ends=");
    type Headers<'h> = &'h [(&'h str, &'h str)];
    let cases: [(&str, Headers<'_>, String); 10] = [
        ("no token", &same, "role=editor".to_owned()),
        ("an empty token", &same, form("")),
        ("another session's token", &same, form(&foreign)),
        ("another form's token", &same, form(&of_sign_out)),
        ("a token that has more", &same, form(&format!("{good}A"))),
        ("no origin", &[], form(&good)),
        ("an opaque origin", &[("origin", "null")], form(&good)),
        ("another origin", &[("origin", "http://localhost:1")], form(&good)),
        ("the name by which nobody signs in", &[("origin", "http://127.0.0.1")], form(&good)),
        ("from another site", &[here[0], ("sec-fetch-site", "cross-site")], form(&good)),
    ];
    for (why, headers, form) in cases {
        let reply = browser.post(&action, headers, &form);
        assert_eq!(reply.status, 403, "{why}: {}", reply.body);
        assert!(reply.body.contains("did not come from this console"), "{why}: {}", reply.body);
    }
    for (why, form) in [
        ("twice", format!("token={good}&token={good}&role=editor")),
        ("control characters", format!("token={good}&role=a%0Ab")),
    ] {
        assert_eq!(browser.post(&action, &same, &form).status, 400, "{why}");
    }
    assert_eq!(browser.post(&action, &same, &"x".repeat(20_000)).status, 413);
    assert_eq!(browser.get(&action).status, 405);
    assert!(!browser.page(&subject()).contains(">editor<"));
    assert_eq!(browser.post(&action, &same, &form(&good)).status, 303, "the real one");
}

#[test]
fn a_viewer_sees_no_forms_and_changes_nothing_even_with_one() {
    let console = Consoled::start();
    let browser = console.browser("viewer");
    let page = browser.page(&subject());
    let action = format!("{}/grant", subject());
    assert!(token(&page, &action).is_none() && !page.contains("Withdraw"), "{page}");
    // The only token a viewer is given is the one that signs out.
    let own = token(&page, "/console/sign-out").unwrap();
    let origin = console.origin();
    let form = format!("token={own}&role=editor");
    assert_eq!(browser.post(&action, &[("origin", &origin)], &form).status, 403);
    assert!(!browser.page("/console/revocations").contains("name=\"id\""));
}

#[test]
fn what_is_changed_is_decided_by_at_once_and_audited_under_who_did_it() {
    let console = Consoled::start();
    let browser = console.browser("operator");
    let identity = json!({"type": "identity", "id": BETH});
    let create = || console.service.decide(&identity, "POST", "/todos").json()["decision"] == true;
    let place = format!("/console/subjects/identity/{BETH}");
    assert!(!create());
    let granted = browser.submit(&place, &format!("{place}/grant"), "role=editor&span=8h&ends=");
    let there = format!("{place}?done=granted");
    assert_eq!((granted.status, granted.header("location")), (303, Some(there.as_str())));
    assert!(create());
    let page = browser.page(&there);
    assert!(page.contains("The role is granted.") && page.contains(">editor<"), "{page}");
    let withdrawn = browser.submit(&place, &format!("{place}/withdraw"), "role=editor");
    assert_eq!(withdrawn.status, 303, "{}", withdrawn.body);
    assert!(!create());
    let revoked = browser.submit(&place, &format!("{place}/revoke"), "issuer=https%3A%2F%2Fidp");
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    let form = "kind=session&id=s-1&issuer=";
    let revoked = browser.submit("/console/revocations", "/console/revocations", form);
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    let list = browser.page("/console/revocations");
    assert!(list.contains("s-1") && list.contains("https://idp") && list.contains(BETH), "{list}");
    let audit = browser.page("/console/audit?actor=admin%3Aoperator-1");
    for action in ["grant", "withdraw", "revoke"] {
        assert!(
            audit.contains(&format!("<span class=\"tag\">{action}</span>")),
            "{action}: {audit}"
        );
    }
    assert_eq!(audit.matches("admin:operator-1</td>").count(), 4, "{audit}");
    assert!(!console.service.log().contains("operator-1"), "who it was is in the audit log alone");
}

#[test]
fn a_form_that_cannot_be_done_is_answered_with_a_sentence_and_its_status() {
    let console = Consoled::start();
    let browser = console.browser("admin");
    for (fields, status, says) in [
        ("role=&span=&ends=", 400, "The role&#39;s name is missing."),
        ("role=no+such%2C+name&span=&ends=", 422, "role is not one"),
        ("role=a&span=3h&ends=", 400, "There is no such choice."),
        ("role=a&span=&ends=never", 400, "cannot be read"),
        ("role=a&span=&ends=2001-01-01T00%3A00", 400, "would have ended already"),
        ("role=a&span=1h&ends=2099-01-01T00%3A00", 400, "Choose either"),
    ] {
        let reply = grant(&browser, fields);
        assert_eq!(reply.status, status, "{fields}: {}", reply.body);
        assert!(reply.body.contains(says), "{fields}: {}", reply.body);
        assert!(reply.body.contains("Beth Smith"), "{fields}: the page is still there");
    }
    let missing = browser.submit(&subject(), &format!("{}/withdraw", subject()), "role=nobodys");
    assert_eq!(missing.status, 404, "{}", missing.body);
    let nothing = browser.submit("/console/revocations", "/console/revocations", "kind=session");
    assert_eq!(nothing.status, 400);
    let until = grant(&browser, "role=a&span=&ends=2099-01-02T03%3A04");
    assert_eq!(until.status, 303, "{}", until.body);
    assert!(browser.page(&subject()).contains("2099-01-02 03:04:00"));
}
