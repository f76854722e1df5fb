//! What stands in for an image that others ship: a root with nobody's programs in it, onto which this machine's are
//! mounted read-only, in the places where that image has them.
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

/// Where this machine has its programs, and what these need to run.
const SYSTEM: [&str; 11] = [
    "/bin",
    "/lib",
    "/lib64",
    "/sbin",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/sbin",
    "/usr/share",
    "/etc/alternatives",
    "/etc/ssl",
];

/// An image in the making.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    /// What the image itself holds.
    pub(super) root: PathBuf,
    /// What the image starts where the file does not say.
    pub(super) entrypoint: Vec<String>,
    /// Files and folders, read-only: where they are here, where they are there.
    pub(super) mounts: Vec<(PathBuf, String)>,
}

/// For this service, with what it holds below `folder`; `None` for our own images.
pub(super) fn of(name: &str, service: &Service, folder: &Path) -> Result<Option<StandIn>> {
    if service.image.starts_with(PUBLISHED) {
        return Ok(None);
    }
    let owner = owner(service)?;
    let mut stand_in = StandIn {
        root: empty(&folder.join(name), owner)?,
        entrypoint: Vec::new(),
        mounts: system()?,
    };
    match name {
        "envoy" => stand_in.mounts.push((tools::envoy()?, "/usr/local/bin/envoy".into())),
        "redis" => {
            tools::redis_server()?;
            own_folder(&stand_in.root, "data", owner)?;
        }
        "postgres" => {
            stand_in.entrypoint = vec!["sh".into(), "-c".into(), postgres()?];
            own_folder(&stand_in.root, "var/lib/postgresql/data", owner)?;
            own_folder(&stand_in.root, "var/run/postgresql", owner)?;
        }
        "keycloak" => keycloak(&stand_in.root, owner)?,
        other => anyhow::bail!("{other}: nothing is known to stand in for {}", service.image),
    }
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

/// A root with places for what is mounted, and with a name for its user, which some programs look for.
fn empty(root: &Path, (user, group): (u32, u32)) -> Result<PathBuf> {
    for place in ["dev", "etc", "proc", "run", "sys", "tmp", "usr/local/bin", "var"] {
        make_folder(&root.join(place))?;
    }
    // As images have it, and as what is mounted there is made like.
    let everybodys = fs::Permissions::from_mode(0o1777);
    fs::set_permissions(root.join("tmp"), everybodys)?;
    let write = |file: &str, text: String| {
        let file = root.join("etc").join(file);
        fs::write(&file, text).with_context(|| file.display().to_string())
    };
    write("passwd", format!("service:x:{user}:{group}::/tmp:/bin/sh\n"))?;
    write("group", format!("service:x:{group}:\n"))?;
    Ok(root.to_owned())
}

fn system() -> Result<Vec<(PathBuf, String)>> {
    let of_java = fs::read_dir("/etc")?.flatten().map(|entry| entry.path());
    let of_java = of_java.filter(|path| path.display().to_string().starts_with("/etc/java"));
    let all = SYSTEM.iter().map(PathBuf::from).chain(of_java).filter(|path| path.exists());
    Ok(all.map(|path| (path.clone(), path.display().to_string())).collect())
}

/// A volume begins as the image has its place.
fn own_folder(root: &Path, place: &str, (user, group): (u32, u32)) -> Result<()> {
    let place = root.join(place);
    make_folder(&place)?;
    chown(&place, Some(user), Some(group)).with_context(|| place.display().to_string())
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

/// A copy of the installed one.
fn keycloak(root: &Path, (user, group): (u32, u32)) -> Result<()> {
    let (installed, home) = (tools::keycloak()?, root.join("opt/keycloak"));
    make_folder(&root.join("opt"))?;
    let copied = Command::new("cp").arg("-a").arg(&installed).arg(&home).status()?;
    ensure!(copied.success(), "cannot copy {}", installed.display());
    // It is there in the image, and where the file mounts the realm.
    make_folder(&home.join("data/import"))?;
    let owned =
        Command::new("chown").args(["-R", &format!("{user}:{group}")]).arg(&home).status()?;
    ensure!(owned.success(), "cannot give {} away", home.display());
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&home, open).with_context(|| home.display().to_string())
}
