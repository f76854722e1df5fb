//! What the pages show, to whom, and in which headers.

use serde_json::json;

use super::{BETH, Consoled, HOSTILE, address_of, service};
use crate::http::{send, send_as};

const PAGES: [&str; 8] = [
    "/console/",
    "/console/subjects",
    "/console/explain",
    "/console/revocations",
    "/console/decisions",
    "/console/audit",
    "/console/nowhere",
    "/console/style.css",
];
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

#[test]
fn until_people_can_sign_in_this_machine_may_look_and_change_nothing() {
    let service = service(&["--admin-listen", "127.0.0.1:0"]);
    let address = address_of(&service);
    let home = send(&address, "GET", "/", &[], None);
    assert_eq!((home.status, home.header("location")), (303, Some("/console/")));
    for page in PAGES {
        let reply = send(&address, "GET", page, &[], None);
        assert_eq!(reply.status, if page.ends_with("nowhere") { 404 } else { 200 }, "{page}");
        assert_eq!(reply.header("content-security-policy"), Some(POLICY), "{page}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{page}");
        assert!(!reply.body.contains("method=\"post\""), "{page}");
        for inline in ["<script", "style=", " onclick", "javascript:"] {
            assert!(!reply.body.contains(inline), "{page}: {inline}");
        }
    }
    let subject = format!("/console/subjects/user/{BETH}");
    let page = send(&address, "GET", &subject, &[], None);
    assert!(page.body.contains("Beth Smith") && !page.body.contains("method=\"post\""));
    assert!(send(&address, "GET", "/console/", &[], None).body.contains("--console-client-id"));
    let origin = format!("http://{address}");
    let headers = [super::FORM, ("origin", origin.as_str())];
    let form = Some(&b"token=&role=editor"[..]);
    let post = send(&address, "POST", &format!("{subject}/grant"), &headers, form);
    assert_eq!(post.status, 403, "{}", post.body);
    let rebound = send_as(&address, "evil.example", ("GET", "/console/"), &[], None);
    assert_eq!(rebound.status, 404, "a page of another name in a browser here");
}

#[test]
fn elsewhere_there_is_no_console_until_people_can_sign_in() {
    let wide = service(&["--admin-listen", "0.0.0.0:0"]);
    for page in ["/console/", "/console/subjects", "/console/sign-in", "/console/nowhere"] {
        let reply = send(&address_of(&wide), "GET", page, &[], None);
        assert_eq!(reply.status, 404, "{page}");
        assert!(reply.body.contains("The console is off"), "{page}: {}", reply.body);
    }
    // Where administrators need tokens, nobody looks without one here either.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    std::fs::write(&file, "admin:\n  issuer: http://localhost:1/x\n  audience: a\n").unwrap();
    let config = file.display().to_string();
    let guarded = service(&["--admin-listen", "127.0.0.1:0", "--config", &config]);
    assert_eq!(send(&address_of(&guarded), "GET", "/console/", &[], None).status, 404);
}

#[test]
fn whatever_things_are_called_it_is_text_on_every_page() {
    let console = Consoled::start();
    let path = "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E'%26amp%3B";
    let subject = json!({"properties": {"name": HOSTILE}, "roles": ["editor"]});
    let put = console.api("PUT", &format!("/subjects/user/{path}"), &subject);
    assert_eq!(put.status, 200, "{}", put.body);
    let browser = console.browser("admin");
    let sid = "id=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E'%26amp%3B&kind=session&issuer=";
    let revoked = browser.submit("/console/revocations", "/console/revocations", sid);
    assert_eq!(revoked.status, 303, "{}", revoked.body);
    for page in [
        "/console/subjects?limit=1000".to_owned(),
        format!("/console/subjects?type={path}"),
        format!("/console/subjects/user/{path}"),
        "/console/revocations".to_owned(),
        "/console/audit".to_owned(),
        format!("/console/audit?actor={path}&target={path}%3A{path}"),
        format!(
            "/console/explain?subject_type=user&subject_id={path}&action={path}&resource_type={path}&resource_id={path}&ask=1"
        ),
        format!(
            "/console/explain?subject_type=user&subject_id={path}&action=can_create_todo&resource_type=todo&resource_id={path}&ask=1"
        ),
    ] {
        let text = browser.page(&page);
        assert!(!text.contains("<img"), "{page}: {text}");
        assert!(text.contains("&#62;") || text.contains("%3E"), "{page}: {text}");
    }
}

#[test]
fn who_can_do_what_is_told_with_the_policies_and_entities_that_decide() {
    let console = Consoled::start();
    let browser = console.browser("viewer");
    let question = |id: &str| {
        format!(
            "/console/explain?subject_type=user&subject_id={id}&action=can_create_todo&resource_type=todo&resource_id=t&properties=&context=&ask=1"
        )
    };
    let beth = browser.page(&question(BETH));
    assert!(beth.contains(">Denied<") && beth.contains("no policy"), "{beth}");
    let morty = "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs";
    let morty = browser.page(&question(morty));
    assert!(morty.contains(">Allowed<") && morty.contains("editor-creates"), "{morty}");
    assert!(morty.contains("Morty Smith") && morty.contains(".cedar:"), "{morty}");
    for (query, says) in [
        ("subject_type=user&ask=1", "must not be empty"),
        (
            "subject_type=user&subject_id=a&action=b&resource_type=c&resource_id=d&properties=[]",
            "must be a JSON object",
        ),
    ] {
        let reply = browser.get(&format!("/console/explain?{query}"));
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.contains(says), "{}", reply.body);
    }
}

#[test]
fn lists_go_on_page_by_page_and_what_cannot_be_read_is_told() {
    let console = Consoled::start();
    let browser = console.browser("viewer");
    let mut page = "/console/subjects?limit=3&type=user".to_owned();
    let mut seen = 0;
    loop {
        let text = browser.page(&page);
        seen += text.matches("<th scope=\"row\">").count();
        let Some(next) = text.split_once("rel=\"next\" href=\"") else { break };
        let next = next.1.split_once('"').unwrap().0.replace("&amp;", "&").replace("&#38;", "&");
        page = format!("{next}&limit=3");
    }
    assert_eq!(seen, 5);
    for (page, status) in [
        ("/console/subjects?after=x", 400),
        ("/console/subjects?frobnicate=1", 400),
        ("/console/subjects/find?type=user", 400),
        ("/console/subjects/user/nobody", 404),
        ("/console/audit?since=yesterday", 400),
        ("/console/audit?target=x", 400),
        ("/console/nowhere", 404),
    ] {
        let reply = browser.get(page);
        assert_eq!(reply.status, status, "{page}: {}", reply.body);
        assert!(reply.body.contains("role=\"alert\"") && reply.body.contains("Sign out"), "{page}");
    }
    let found = browser.get(&format!("/console/subjects/find?type=user&id={BETH}"));
    assert_eq!(found.header("location"), Some(format!("/console/subjects/user/{BETH}").as_str()));
    let filled = browser.page("/console/audit?actor=&target=&since=2020-01-02T03%3A04&until=");
    assert!(filled.contains("value=\"2020-01-02T03:04\""), "{filled}");
}

#[test]
fn recent_decisions_are_there_without_whom_they_are_about() {
    let console = Consoled::start();
    let subject = json!({"type": "identity", "id": BETH});
    console.service.decide(&subject, "GET", "/todos");
    let page = console.browser("viewer").page("/console/decisions");
    assert!(page.contains("allowed") && page.contains("/todos"), "{page}");
    assert!(page.contains("everybody-reads-todos") && !page.contains(BETH), "{page}");
    let denied = console.browser("viewer").page("/console/decisions?show=denied");
    assert!(!denied.contains("everybody-reads-todos"), "{denied}");
}

#[test]
fn whoever_has_no_role_is_in_and_sees_nothing() {
    let console = Consoled::start();
    let browser = console.browser("guest");
    for page in PAGES.iter().filter(|page| !page.ends_with("nowhere") && !page.ends_with("css")) {
        let reply = browser.get(page);
        assert_eq!(reply.status, 403, "{page}");
        assert!(reply.body.contains("Your roles do not allow this."), "{page}: {}", reply.body);
    }
}
