//! As much of W3C WebDriver as the tests need, over plain HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::{Value, json};
use ureq::Agent;

/// How an element is named in answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const SOON: Duration = Duration::from_secs(10);

/// Keys as WebDriver writes them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const DOWN: &str = "\u{e015}";

/// A browser of its own.
pub(crate) struct Browser {
    agent: Agent,
    session: String,
    driver: Process,
    _port: Port,
}

/// An element of the page that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element(String);

impl Browser {
    /// With scripts, or with none allowed to run.
    pub(crate) fn start(scripts: bool) -> Self {
        let port = Port::free().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let driver = Launch::new("chromedriver", "chromedriver", Output::Inherit)
            .args([format!("--port={}", port.number()), "--log-level=SEVERE".to_owned()])
            .start()
            .expect("chromedriver is there: apt-get install chromium chromium-driver");
        driver.wait_ready(&Ready::Tcp(address), SOON).unwrap();
        let config = Agent::config_builder().http_status_as_error(false).build();
        let mut browser = Self {
            agent: config.into(),
            session: format!("http://{address}/session"),
            driver,
            _port: port,
        };
        let javascript = if scripts { 1 } else { 2 };
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1280,960", "--no-first-run", "--lang=en-GB"],
            "prefs": {"profile.managed_default_content_settings.javascript": javascript},
        });
        let wanted = json!({"capabilities": {"alwaysMatch":
            {"browserName": "chrome", "goog:chromeOptions": options}}});
        let id = browser.post("", &wanted)["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    pub(crate) fn url(&self) -> String {
        self.get("/url").as_str().unwrap().to_owned()
    }

    /// The text that is shown; none while one page gives way to the next.
    pub(crate) fn text(&self) -> String {
        let Some(body) = self.all("body").into_iter().next() else { return String::new() };
        let text = self.answer(&format!("/element/{}/text", body.0));
        text.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn all(&self, css: &str) -> Vec<Element> {
        let found = self.post("/elements", &json!({"using": "css selector", "value": css}));
        found.as_array().unwrap().iter().map(element).collect()
    }

    /// The first element that fits; the test fails when none does.
    pub(crate) fn find(&self, css: &str) -> Element {
        self.all(css).into_iter().next().unwrap_or_else(|| panic!("no {css} on {}", self.url()))
    }

    /// What a screen reader calls it.
    pub(crate) fn label_of(&self, element: &Element) -> String {
        self.get(&format!("/element/{}/computedlabel", element.0)).as_str().unwrap().to_owned()
    }

    pub(crate) fn is_shown(&self, element: &Element) -> bool {
        self.get(&format!("/element/{}/displayed", element.0)) == true
    }

    pub(crate) fn write(&self, css: &str, text: &str) {
        let element = self.find(css);
        self.post(&format!("/element/{}/value", element.0), &json!({"text": text}));
    }

    pub(crate) fn click(&self, css: &str) {
        let element = self.find(css);
        self.post(&format!("/element/{}/click", element.0), &json!({}));
    }

    /// Presses these keys, whatever has the focus.
    pub(crate) fn press(&self, keys: &str) {
        let presses = keys.chars().flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let actions: Vec<_> = presses.collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// What has the focus is named this.
    pub(crate) fn focused(&self) -> String {
        let focused = self.get("/element/active");
        self.label_of(&element(&focused))
    }

    /// Goes on from element to element with the tabulator key until one is named this.
    pub(crate) fn tab_to(&self, label: &str) {
        let mut passed = Vec::new();
        for _ in 0..60 {
            self.press(TAB);
            let here = self.focused();
            if here == label {
                return;
            }
            passed.push(here);
        }
        panic!("the keyboard does not reach {label:?}: {passed:?}");
    }

    /// Waits until the text that is shown has this in it.
    pub(crate) fn wait_for(&self, text: &str) {
        let end = Instant::now() + SOON;
        while !self.text().contains(text) {
            assert!(Instant::now() < end, "no {text:?} on {}:\n{}", self.url(), self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A picture of the window, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        STANDARD.decode(self.get("/screenshot").as_str().unwrap()).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        sound(path, self.answer(path))
    }

    fn answer(&self, path: &str) -> Value {
        let mut answer = self.agent.get(format!("{}{path}", self.session)).call().unwrap();
        value(&answer.body_mut().read_to_string().unwrap())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let request = self.agent.post(url).header("content-type", "application/json");
        let mut answer = request.send(body.to_string()).unwrap();
        sound(path, value(&answer.body_mut().read_to_string().unwrap()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child; it ends with its session.
        let _ = self.agent.delete(&self.session).call();
        self.driver.stop();
    }
}

fn value(answer: &str) -> Value {
    let answer: Value = serde_json::from_str(answer).expect("WebDriver answers in JSON");
    answer["value"].clone()
}

fn sound(path: &str, value: Value) -> Value {
    assert!(value.get("error").is_none(), "{path}: {value}");
    value
}

fn element(found: &Value) -> Element {
    Element(found[ELEMENT].as_str().expect("an element").to_owned())
}
