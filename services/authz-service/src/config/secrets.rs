//! Secrets: from a variable of the environment, or from the file that the variable with `_FILE`
//! behind its name names (as container platforms mount them). Never from a flag or the
//! configuration file, never in an error or a log.

use std::io;

/// A secret that cannot be read. Names the variable only.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSecret {
    /// Both the variable and its file are set.
    #[error("{0} and {0}_FILE are both set")]
    Twice(&'static str),
    /// Not text.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
    /// The file cannot be read.
    #[error("{0}_FILE: {1}")]
    File(&'static str, io::Error),
}

/// The secret called `name`, without white space at its end; `None` when it is not set.
pub fn from_environment(name: &'static str) -> Result<Option<String>, InvalidSecret> {
    let file = std::env::var_os(format!("{name}_FILE"));
    match (std::env::var(name), file) {
        (Ok(_), Some(_)) => Err(InvalidSecret::Twice(name)),
        (Ok(secret), None) => Ok(Some(secret)),
        (Err(std::env::VarError::NotUnicode(_)), _) => Err(InvalidSecret::NotText(name)),
        (Err(std::env::VarError::NotPresent), None) => Ok(None),
        (Err(std::env::VarError::NotPresent), Some(path)) => std::fs::read_to_string(path)
            .map(|secret| Some(secret.trim_end().to_owned()))
            .map_err(|error| InvalidSecret::File(name, error)),
    }
}
