//! Ports for tests that run at the same time, and who holds a taken one.
//!
//! Free ports lie below 32768, where Linux never takes a port for an outgoing connection, and each is
//! guarded by a locked file: the kernel drops the lock when its owner dies. It must never hand
//! out a port that answers already, whoever holds it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that no other process using this allocator gets while this value lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Holds the lock; the file itself stays, so that two owners always meet at the same one.
    _lock: File,
}

impl Port {
    /// A port that nobody listens on, on 127.0.0.1 and on ::1 where that exists.
    pub fn free() -> io::Result<Self> {
        let dir = lock_dir()?;
        // Processes start their search apart, so they seldom try for the same file.
        let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT))
            .unwrap_or_default();
        (0..COUNT)
            .map(|step| FIRST + (start + step) % COUNT)
            .find_map(|number| Self::take(&dir, number))
            .ok_or_else(|| io::Error::other("no free port below 32768"))
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    fn take(dir: &std::path::Path, number: u16) -> Option<Self> {
        let path = dir.join(number.to_string());
        let lock = OpenOptions::new().create(true).append(true).open(path).ok()?;
        lock.try_lock().ok()?;
        port_is_free(number).then_some(Self { number, _lock: lock })
    }
}

/// One folder per account: another account's lock files could not be opened.
fn lock_dir() -> io::Result<PathBuf> {
    let name = format!("claimgate-ports-{}", nix::unistd::getuid());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Nobody listens on this port, neither on 127.0.0.1 nor, where that exists, on ::1.
#[must_use]
pub fn port_is_free(number: u16) -> bool {
    let bind = |host| TcpListener::bind((host, number));
    let taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
    bind("127.0.0.1").is_ok() && !bind("::1").is_err_and(|error| taken(&error))
}

/// Who listens on `port` of this machine, as `name (pid 123)`. `None` when nobody does or the
/// system does not tell us (another account's process, a system without `/proc`).
#[must_use]
pub fn port_holder(port: u16) -> Option<String> {
    let sockets = listening_sockets(port);
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().map(|entry| entry.path()).find_map(|process| {
        let pid: u32 = process.file_name()?.to_str()?.parse().ok()?;
        let mut files = fs::read_dir(process.join("fd")).ok()?.flatten();
        files.find(|file| {
            fs::read_link(file.path())
                .is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
        })?;
        let name = fs::read_to_string(process.join("comm")).ok()?;
        Some(format!("{} (pid {pid})", name.trim()))
    })
}

/// The sockets in state LISTEN on `port`, as the links in `/proc/PID/fd` name them.
fn listening_sockets(port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let hex = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines())
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let listens = columns.get(1)?.ends_with(&hex) && *columns.get(3)? == LISTEN;
            listens.then(|| columns.get(9).map(|inode| format!("socket:[{inode}]")))?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_free_ports_differ_and_lie_below_the_outgoing_range() {
        let (one, other) = (Port::free().unwrap(), Port::free().unwrap());
        assert_ne!(one.number(), other.number());
        assert!(one.number() < 32_768 && other.number() < 32_768);
    }

    #[test]
    fn a_port_somebody_listens_on_is_never_free() {
        let port = Port::free().unwrap().number();
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert!(Port::take(&lock_dir().unwrap(), port).is_none());
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = port_holder(port).unwrap();
        assert!(holder.ends_with(&format!("(pid {})", std::process::id())), "{holder}");
        drop(listener);
        assert_eq!(port_holder(port), None);
    }
}
