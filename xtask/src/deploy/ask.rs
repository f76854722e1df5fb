//! Requests that must be refused, and by the filter: nobody else answers like this. By `curl`, over the way that callers
//! take. It must never send a credential, and never take an answer for one that it only resembles.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use claimgate_proc::{Process, is_stopping};
use serde_json::Value;

use super::{Finding, PAUSE};
use crate::{run, tools};

/// For one request.
const REQUEST: &str = "5";
const CALL: Duration = Duration::from_secs(20);

/// A request, and the refusal that it has to get.
#[derive(Debug)]
pub(super) struct Question {
    path: &'static str,
    status: u16,
    challenge: bool,
}

/// Only the filter says that of a path.
const CANONICAL: Question = Question { path: "/nothing;here", status: 400, challenge: false };
/// Where a token is needed and none is sent.
const PROTECTED: Question = Question { path: "/customers", status: 401, challenge: true };
/// Of a gateway that serves nothing yet.
pub(super) const GUARDED: [Question; 1] = [CANONICAL];
/// Of one that does.
pub(super) const SERVED: [Question; 2] = [CANONICAL, PROTECTED];

/// Where callers come in.
#[derive(Debug)]
pub(super) struct Door {
    /// What messages call it.
    pub(super) name: String,
    pub(super) scheme: &'static str,
    /// Whose name the request is for, with a port where it is not the scheme's; else the address.
    pub(super) host: Option<String>,
    /// HOST:PORT to connect to.
    pub(super) address: String,
    pub(super) authority: Option<PathBuf>,
    /// What makes it reachable from here, as long as it is asked.
    pub(super) _way: Option<Process>,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// What an answer says about the gateway.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    /// Somebody was let through: no reason to wait any longer.
    Open(String),
    /// Perhaps it is still on its way.
    NotYet(String),
}

impl Door {
    /// What is wrong with the answer when it is still wrong after the limit.
    pub(super) fn ask(&self, question: &Question, limit: Duration) -> Option<Finding> {
        let begun = Instant::now();
        loop {
            let verdict = match self.get(question.path) {
                Ok(reply) => judge(question, &reply),
                Err(error) => Verdict::NotYet(format!("{error:#}")),
            };
            let is_over = begun.elapsed() >= limit || is_stopping();
            match verdict {
                Verdict::Refused => return None,
                Verdict::Open(what) => return Some(self.finding(question, &what, CLOSE)),
                Verdict::NotYet(what) if is_over => {
                    return Some(self.finding(question, &what, LOOK));
                }
                Verdict::NotYet(_) => thread::sleep(PAUSE),
            }
        }
    }

    fn finding(&self, question: &Question, what: &str, advice: &str) -> Finding {
        let object = format!("{} at {}://{}", self.name, self.scheme, self.address);
        let what = format!("GET {} without a token: {what}", question.path);
        Finding { object, what, advice: advice.to_owned() }
    }

    fn get(&self, path: &str) -> Result<Reply> {
        let host = self.host.as_deref().unwrap_or(&self.address);
        let url = format!("{}://{host}{path}", self.scheme);
        let there = format!("::{}", self.address);
        let how = ["--silent", "--show-error", "--include", "--http1.1", "--path-as-is"];
        let bounds = ["--max-time", REQUEST, "--noproxy", "*", "--connect-to", &there];
        let authority = self.authority.as_ref().map(|file| file.display().to_string());
        let trust = authority.iter().flat_map(|file| ["--cacert", file]);
        let args: Vec<&str> = how.into_iter().chain(bounds).chain(trust).chain([&*url]).collect();
        parse(&run::capture(&tools::curl()?, &args, CALL)?)
    }
}

const CLOSE: &str = "TAKE ITS ROUTES AWAY NOW: it answers without the filter. Then see what the policies say: cargo xtask k8s verify";
const LOOK: &str = "is this the gateway's address (--address), and is the filter loaded there? Envoy's log says so";

fn parse(said: &str) -> Result<Reply> {
    let (head, body) = said.split_once("\n\n").unwrap_or((said, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.with_context(|| format!("what came was no answer: {said}"))?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Reply { status, headers: lines.filter_map(header).collect(), body: body.to_owned() })
}

fn judge(question: &Question, reply: &Reply) -> Verdict {
    let Question { status: wanted, challenge, .. } = question;
    let header = |name: &str| {
        let mut named = reply.headers.iter().filter(|(one, _)| one == name);
        named.next().map(|(_, value)| value.as_str())
    };
    if (200..400).contains(&reply.status) {
        return Verdict::Open(format!("was answered {}, and must be {wanted}", reply.status));
    }
    if reply.status != *wanted {
        return Verdict::NotYet(format!("was answered {}, and must be {wanted}", reply.status));
    }
    if *challenge && header("www-authenticate").is_none() {
        return Verdict::NotYet(format!(
            "{wanted} without a `www-authenticate` is not the filter's"
        ));
    }
    let body: Option<Value> = serde_json::from_str(&reply.body).ok();
    let says = body.is_some_and(|body| body.get("status").is_some_and(|status| *status == *wanted));
    if header("content-type") != Some("application/problem+json") || !says {
        return Verdict::NotYet(format!("{wanted}, but not with the filter's own words"));
    }
    Verdict::Refused
}
