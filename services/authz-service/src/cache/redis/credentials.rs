//! A password that is not in the URL, as it is or in a file. It is in no error and no log, and one
//! in a file is read again at each connection, so that a changed one needs no restart.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fred::error::{Error, ErrorKind};
use fred::types::config::{Config, CredentialProvider, Server};

/// Largest password file in bytes.
const MAX_PASSWORD_BYTES: usize = 4 * 1024;

/// A password that is not in the URL.
#[derive(Clone)]
pub enum RedisPassword {
    /// The password itself.
    Text(String),
    /// A file that holds it; whitespace at the end does not belong to it.
    File(PathBuf),
}

impl RedisPassword {
    /// Lets `config` get in by this password, as the user that it has.
    pub(super) fn into(self, config: &mut Config) -> Result<(), String> {
        match self {
            Self::Text(text) => config.password = Some(text),
            Self::File(path) => {
                read(&path)?;
                let user = config.username.clone();
                config.credential_provider = Some(Arc::new(FromFile { user, path }));
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let password = text.trim_end();
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(format!("the file must hold 1 to {MAX_PASSWORD_BYTES} bytes"));
    }
    Ok(password.to_owned())
}

struct FromFile {
    user: Option<String>,
    path: PathBuf,
}

impl fmt::Debug for FromFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFile(…)")
    }
}

#[async_trait]
impl CredentialProvider for FromFile {
    async fn fetch(&self, _: Option<&Server>) -> Result<(Option<String>, Option<String>), Error> {
        let path = self.path.clone();
        // A file can be on a disk that does not answer.
        let password = tokio::task::spawn_blocking(move || read(&path)).await;
        let password = password.map_err(|_| unreadable())?.map_err(|_| unreadable())?;
        Ok((self.user.clone(), Some(password)))
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Auth, "the password file cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_file_is_read_at_each_connection() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut config = Config { username: Some("me".into()), ..Config::default() };
        let password = || RedisPassword::File(file.path().to_owned());
        assert!(password().into(&mut config).is_err(), "the file is empty");
        std::fs::write(file.path(), "first\n").unwrap();
        password().into(&mut config).unwrap();
        let credentials = config.credential_provider.unwrap();
        let expected = |password: &str| Ok((Some("me".to_owned()), Some(password.to_owned())));
        assert_eq!(credentials.fetch(None).await, expected("first"));
        std::fs::write(file.path(), "second").unwrap();
        assert_eq!(credentials.fetch(None).await, expected("second"));
        std::fs::remove_file(file.path()).unwrap();
        assert!(credentials.fetch(None).await.is_err());
    }
}
