//! A real PostgreSQL: one server for all tests of a run, a database of its own for each, and
//! servers of their own for tests that harm one. All of them end with this process.

use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

use crate::redis::free_port;

pub(crate) const PASSWORD: &str = "a-password-of-the-tests";
const NEEDED: &str = "PostgreSQL is needed: apt-get install -y postgresql";
/// Debian's account that owns nothing; PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// A running server; killed when dropped.
pub(crate) struct Postgres {
    child: Child,
    port: u16,
    directory: TempDir,
}

/// The URL of a new, empty database on the server that all tests share.
pub(crate) async fn database() -> String {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    let start = || Postgres::start_in(lasting_folder(), &["fsync=off"]);
    let server = tokio::task::spawn_blocking(move || SERVER.get_or_init(start));
    server.await.unwrap().database().await
}

/// A folder for what is never dropped, named after this process. Those of processes that have
/// ended are removed here, as they could not do it themselves.
fn lasting_folder() -> TempDir {
    const NAME: &str = "claimgate-postgres-";
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(NAME).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let prefix = format!("{NAME}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempdir().unwrap()
}

impl Postgres {
    /// Starts a server with these further settings (`name=value`).
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings)
    }

    /// The same, with its data in `directory`.
    pub(crate) fn start_in(directory: TempDir, settings: &[&str]) -> Self {
        hand_over(directory.path());
        let data = directory.path().join("data");
        let password = directory.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        hand_over(&password);
        let mut initdb = as_somebody("initdb", directory.path());
        initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password);
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8"]);
        initdb.args(["--locale=C.UTF-8", "--no-sync"]);
        succeed(&mut initdb);
        let mut started = None;
        for _ in 0..5 {
            // Another process can take a free port before the server does.
            started = started.or_else(|| spawn(&directory, free_port(), settings));
        }
        let (child, port) = started.expect("PostgreSQL starts");
        Self { child, port, directory }
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        let (child, _) = spawn(&self.directory, self.port, &[]).expect("PostgreSQL starts again");
        self.child = child;
    }

    /// Ends the server and all its processes at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // The postmaster's children notice its end; a data folder still in use refuses a restart.
        let children = self.children();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for child in children {
            let _ = kill_process(child, Signal::KILL);
        }
        let _ = std::fs::remove_file(self.directory.path().join("data/postmaster.pid"));
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Stops every process of the server; connections stay open and get no answer.
    pub(crate) fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        for child in self.children() {
            let _ = kill_process(child, signal);
        }
    }

    fn children(&self) -> Vec<Pid> {
        let id = self.child.id();
        let file = format!("/proc/{id}/task/{id}/children");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        text.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
    }

    /// The URL of a new, empty database.
    pub(crate) async fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        url_of(self.port, database)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let children = self.children();
        let _ = self.child.kill();
        let _ = self.child.wait();
        for child in children {
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

pub(crate) fn url_of(port: u16, database: &str) -> String {
    format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// From a thread that never ends: the kernel kills the server when the thread that spawned it
/// does, and the threads of tests end long before the process.
fn spawn(directory: &TempDir, port: u16, settings: &[&str]) -> Option<(Child, u16)> {
    let mut command = as_somebody("postgres", directory.path());
    command.arg("-D").arg(directory.path().join("data"));
    command.args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    let sockets = format!("unix_socket_directories={}", directory.path().display());
    command.args(["-c", &sockets, "-c", "max_connections=400", "-c", "shared_buffers=32MB"]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut child = on_a_lasting_thread(command);
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
        if accepts(directory.path(), port) {
            return Some((child, port));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// A port that is open is not yet a server that has recovered.
fn accepts(directory: &Path, port: u16) -> bool {
    let mut ready = as_somebody("pg_isready", directory);
    ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
    TcpStream::connect(("127.0.0.1", port)).is_ok() && ready.status().unwrap().success()
}

fn on_a_lasting_thread(command: Command) -> Child {
    type Job = (Command, mpsc::Sender<Child>);
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, waiting) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in waiting {
                let _ = answer.send(command.spawn().expect(NEEDED));
            }
        });
        jobs
    });
    let (answer, child) = mpsc::channel();
    spawner.send((command, answer)).unwrap();
    child.recv().unwrap()
}

/// Runs one of PostgreSQL's programs, as another account when we are root.
fn as_somebody(program: &str, directory: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(find(program));
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// On `PATH`, or where Debian keeps it: the newest of the versions there.
fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    let mut places = std::env::split_paths(&path).chain(debian.into_iter().rev());
    places.find_map(|place| Some(place.join(program)).filter(|file| file.is_file())).expect(NEEDED)
}

fn hand_over(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn succeed(command: &mut Command) {
    let Output { status, stderr, .. } = command.stderr(Stdio::piped()).output().expect(NEEDED);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}
