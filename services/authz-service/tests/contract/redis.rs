//! A real redis-server on a free port, and just enough of its protocol to plant and read values.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running redis-server; killed when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

/// A port that nobody listens on right now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn url_of(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

impl Redis {
    pub(crate) fn start() -> Self {
        // Another process can take a free port before Redis does.
        (0..5).find_map(|_| Self::try_start_on(free_port())).expect("redis-server starts")
    }

    pub(crate) fn start_on(port: u16) -> Self {
        Self::try_start_on(port).unwrap_or_else(|| panic!("redis-server does not start on {port}"))
    }

    fn try_start_on(port: u16) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is needed: apt-get install -y redis-server");
        let mut redis = Self { child, port, _directory: directory };
        redis.answers_within(Duration::from_secs(10)).then_some(redis)
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && self.command(&["PING"]) == "+PONG"
            {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    pub(crate) fn url(&self) -> String {
        url_of(self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends one command. The answer is its line, or the content of a bulk string.
    pub(crate) fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("redis listens");
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.as_ref().len()).as_bytes());
            request.extend(argument.as_ref());
            request.extend(b"\r\n");
        }
        stream.write_all(&request).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.strip_prefix('$').and_then(|length| length.trim().parse::<usize>().ok()) {
            Some(length) => {
                let mut content = vec![0; length];
                reader.read_exact(&mut content).unwrap();
                String::from_utf8_lossy(&content).into_owned()
            }
            None => line.trim().to_owned(),
        }
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
