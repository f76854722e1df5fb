//! What people do with the console.

use crate::webdriver::{Browser, DOWN, ENTER, TAB};
use crate::world::{BETH, World};

const PAGES: [&str; 7] = [
    "/console/",
    "/console/subjects",
    "/console/explain",
    "/console/revocations",
    "/console/decisions",
    "/console/audit",
    "/console/sign-in",
];
/// Largest picture that goes into the repository.
const MAX_PICTURE: usize = 200_000;

/// From the console's own page to the provider's and back.
fn sign_in(browser: &Browser, world: &World, user: &str, password: &str) {
    browser.open(&format!("{}/console/", world.console));
    assert!(browser.url().ends_with("/console/sign-in"), "{}", browser.url());
    browser.click("a.button");
    browser.wait_for("Sign in to dev-idp");
    assert!(browser.url().starts_with("http://127.0.0.1:"), "{}", browser.url());
    browser.write("input[name=username]", user);
    browser.write("input[name=password]", password);
    browser.click("button");
    browser.wait_for("Overview");
    assert_eq!(browser.url(), format!("{}/console/", world.console));
}

fn explained(world: &World) -> String {
    format!(
        "{}/console/explain?subject_type=identity&subject_id={BETH}&action=POST&resource_type=route&resource_id=%2Ftodos",
        world.console
    )
}

#[test]
#[ignore = "needs a browser: cargo xtask test-browser"]
fn an_administrator_grants_a_role_by_keyboard_and_the_decision_changes() {
    let (world, browser) = (World::start(), Browser::start(true));
    sign_in(&browser, &world, "adminuser", "adminpass");
    browser.wait_for("adminuser admin");
    assert!(!world.beth_may_make_todos());
    browser.open(&explained(&world));
    browser.wait_for("Denied");

    // From here on nothing but keys.
    browser.open(&format!("{}/console/subjects", world.console));
    browser.press(TAB);
    assert_eq!(browser.focused(), "Skip to the content", "the first stop leads past the rest");
    browser.press(ENTER);
    browser.tab_to(BETH);
    browser.press(ENTER);
    browser.wait_for("Grant a role");
    assert!(browser.text().contains("Beth Smith"));
    browser.tab_to("Role");
    browser.press("editor");
    browser.press(TAB);
    assert_eq!(browser.focused(), "For");
    browser.press(DOWN);
    browser.press(DOWN);
    browser.tab_to("Grant");
    browser.press(ENTER);
    browser.wait_for("The role is granted.");
    browser.wait_for("editor");
    assert!(world.beth_may_make_todos(), "the next decision knows it");
    let picture = browser.picture();
    assert!(picture.len() < MAX_PICTURE, "the picture has {} bytes", picture.len());
    if let Some(place) = std::env::var_os("CONSOLE_PICTURE") {
        std::fs::write(place, picture).unwrap();
    }

    browser.open(&explained(&world));
    browser.wait_for("Allowed");
    browser.wait_for("editors-create");
    browser.open(&format!("{}/console/audit", world.console));
    browser.wait_for("grant");
    browser.wait_for("admin:b2e36604-5d9a-4f98-a520-6d83f0a589eb");
    browser.open(&format!("{}/console/decisions", world.console));
    browser.wait_for("editors-create");
}

#[test]
#[ignore = "needs a browser: cargo xtask test-browser"]
fn an_operator_revokes_a_session_and_signs_out() {
    let (world, browser) = (World::start(), Browser::start(true));
    sign_in(&browser, &world, "testuser-cm", "testpass");
    browser.open(&format!("{}/console/revocations", world.console));
    browser.write("main input[name=id]", "session-of-somebody");
    browser.click("main form button");
    browser.wait_for("It is revoked and no longer counts.");
    browser.wait_for("session-of-somebody");
    assert!(world.state().contains("session-of-somebody"), "filters are told: {}", world.state());
    browser.open(&format!("{}/console/subjects/identity/{BETH}", world.console));
    browser.click("button.danger");
    browser.wait_for("tokens of before now no longer count");
    browser.click("header form button");
    browser.wait_for("You sign in at");
    browser.open(&format!("{}/console/audit", world.console));
    browser.wait_for("You sign in at");
}

#[test]
#[ignore = "needs a browser: cargo xtask test-browser"]
fn everything_is_read_without_scripts_and_every_control_has_a_name() {
    let (world, browser) = (World::start(), Browser::start(false));
    let probe =
        "data:text/html,<p>off</p><script>document.querySelector('p').textContent='on'</script>";
    browser.open(probe);
    assert_eq!(browser.text(), "off", "scripts run");
    sign_in(&browser, &world, "testuser", "testpass");
    let beth = format!("/console/subjects/identity/{BETH}");
    for page in PAGES.into_iter().chain([beth.as_str()]) {
        browser.open(&format!("{}{page}", world.console));
        assert_eq!(browser.all("h1").len(), 1, "{page}");
        for control in browser.all("a, button, input:not([type=hidden]), select, textarea") {
            let is_named = !browser.label_of(&control).is_empty();
            assert!(is_named || !browser.is_shown(&control), "{page}: {control:?} has no name");
        }
        for table in browser.all("table") {
            assert!(!browser.label_of(&table).is_empty(), "{page}: a table without a caption");
        }
    }
    assert!(browser.text().contains("Beth Smith"));
    assert!(browser.all("form[method=post] input[name=role]").is_empty(), "a viewer's page");
    browser.open(&explained(&world));
    browser.wait_for("Denied");
}
