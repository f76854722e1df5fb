//! A plugin configuration, compiled by the filter's own code, and what it enforces in a few words.

use std::fmt::Write as _;

use claimgate::config::{Condition, Config, Mode, Token};
use claimgate::policy::{InvalidKind, InvalidPolicy, Policy};

use crate::document::{Cursor, Document};
use crate::finding::{Finding, code};
use crate::report::Report;

/// A configuration that can be enforced.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// As it is written.
    pub(crate) config: Config,
    /// As it is enforced.
    pub(crate) policy: Policy,
}

/// Where the values of environment variables come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment {
    /// Whether those that are not set here count as set.
    pub(crate) assumed: bool,
}

/// As long as any secret has to be, and printable.
const ASSUMED: &str = "assumed-by-claimgate-validate-instead-of-a-secret-that-is-not-set-here";

/// The same for a variable that has to hold a key: the one that RFC 7515 prints in appendix A.3, which
/// everybody has.
const ASSUMED_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----";

impl Environment {
    /// The value of a variable, or what stands for it.
    pub(crate) fn value(self, name: &str) -> Option<String> {
        let set = std::env::var(name).ok().filter(|value| !value.is_empty());
        set.or_else(|| self.assumed.then(|| ASSUMED.to_owned()))
    }
}

/// Checks a document that is nothing but a plugin configuration.
pub(crate) fn check(document: &Document, environment: &Environment) -> Report {
    let root = document.root();
    match compile(&root, &|name| environment.value(name)) {
        Ok(compiled) => Report::of_configuration(&document.file, Vec::new(), enforced(&compiled)),
        Err(error) => {
            let mut finding = refusal(&root, &error);
            if root.field("static_resources").is_some() {
                finding.problem.push_str("; for an Envoy bootstrap, say `--envoy`");
            }
            Report::of_configuration(&document.file, vec![finding], Vec::new())
        }
    }
}

/// Compiles the configuration that this entry is.
pub(crate) fn compile(
    at: &Cursor<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Compiled, InvalidPolicy> {
    let json = at.node().to_json();
    let key = json.pointer("/signed_identity/key_env").and_then(serde_json::Value::as_str);
    let env = |name: &str| match env(name) {
        Some(value) if value == ASSUMED && key == Some(name) => Some(ASSUMED_KEY.to_owned()),
        value => value,
    };
    let policy = Policy::from_document(json.to_string().as_bytes(), &env)?;
    let config = Config::read(&json).map_err(InvalidPolicy::from)?;
    Ok(Compiled { config, policy })
}

/// The filter's own error, at the place that it names.
pub(crate) fn refusal(at: &Cursor<'_>, error: &InvalidPolicy) -> Finding {
    // The filter calls the whole of it `configuration`.
    let path = match (at.at.as_str(), error.at.as_str()) {
        ("", inner) => inner.to_owned(),
        (outer, "configuration") => outer.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    };
    Finding {
        code: &code::CONFIGURATION_INVALID,
        at: path,
        place: at.locate(&error.at),
        problem: error.kind.to_string(),
    }
}

/// The environment variable that was missing, if that is the error.
pub(crate) fn unset(error: &InvalidPolicy) -> Option<&str> {
    match &error.kind {
        InvalidKind::Environment(name) => Some(name),
        _ => None,
    }
}

/// What is enforced, in a line or two.
pub(crate) fn enforced(compiled: &Compiled) -> Vec<String> {
    let Compiled { config, policy } = compiled;
    let with = |token: Token| config.routes.iter().filter(|route| route.token == token).count();
    let tokens =
        [(Token::Required, "required"), (Token::Optional, "optional"), (Token::None, "none")];
    let tokens = tokens.map(|(token, name)| (name, with(token)));
    let tokens = tokens.iter().filter(|(_, count)| *count > 0);
    let tokens = list(tokens.map(|(name, count)| format!("{count} {name}")));
    let mut routes = format!("routes: {} (token: {tokens})", config.routes.len());
    let issuers = list(policy.providers.iter().map(|provider| provider.name.to_string()));
    let points = list(policy.services.iter().map(|service| service.name.to_string()));
    for (what, names) in [("tokens of", issuers), ("decisions of", points)] {
        if !names.is_empty() {
            let _ = write!(routes, "; {what} {names}");
        }
    }
    let answers = config.authorization.iter().flat_map(|point| &point.response.headers);
    let headers = policy.headers.iter().map(|header| header.name.to_string());
    let headers = list(headers.chain(answers.cloned()));
    let set = if headers.is_empty() { "nothing".to_owned() } else { headers };
    let rest = format!("sets {set}; everything else is answered {}", policy.unmatched);
    let shadows = list(shadows(config).into_iter());
    let shadows = (!shadows.is_empty()).then(|| format!("not enforced yet: {shadows}"));
    let module = needs_full_module(config).then(|| "needs plugin-full.wasm, for CEL".to_owned());
    [routes, rest].into_iter().chain(shadows).chain(module).collect()
}

/// Whether only the larger module takes the configuration.
pub(crate) fn needs_full_module(config: &Config) -> bool {
    let rules = config.routes.iter().flat_map(|route| &route.rules);
    let rules = rules.chain(config.rule_sets.values().flatten());
    rules.flat_map(|rule| [&rule.allow, &rule.deny]).flatten().any(has_cel)
}

fn has_cel(condition: &Condition) -> bool {
    let below = [&condition.all, &condition.any].into_iter().flatten().flatten();
    condition.cel.is_some() || below.chain(condition.not.as_deref()).any(has_cel)
}

/// What is tried before it counts, and until when.
fn shadows(config: &Config) -> Vec<String> {
    let shadow = |what: &str, name: &str, mode: Mode, until: &Option<String>| {
        let until = until.as_deref().unwrap_or_default();
        (mode == Mode::Shadow).then(|| format!("{what} {name} until {until}"))
    };
    let points = config.authorization.iter();
    let points = points.filter_map(|p| shadow("decisions of", &p.name, p.mode, &p.until));
    let routes = config.routes.iter();
    let routes = routes.filter_map(|r| shadow("route", &r.name, r.mode, &r.until));
    let rules = config.routes.iter().flat_map(|route| &route.rules);
    let rules = rules.chain(config.rule_sets.values().flatten());
    let rules = rules.filter_map(|r| shadow("rule", &r.name, r.mode, &r.until));
    points.chain(routes).chain(rules).collect()
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
