//! The load generator for decision points: one thread, some connections with one question under
//! way each, and every answer compared with the decision it should hold.
//!
//! `wrk` cannot compare without being slower than what it measures. Questions are bytes before the
//! clock starts, so that what is left to do for each is to send it and to read the answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::answer;

/// How long the last answers may take, and an answer at all.
const PATIENCE: Duration = Duration::from_secs(10);
const BUFFER: usize = 64 * 1024;

/// A request, and what has to be in its answer.
pub struct Question {
    /// As it goes over the wire.
    pub bytes: Vec<u8>,
    /// The decisions, in order.
    pub decisions: Vec<bool>,
}

/// How many questions are asked.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// As many as there is time for.
    Elapsed(Duration),
    /// So many.
    Asked(usize),
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Answered requests.
    pub requests: u64,
    /// Answered requests per second.
    pub per_second: f64,
    /// Half of the answers came within this.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this.
    pub p99_ms: f64,
    /// Answers with another status or decision than expected.
    pub errors: u64,
}

/// Asks `questions` in turn, beginning after the first `skip`, over so many connections.
pub fn run(
    to: SocketAddr,
    questions: &[Question],
    skip: usize,
    connections: usize,
    until: Until,
) -> Result<Outcome> {
    ensure!(!questions.is_empty(), "nothing to ask");
    let open = |_| Connection::open(to).with_context(|| format!("cannot connect to {to}"));
    let mut run = Run {
        epoll: Epoll::new(EpollCreateFlags::empty())?,
        connections: (0..connections).map(open).collect::<Result<_>>()?,
        questions,
        next: skip,
        asked: 0,
        until,
        begun: Instant::now(),
        times: Vec::new(),
        errors: 0,
    };
    run.finish()?;
    run.outcome()
}

struct Run<'a> {
    epoll: Epoll,
    connections: Vec<Connection>,
    questions: &'a [Question],
    next: usize,
    asked: usize,
    until: Until,
    begun: Instant,
    times: Vec<Duration>,
    errors: u64,
}

struct Connection {
    stream: TcpStream,
    question: usize,
    sent: Instant,
    read: Vec<u8>,
}

impl Connection {
    fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, question: 0, sent: Instant::now(), read: Vec::with_capacity(BUFFER) })
    }

    /// Requests are far smaller than what a socket takes at once.
    fn send(&mut self, number: usize, question: &Question) -> Result<()> {
        (self.question, self.sent) = (number, Instant::now());
        self.read.clear();
        Ok(self.stream.write_all(&question.bytes)?)
    }

    /// What there is to read.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<()> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("a connection was closed after {:?}", text(&self.read)),
            Ok(read) => self.read.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl Run<'_> {
    fn finish(&mut self) -> Result<()> {
        for (number, connection) in (0u64..).zip(&self.connections) {
            self.epoll.add(&connection.stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        }
        self.begun = Instant::now();
        let mut under_way = 0;
        for number in 0..self.connections.len() {
            under_way += usize::from(self.ask(number)?);
        }
        let mut events = vec![EpollEvent::empty(); self.connections.len()];
        let mut buffer = vec![0; BUFFER];
        let patience = EpollTimeout::try_from(PATIENCE)?;
        while under_way > 0 {
            let count = self.epoll.wait(&mut events, patience)?;
            ensure!(count > 0, "no answer within {PATIENCE:?}");
            for event in &events[..count] {
                let number = usize::try_from(event.data())?;
                if self.answered(number, &mut buffer)? && !self.ask(number)? {
                    under_way -= 1;
                }
            }
        }
        Ok(())
    }

    /// Sends the next question; false when there is none left.
    fn ask(&mut self, connection: usize) -> Result<bool> {
        let more = match self.until {
            Until::Elapsed(limit) => self.begun.elapsed() < limit,
            Until::Asked(count) => self.asked < count,
        };
        if more {
            let number = self.next % self.questions.len();
            self.connections[connection].send(number, &self.questions[number])?;
            self.next += 1;
            self.asked += 1;
        }
        Ok(more)
    }

    /// Takes what has arrived; true when the answer is whole.
    fn answered(&mut self, connection: usize, buffer: &mut [u8]) -> Result<bool> {
        let connection = &mut self.connections[connection];
        connection.receive(buffer)?;
        let Some(answer) = answer::read(&connection.read)? else { return Ok(false) };
        self.times.push(connection.sent.elapsed());
        let question = &self.questions[connection.question];
        if !answer.is(&question.decisions) {
            if self.errors == 0 {
                let (asked, said) = (text(&question.bytes), text(&connection.read));
                eprintln!("bench: expected {:?}\n{asked}\n{said}", question.decisions);
            }
            self.errors += 1;
        }
        Ok(true)
    }

    fn outcome(mut self) -> Result<Outcome> {
        let took = self.begun.elapsed();
        self.times.sort_unstable();
        let at = |share: f64| -> Result<f64> {
            let place = (self.times.len() as f64 * share) as usize;
            let time = self.times.get(place).context("no answers")?;
            Ok(time.as_secs_f64() * 1e3)
        };
        Ok(Outcome {
            requests: self.times.len() as u64,
            per_second: self.times.len() as f64 / took.as_secs_f64(),
            p50_ms: at(0.5)?,
            p99_ms: at(0.99)?,
            errors: self.errors,
        })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
