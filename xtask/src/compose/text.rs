//! The variables in the file's texts (Compose specification, Interpolation): `${NAME:?message}`,
//! `${NAME:-default}` and `$$`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// The passwords that the file asks for.
const PASSWORDS: [&str; 5] = [
    "AUTHZ_SERVICE_TOKEN",
    "GATEWAY_SECRET",
    "KEYCLOAK_ADMIN_PASSWORD",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
];

/// What `.env` would hold.
#[derive(Clone)]
pub struct Variables(BTreeMap<String, String>);

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Variables {
    /// New passwords for one run.
    pub fn random() -> Result<Self> {
        let one = |name: &&str| Ok(((*name).to_owned(), crate::stack::random_secret()?));
        Ok(Self(PASSWORDS.iter().map(one).collect::<Result<_>>()?))
    }

    /// The text of `.env`.
    pub(super) fn to_env(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// None of them.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `text` with their values.
    pub(super) fn fill_in(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            rest = match after.strip_prefix('$') {
                Some(after) => {
                    filled.push('$');
                    after
                }
                None => {
                    let (expression, after) = after
                        .strip_prefix('{')
                        .and_then(|after| after.split_once('}'))
                        .with_context(|| format!("{text:?}: a $ that begins nothing"))?;
                    filled.push_str(&self.value(expression)?);
                    after
                }
            };
        }
        Ok(filled + rest)
    }

    fn value(&self, expression: &str) -> Result<String> {
        let (name, or_else) = match expression.split_once(':') {
            Some((name, or_else)) => (name, or_else),
            None => (expression, ""),
        };
        match (self.get(name), or_else.strip_prefix('-')) {
            (Some(value), _) => Ok(value.to_owned()),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => bail!("{name} is not set{}", or_else.replace('?', ": ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_defaults_and_dollars_are_told_apart() {
        let variables = Variables([("A".to_owned(), "one".to_owned())].into());
        let filled = |text: &str| variables.fill_in(text).map_err(|error| error.to_string());
        assert_eq!(filled("x${A:?why}y$$Z${B:-two}"), Ok("xoney$Ztwo".to_owned()));
        assert_eq!(filled("${B:?see there}"), Err("B is not set: see there".to_owned()));
        assert!(filled("$A").unwrap_err().contains("begins nothing"));
    }
}
