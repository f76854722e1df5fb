//! A Claimgate filter in a bootstrap: which of the Wasm filters it is, and its configuration.
//!
//! A configuration reaches the module as a `Struct`, whose lines are the file's own, or as a text, which
//! has to be JSON then: YAML in a text is refused by the filter, and so it is here.

use crate::document::{Cursor, Node};
use crate::finding::{Finding, code};
use crate::policy::{self, Compiled, Environment};

use super::bootstrap::{Manager, type_of, value_of};

/// One filter.
#[derive(Debug)]
pub(super) struct Filter<'d> {
    /// Its entry among the HTTP filters.
    pub(super) http_filter: Cursor<'d>,
    /// The plugin's settings.
    pub(super) plugin: Cursor<'d>,
    /// Its configuration, when it has one.
    configuration: Option<Configuration<'d>>,
}

#[derive(Debug)]
enum Configuration<'d> {
    Written(Cursor<'d>),
    Text(Cursor<'d>, Result<Node, String>),
}

impl<'d> Filter<'d> {
    /// The Claimgate filters of a connection manager.
    pub(super) fn all_in(manager: &Manager<'d>) -> Vec<Self> {
        let filters = manager.at.list("http_filters").into_iter();
        filters.filter_map(Self::read).filter(Self::is_claimgate).collect()
    }

    fn read(http_filter: Cursor<'d>) -> Option<Self> {
        let any = http_filter.field("typed_config")?;
        type_of(&any).filter(|name| name.ends_with("filters.http.wasm.v3.Wasm"))?;
        let plugin = value_of(any).field("config")?;
        let configuration = plugin.field("configuration").and_then(configuration);
        Some(Self { http_filter, plugin, configuration })
    }

    fn is_claimgate(&self) -> bool {
        let names = [
            self.http_filter.text_of("name"),
            self.plugin.text_of("name"),
            self.plugin.text_of("root_id"),
            self.module(),
        ];
        let named = names.into_iter().flatten().any(|name| name.contains("claimgate"));
        let ours =
            |name: &str| name.ends_with("/plugin.wasm") || name.ends_with("/plugin-full.wasm");
        let configured = self
            .configuration()
            .is_some_and(|at| at.field("version").is_some() && at.field("routes").is_some());
        named || self.module().is_some_and(ours) || configured
    }

    /// Where its code is from.
    pub(super) fn module(&self) -> Option<&'d str> {
        let code = self.plugin.path("vm_config.code")?;
        code.text_of("local.filename").or_else(|| code.text_of("remote.http_uri.uri"))
    }

    /// Its configuration, as far as it can be read.
    pub(super) fn configuration(&self) -> Option<Cursor<'_>> {
        match self.configuration.as_ref()? {
            Configuration::Written(at) => Some(at.clone()),
            Configuration::Text(at, Ok(node)) => Some(at.inside(node)),
            Configuration::Text(_, Err(_)) => None,
        }
    }

    /// What it enforces.
    pub(super) fn compile(&self, environment: &Environment) -> Result<Compiled, Finding> {
        let refused = |at: &Cursor<'_>, why| Finding::new(&code::CONFIGURATION_INVALID, at, why);
        let Some(configuration) = &self.configuration else {
            return Err(refused(
                &self.plugin,
                "has no `configuration`, a Struct or JSON in a StringValue".to_owned(),
            ));
        };
        let at = match configuration {
            Configuration::Written(at) => at.clone(),
            Configuration::Text(at, Ok(node)) => at.inside(node),
            Configuration::Text(at, Err(why)) => {
                return Err(refused(at, format!("the text is no JSON: {why}")));
            }
        };
        let passed = |name: &str| self.variable(name, environment);
        policy::compile(&at, &passed).map_err(|error| {
            let mut finding = policy::refusal(&at, &error);
            if let Some(name) = policy::unset(&error).filter(|name| !self.is_passed(name)) {
                finding.problem = format!(
                    "environment variable `{name}` is not passed to the VM; name it in \
                     `vm_config.environment_variables.host_env_keys`"
                );
            }
            finding
        })
    }

    /// The value of a variable inside the VM, which sees only those that it is given.
    fn variable(&self, name: &str, environment: &Environment) -> Option<String> {
        let written = self.environment().and_then(|at| at.field("key_values"));
        let written = written.and_then(|at| at.field(name)?.text());
        match written {
            Some(value) => Some(value.to_owned()),
            None if self.is_passed(name) => environment.value(name),
            None => None,
        }
    }

    fn is_passed(&self, name: &str) -> bool {
        let keys = self.environment().map_or_else(Vec::new, |at| at.list("host_env_keys"));
        keys.iter().any(|key| key.text() == Some(name))
    }

    fn environment(&self) -> Option<Cursor<'d>> {
        self.plugin.path("vm_config.environment_variables")
    }
}

fn configuration(any: Cursor<'_>) -> Option<Configuration<'_>> {
    let value = any.field("value").unwrap_or(any);
    Some(match value.text() {
        None => Configuration::Written(value),
        Some(text) => {
            let json = serde_json::from_str::<serde_json::Value>(text);
            Configuration::Text(value, json.map(Node::from).map_err(|error| error.to_string()))
        }
    })
}
