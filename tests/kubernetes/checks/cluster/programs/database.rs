//! A backup made and put back, in a real PostgreSQL with the tables that authz-service makes.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, Ready};
use xtask::run::Scratch;
use xtask::{tools, workspace};

use super::{file, succeed};
use crate::rendered::overlay;

const READY: Duration = Duration::from_secs(30);
/// PostgreSQL refuses to run as root.
const NOBODY: &str = "65534";
const SUPERUSER: &str = "superuser-password-of-the-tests";
const AUTHZ: &str = "authz-password-of-the-tests";

struct Database {
    scratch: Scratch,
    port: Port,
    _server: Process,
}

impl Database {
    /// As the pod makes one: the superuser's password, then `init.sh`.
    fn start() -> Self {
        let scratch = Scratch::new("backup").unwrap();
        let folder = scratch.path();
        if as_root() {
            chown(folder, Some(65_534), Some(65_534)).unwrap();
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        for (name, password) in [("superuser-password", SUPERUSER), ("authz-password", AUTHZ)] {
            fs::write(folder.join(name), password).unwrap();
        }
        let objects = overlay("production");
        for script in ["init.sh", "backup.sh", "restore.sh"] {
            fs::write(folder.join(script), file(&objects, "postgres", script)).unwrap();
        }
        let (port, data) = (Port::free().unwrap(), folder.join("data"));
        let mut initdb = Command::new("setpriv");
        initdb.args(nobodys()).arg(program("initdb")).arg("--pgdata").arg(&data);
        initdb.arg("--pwfile").arg(folder.join("superuser-password"));
        succeed(initdb.args(["--username=postgres", "--auth=scram-sha-256", "--no-sync"]));
        let log = Output::Log(folder.join("log"));
        let launch =
            Launch::new("postgres", "setpriv", log).args(nobodys()).arg(program("postgres"));
        let launch = launch.arg("-D").arg(&data).arg("-k").arg(folder).args(["-c", "fsync=off"]);
        let server = launch.args(["-p", &port.number().to_string()]).start().unwrap();
        let address = format!("127.0.0.1:{}", port.number()).parse().unwrap();
        server.wait_ready(&Ready::Tcp(address), READY).unwrap();
        let database = Self { scratch, port, _server: server };
        let script = database.scratch.path().join("init.sh");
        let mut init = database.client("sh", "postgres", SUPERUSER);
        succeed(init.arg(script).env("SECRETS", database.scratch.path()));
        database
    }

    fn client(&self, program: &str, user: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{}:{}", bin().display(), std::env::var("PATH").unwrap()))
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.number().to_string())
            .env("PGUSER", user)
            .env("PGPASSWORD", password)
            .env("PGDATABASE", if user == "postgres" { "postgres" } else { "authz" });
        command
    }

    fn ask(&self, question: &str) -> String {
        let mut psql = self.client("psql", "authz", AUTHZ);
        succeed(psql.args(["--no-psqlrc", "-Atc", question])).trim().to_owned()
    }

    fn script(&self, name: &str) -> Command {
        let mut command = self.client("sh", "authz", AUTHZ);
        let folder = self.scratch.path();
        command.arg(folder.join(name)).env("BACKUPS", folder.join("backups")).env("TMPDIR", folder);
        command
    }

    fn backups(&self) -> Vec<String> {
        let entries = fs::read_dir(self.scratch.path().join("backups")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// authz-service itself, until it has made its tables and filled them.
    fn service(&self) -> Process {
        let service = workspace::debug_binary("authz-service").unwrap();
        let (demo, port) = (workspace::root().join("services"), Port::free().unwrap());
        let address = format!("127.0.0.1:{}", port.number());
        let url = format!("postgres://authz@127.0.0.1:{}/authz", self.port.number());
        let log = Output::Log(self.scratch.path().join("service.log"));
        let launch = Launch::new("authz-service", service, log)
            .args(["--listen", &address, "--database", &url])
            .arg("--policies")
            .arg(demo.join("authz-service/demo"))
            .arg("--entities")
            .arg(demo.join("demo-data/entities.json"))
            .env("PGPASSWORD", AUTHZ);
        let service = launch.start().unwrap();
        let ready = Ready::Http(address.parse().unwrap(), "/health/ready".into());
        service.wait_ready(&ready, READY).unwrap();
        service
    }
}

/// Who owns this process is who owns what it sees of itself.
fn as_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// What `setpriv` is to make of us.
fn nobodys() -> &'static [&'static str] {
    if as_root() { &["--reuid", NOBODY, "--clear-groups", "--"] } else { &["--"] }
}

fn bin() -> std::path::PathBuf {
    tools::postgres().unwrap().parent().map(Path::to_owned).unwrap()
}

fn program(name: &str) -> std::path::PathBuf {
    // Debian's server has its own programs beside it, wherever a wrapper is.
    fs::canonicalize(bin().join(name)).unwrap()
}

#[test]
#[ignore = "cargo xtask test-k8s: needs PostgreSQL"]
fn a_backup_is_made_checked_and_put_back() {
    let database = Database::start();
    let service = database.service();
    let subjects = database.ask("SELECT count(*) FROM subjects");
    let store = database.ask("SELECT store_id FROM meta");
    fs::create_dir(database.scratch.path().join("backups")).unwrap();
    let said = succeed(&mut database.script("backup.sh"));
    assert!(said.starts_with("wrote "), "{said}");
    let [backup] = &database.backups()[..] else { panic!("{:?}", database.backups()) };

    // While somebody is connected nothing is put back.
    let refused = database.script("restore.sh").output().unwrap();
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && error.contains("scale deployment/authz-service"),
        "{error}"
    );
    service.stop();
    assert_ne!(subjects, "0");
    database.ask("DELETE FROM subjects");
    assert_eq!(database.ask("SELECT count(*) FROM subjects"), "0");

    let said = succeed(&mut database.script("restore.sh"));
    assert_eq!(said.trim(), format!("restored {backup}"));
    assert_eq!(database.ask("SELECT count(*) FROM subjects"), subjects);
    // Filters have to begin anew with it.
    let renamed = database.ask("SELECT store_id FROM meta");
    assert!(renamed != store && renamed.len() == 32, "{store} {renamed}");
    database.service().stop();
}

#[test]
#[ignore = "cargo xtask test-k8s: needs PostgreSQL"]
fn what_goes_wrong_leaves_backups_and_database_as_they_were() {
    let database = Database::start();
    let folder = database.scratch.path().join("backups");
    fs::create_dir(&folder).unwrap();
    for day in 1..=3 {
        fs::write(folder.join(format!("authz-2026010{day}T000000Z.dump")), "old").unwrap();
    }
    // There are no tables yet, so this is no backup.
    let empty = database.script("backup.sh").env("KEEP", "1").output().unwrap();
    let error = String::from_utf8_lossy(&empty.stderr);
    assert!(!empty.status.success() && error.contains("no table meta: not kept"), "{error}");
    assert_eq!(database.backups().len(), 3, "{:?}", database.backups());

    database.service().stop();
    let before = database.ask("SELECT store_id FROM meta");
    let broken = database.script("restore.sh").output().unwrap();
    assert!(!broken.status.success(), "{broken:?}");
    let missing =
        database.script("restore.sh").env("BACKUP_FILE", "nothing.dump").output().unwrap();
    let error = String::from_utf8_lossy(&missing.stderr);
    assert!(!missing.status.success() && error.contains("no backup 'nothing.dump'"), "{error}");
    assert_eq!(database.ask("SELECT store_id FROM meta"), before);

    let said = succeed(database.script("backup.sh").env("KEEP", "2"));
    assert_eq!(said.matches("removed authz-2026010").count(), 2, "{said}");
    assert_eq!(database.backups().len(), 2, "{:?}", database.backups());
}
