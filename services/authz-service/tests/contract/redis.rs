//! A real redis-server on a free port, also as a sentinel, and just enough of its protocol to plant
//! and read values.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use authz_service::cache::{RedisAddress, RedisCache};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A running redis-server; killed when dropped.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    directory: TempDir,
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
        Self::start_with(&[])
    }

    /// With further arguments of redis-server.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        // Another process can take a free port before Redis does.
        (0..5)
            .find_map(|_| Self::try_start(free_port(), arguments, tempfile::tempdir().unwrap()))
            .expect("redis-server starts")
    }

    pub(crate) fn start_on(port: u16) -> Self {
        Self::start_on_with(port, &[], tempfile::tempdir().unwrap())
    }

    /// In `directory`, where it finds what an earlier one left.
    pub(crate) fn start_on_with(port: u16, arguments: &[&str], directory: TempDir) -> Self {
        Self::try_start(port, arguments, directory)
            .unwrap_or_else(|| panic!("redis-server does not start on {port}"))
    }

    fn try_start(port: u16, arguments: &[&str], directory: TempDir) -> Option<Self> {
        let usual = ["--save", "", "--appendonly", "no", "--loglevel", "warning"];
        Self::run(port, &[&usual, arguments].concat(), directory)
    }

    /// A sentinel with these lines of configuration.
    pub(crate) fn sentinel(configuration: &str) -> Self {
        (0..5)
            .find_map(|_| Self::try_sentinel(free_port(), configuration))
            .expect("redis-server starts as a sentinel")
    }

    pub(crate) fn sentinel_on(port: u16, configuration: &str) -> Self {
        Self::try_sentinel(port, configuration)
            .unwrap_or_else(|| panic!("no sentinel starts on {port}"))
    }

    fn try_sentinel(port: u16, configuration: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        // It writes into its configuration what it learns.
        std::fs::write(directory.path().join("sentinel.conf"), configuration).unwrap();
        Self::run(port, &["--sentinel"], directory)
    }

    fn run(port: u16, arguments: &[&str], directory: TempDir) -> Option<Self> {
        let file = directory.path().join("sentinel.conf");
        let child = Command::new("redis-server")
            .args(file.exists().then_some(file))
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(arguments)
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is needed: apt-get install -y redis-server");
        let mut redis = Self { child, port, directory };
        redis.answers_within(Duration::from_secs(10)).then_some(redis)
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && matches!(
                    self.command(&["PING"]).split(' ').next(),
                    Some("+PONG" | "-LOADING" | "-NOAUTH")
                )
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

    /// Another client of this server than [`Self::cache`]: at another address.
    pub(crate) async fn cache_at(address: RedisAddress) -> RedisCache {
        let cache = RedisCache::connect(address, Duration::ZERO).unwrap();
        assert!(cache.connected_within(Duration::from_secs(10)).await);
        cache
    }

    /// A client of this server, which believes what it reads for no time. Needs a Tokio runtime.
    pub(crate) fn cache(&self) -> RedisCache {
        self.cache_for(Duration::ZERO)
    }

    /// The same, which believes what it reads for `believed_for`.
    pub(crate) fn cache_for(&self, believed_for: Duration) -> RedisCache {
        let address = RedisAddress::parse(&self.url(), None, None).ok().unwrap();
        RedisCache::connect(address, believed_for).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it and hands its directory on.
    pub(crate) fn stop(mut self) -> TempDir {
        self.end();
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends one command. The answer is its line, or the content of a bulk string.
    pub(crate) fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> String {
        self.try_command(arguments).expect("redis answers")
    }

    /// The same to one that may be just throwing everybody out.
    pub(crate) fn try_command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.as_ref().len()).as_bytes());
            request.extend(argument.as_ref());
            request.extend(b"\r\n");
        }
        stream.write_all(&request)?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.strip_prefix('$').and_then(|length| length.trim().parse::<usize>().ok()) {
            Some(length) => {
                let mut content = vec![0; length];
                reader.read_exact(&mut content)?;
                Ok(String::from_utf8_lossy(&content).into_owned())
            }
            None => Ok(line.trim().to_owned()),
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
        self.end();
    }
}
