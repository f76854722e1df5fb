//! What stands in for an image that others ship: this machine's own system, read-only, with the program in the
//! place where that image has it.
//!
//! It must never change what `compose.yaml` says of a container, only where its programs come from.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::file::Service;
use super::make_folder;
use crate::package::PUBLISHED;
use crate::tools;

/// What a container gets beside this machine's system.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIn {
    /// Files and folders, read-only: where they are here, where they are there.
    pub(super) mounts: Vec<(PathBuf, String)>,
    /// What named volumes begin with, by where they are there: an engine fills them from the image.
    pub(super) volumes: Vec<(PathBuf, String)>,
    /// What the image starts where the file does not say.
    pub(super) entrypoint: Vec<String>,
}

/// For this service, with what it writes below `folder`; `None` for our own images.
pub(super) fn of(name: &str, service: &Service, folder: &Path) -> Result<Option<StandIn>> {
    if service.image.starts_with(PUBLISHED) {
        return Ok(None);
    }
    let owner = owner(service)?;
    let volume = |place: &str| volume(folder, name, place, owner);
    let stand_in = match name {
        "envoy" => StandIn {
            mounts: vec![(tools::envoy()?, "/usr/local/bin/envoy".into())],
            ..StandIn::default()
        },
        "redis" => {
            tools::redis_server()?;
            StandIn { volumes: vec![volume("/data")?], ..StandIn::default() }
        }
        "postgres" => StandIn {
            volumes: vec![volume("/var/lib/postgresql/data")?],
            entrypoint: vec!["sh".into(), "-c".into(), postgres()?],
            ..StandIn::default()
        },
        "keycloak" => keycloak(folder, owner)?,
        other => anyhow::bail!("{other}: nothing is known to stand in for {}", service.image),
    };
    Ok(Some(stand_in))
}

/// The user and group that it runs as, by number.
fn owner(service: &Service) -> Result<(u32, u32)> {
    let user = service.user.as_deref().unwrap_or_default();
    let numbers = user
        .split_once(':')
        .and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    numbers.with_context(|| format!("{}: user {user:?} is not two numbers", service.image))
}

fn volume(folder: &Path, name: &str, place: &str, owner: (u32, u32)) -> Result<(PathBuf, String)> {
    let here = folder.join(name);
    make_folder(&here)?;
    own(&here, owner)?;
    Ok((here, place.to_owned()))
}

fn own(path: &Path, (user, group): (u32, u32)) -> Result<()> {
    chown(path, Some(user), Some(group)).with_context(|| path.display().to_string())
}

/// What the image's own entrypoint does with the variables that the file sets: a database at the first start,
/// whose owner has to say the password to whoever comes over a network.
fn postgres() -> Result<String> {
    // Beside it, not beside a link to it, are the others.
    let server = fs::canonicalize(tools::postgres()?)?;
    let bin = server.parent().context("a folder with PostgreSQL's programs")?.display().to_string();
    Ok(format!(
        "set -e\n\
         if [ ! -s \"$PGDATA/PG_VERSION\" ]; then\n\
           echo \"$POSTGRES_PASSWORD\" > /tmp/password\n\
           {bin}/initdb --pgdata \"$PGDATA\" --username \"$POSTGRES_USER\" --pwfile /tmp/password \
             --auth-local trust --auth-host scram-sha-256 > /dev/null\n\
           rm /tmp/password\n\
           echo 'host all all all scram-sha-256' >> \"$PGDATA/pg_hba.conf\"\n\
           {bin}/pg_ctl --pgdata \"$PGDATA\" --wait start -o '-c listen_addresses= -k /tmp' > /dev/null\n\
           {bin}/createdb --host /tmp --username \"$POSTGRES_USER\" \"$POSTGRES_DB\"\n\
           {bin}/pg_ctl --pgdata \"$PGDATA\" --wait --mode fast stop > /dev/null\n\
         fi\n\
         exec {bin}/postgres -D \"$PGDATA\" -c 'listen_addresses=*' -k /tmp"
    ))
}

/// A copy of the installed one: it writes into two of its folders.
fn keycloak(folder: &Path, owner: (u32, u32)) -> Result<StandIn> {
    let (installed, home) = (tools::keycloak()?, folder.join("keycloak"));
    let copied = Command::new("cp").arg("-a").arg(&installed).arg(&home).status()?;
    ensure!(copied.success(), "cannot copy {}", installed.display());
    // It is there in the image, and where the file mounts the realm.
    make_folder(&home.join("data/import"))?;
    let owner = format!("{}:{}", owner.0, owner.1);
    let owned = Command::new("chown").args(["-R", &owner]).arg(&home).status()?;
    ensure!(owned.success(), "cannot give {} away", home.display());
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755))?;
    let volume = |name: &str| (home.join(name), format!("/opt/keycloak/{name}"));
    let volumes = vec![volume("data"), volume("lib/quarkus")];
    Ok(StandIn { mounts: vec![(home, "/opt/keycloak".into())], volumes, ..StandIn::default() })
}
