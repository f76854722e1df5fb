//! Requests at a fixed rate, far below what saturates the gateway, and how long each took.
//!
//! `wrk` sends the next request when the last one is answered, so a gateway that stands still for a moment
//! delays one request on each connection, and the many that would have come meanwhile are never sent.
//! Here they are due all the same, and what they wait for their connection counts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::service::answer;
use crate::site::PATH;

/// Requests per second, over all connections.
pub const RATE: u32 = 1_000;
const CONNECTIONS: u32 = 8;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the requests of one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latencies {
    /// Half of them no longer than this.
    pub p50_ms: f64,
    /// 99 of 100 no longer than this.
    pub p99_ms: f64,
    /// All of them.
    pub longest_ms: f64,
    /// Answers that were not 200.
    pub errors: u64,
}

/// Sends requests with this token for some seconds.
pub fn run(to: SocketAddr, token: &str, seconds: u64) -> Result<Latencies> {
    let request =
        format!("GET {PATH} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\n\r\n");
    let each = usize::try_from(seconds * u64::from(RATE / CONNECTIONS))?;
    let begins = Instant::now();
    let parts = thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let first = begins + Duration::from_secs(1) * number / RATE;
                let request = request.as_bytes();
                scope.spawn(move || connection(to, request, first, each))
            })
            .collect();
        connections
            .into_iter()
            .map(|part| part.join().map_err(|_| anyhow!("a connection's thread panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    let errors = parts.iter().map(|(_, errors)| errors).sum();
    of(parts.into_iter().flat_map(|(times, _)| times).collect(), errors).context("no answers")
}

/// The times of `count` requests on a connection of their own, and how many were not answered 200.
fn connection(
    to: SocketAddr,
    request: &[u8],
    first: Instant,
    count: usize,
) -> Result<(Vec<Duration>, u64)> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut times, mut errors) = (Vec::with_capacity(count), 0);
    let mut due = first;
    for _ in 0..count {
        let asked = wait_until(due);
        stream.write_all(request)?;
        errors += u64::from(!is_good(&mut stream)?);
        times.push(asked.elapsed());
        due += Duration::from_secs(1) * CONNECTIONS / RATE;
    }
    Ok((times, errors))
}

/// When a request counts as asked that was due then: when it was due if its connection was busy, and else when
/// this thread woke up, whose delay is not the gateway's.
fn wait_until(due: Instant) -> Instant {
    match due.checked_duration_since(Instant::now()) {
        Some(early) => {
            thread::sleep(early);
            Instant::now()
        }
        None => due,
    }
}

fn is_good(stream: &mut TcpStream) -> Result<bool> {
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer)?;
        ensure!(read > 0, "the connection was closed");
        answer.extend_from_slice(&buffer[..read]);
        if let Some(answer) = answer::read(&answer)? {
            return Ok(answer.is(&[]));
        }
    }
}

/// `None` of none.
fn of(mut times: Vec<Duration>, errors: u64) -> Option<Latencies> {
    times.sort_unstable();
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map(ms);
    let longest_ms = times.last().map(ms)?;
    Some(Latencies { p50_ms: at(0.5)?, p99_ms: at(0.99)?, longest_ms, errors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_in_a_hundred_is_the_99th_percentile() {
        let times =
            (1..=200).map(|n| Duration::from_millis(if n > 198 { 50 } else { 1 })).collect();
        let expected = Latencies { p50_ms: 1.0, p99_ms: 50.0, longest_ms: 50.0, errors: 3 };
        assert_eq!(of(times, 3), Some(expected));
        assert_eq!(of(Vec::new(), 0), None);
    }

    #[test]
    fn what_a_request_waits_for_its_connection_counts() {
        let due = Instant::now().checked_sub(Duration::from_millis(30)).unwrap();
        assert_eq!(wait_until(due), due);
        let due = Instant::now() + Duration::from_millis(1);
        assert!(wait_until(due) >= due);
    }
}
