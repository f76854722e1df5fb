//! The admin console, through the real process and plain HTTP.

mod forms;
mod pages;
mod sign_in;

use claimgate_corpus::sign::{self, Signer};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Reply, send, send_as};
use crate::provider::Provider;
use crate::service::{Service, bare_command};

const CLIENT: &str = "authz-console";
/// Somebody without the right to make todos.
const BETH: &str = "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs";
/// A name that tries to be more than one.
const HOSTILE: &str = "\"><img src=x onerror=alert(1)>'&amp;";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A service with a console that people sign in to at `provider`.
struct Consoled {
    service: Service,
    provider: Provider,
    address: String,
    _folder: TempDir,
}

/// A sign-in that has begun.
struct Begun {
    cookie: String,
    state: String,
    nonce: String,
    place: String,
}

/// A browser that is signed in.
struct Browser<'c> {
    console: &'c Consoled,
    cookie: String,
}

fn examples() -> String {
    format!("{}/examples/authzen-todo", env!("CARGO_MANIFEST_DIR"))
}

/// The operators' address, as it can be connected to.
pub(crate) fn address_of(service: &Service) -> String {
    let log = service.log();
    let line = log.lines().find_map(|line| line.strip_prefix("administration on http://"));
    line.expect("it has an operators' port").replace("0.0.0.0", "127.0.0.1")
}

/// A service on the todo policies with these arguments.
fn service(arguments: &[&str]) -> Service {
    let folder = examples();
    let entities = format!("{folder}/entities.json");
    let mut command = bare_command();
    command.args(["--policies", &folder, "--entities", &entities]).args(arguments);
    Service::spawn(&mut command)
}

impl Consoled {
    fn start() -> Self {
        Self::start_with("", None)
    }

    fn start_with(more: &str, secret: Option<&str>) -> Self {
        let provider = Provider::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authz.yaml");
        let examples = examples();
        let text = format!(
            "policies: {examples}\nentities: {examples}/entities.json\ndecision-log: all\n\
             admin-listen: 127.0.0.1:0\nconsole-client-id: {CLIENT}\nadmin:\n  issuer: {}\n  \
             audience: authz-admin\n  roles-claim: realm_access.roles\n{more}",
            provider.issuer,
        );
        std::fs::write(&file, text).unwrap();
        let mut command = bare_command();
        command.arg("--config").arg(&file);
        if let Some(secret) = secret {
            let path = folder.path().join("secret");
            std::fs::write(&path, format!("{secret}\n")).unwrap();
            command.arg("--console-client-secret-file").arg(path);
        }
        let service = Service::spawn(&mut command);
        Self { address: address_of(&service), service, provider, _folder: folder }
    }

    /// `localhost` and the port: what browsers call it.
    fn host(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    fn origin(&self) -> String {
        format!("http://{}", self.host())
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        send_as(&self.address, &self.host(), ("GET", path), headers, None)
    }

    fn begin(&self) -> Begun {
        let reply = self.get("/console/sign-in/start", &[]);
        assert_eq!(reply.status, 303, "{}", reply.body);
        let place = reply.header("location").unwrap().to_owned();
        let cookie = reply.header("set-cookie").unwrap();
        assert!(cookie.contains("; Path=/; ") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("; Secure; HttpOnly"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Begun {
            cookie,
            state: parameter(&place, "state"),
            nonce: parameter(&place, "nonce"),
            place,
        }
    }

    fn claims(&self, role: &str, nonce: &str) -> Value {
        let now = Timestamp::now().as_second();
        json!({"iss": self.provider.issuer, "aud": CLIENT, "azp": CLIENT, "iat": now,
               "exp": now + 300, "sub": format!("{role}-1"), "sid": format!("s-{role}"), "nonce": nonce,
               "preferred_username": format!("<b>{role}</b>"), "realm_access": {"roles": [role]}})
    }

    /// A change over the API, by an administrator.
    fn api(&self, method: &str, path: &str, body: &Value) -> Reply {
        let now = Timestamp::now().as_second();
        let token = self.provider.sign(
            "at+jwt",
            &json!({"iss": self.provider.issuer, "aud": "authz-admin", "iat": now, "exp": now + 300,
                    "sub": HOSTILE, "realm_access": {"roles": ["admin"]}}),
        );
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let (path, body) = (format!("/admin/v1{path}"), body.to_string());
        send(&self.address, method, &path, &headers, Some(body.as_bytes()))
    }

    fn come_back(&self, begun: &Begun, query: &str) -> Reply {
        self.get(&format!("/console/sign-in/callback?{query}"), &[("cookie", &begun.cookie)])
    }

    /// Somebody with this role, signed in.
    fn browser(&self, role: &str) -> Browser<'_> {
        let begun = self.begin();
        self.provider.gives(&self.provider.sign("JWT", &self.claims(role, &begun.nonce)));
        let reply = self.come_back(&begun, &format!("code=c-1&state={}", begun.state));
        assert_eq!(reply.status, 200, "{}", reply.body);
        let set = reply.headers("set-cookie");
        let session = set.iter().find(|cookie| cookie.starts_with("__Host-authz-console="));
        let session = session.unwrap();
        assert!(session.contains("; Secure; HttpOnly; SameSite=Strict"), "{session}");
        assert!(session.contains("; Path=/; ") && !session.contains("Domain"), "{session}");
        Browser { console: self, cookie: session.split(';').next().unwrap().to_owned() }
    }
}

impl Browser<'_> {
    fn get(&self, path: &str) -> Reply {
        self.console.get(path, &[("cookie", &self.cookie)])
    }

    fn page(&self, path: &str) -> String {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Reply {
        let mut all = vec![("cookie", self.cookie.as_str()), FORM];
        all.extend(headers);
        let console = self.console;
        let body = Some(form.as_bytes());
        send_as(&console.address, &console.host(), ("POST", path), &all, body)
    }

    /// Sends the form with this action on `page`, as a browser does.
    fn submit(&self, page: &str, action: &str, fields: &str) -> Reply {
        let token = token(&self.page(page), action).expect("the form is there");
        let origin = self.console.origin();
        let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
        self.post(action, &headers, &format!("token={token}&{fields}"))
    }
}

/// The token in the form with this action.
fn token(page: &str, action: &str) -> Option<String> {
    let form = page.split_once(&format!("action=\"{action}\""))?.1;
    let value = form.split_once("name=\"token\" value=\"")?.1;
    Some(value.split_once('"')?.0.to_owned())
}

/// A parameter of a URL, decoded as far as ours need it.
fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {url}")).to_owned()
}

/// A token with this header, signed with the key of `algorithm`.
fn signed(algorithm: &str, header: &Value, claims: &Value) -> String {
    let mut header = header.clone();
    if header.get("kid").is_none() {
        header["kid"] = json!(sign::kid(algorithm));
    }
    Signer::new().token(algorithm, &header, claims)
}
