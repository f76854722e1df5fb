//! The decision log: for operators, one line for each decision, under the target `decisions`, and
//! the last [`KEPT`] of them at hand. Off unless asked for, and free while it is off.
//!
//! What it must never hold: properties, addresses, tokens, what a client called. A subject is its
//! keyed hash, the same for as long as the key is, so that lines about one can be brought together
//! and nobody is named. Texts that a caller chose are there only where they look like names.

mod subject;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use claimgate_authz_api::{EvaluationRequest, EvaluationResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::Span;

pub use subject::{InvalidLogKey, LogKey, SubjectName, Subjects};

/// Decisions that [`Decisions::recent`] has at most.
pub const KEPT: usize = 1_000;
/// Target of the log lines.
pub const TARGET: &str = "decisions";
/// Longest text of a caller that is logged, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// The type of a resource whose id is a template such as `/customers/{customer_id}`.
const ROUTE: &str = "route";

/// Which decisions are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// None.
    #[default]
    Off,
    /// Those that are false.
    Denied,
    /// All.
    All,
}

/// Where a question came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// What its sender calls it: `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// Whether the id of a `route` is what a client called, and not a template.
    pub is_path: bool,
}

/// A decision as it is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// What.
    pub decision: bool,
    /// One of the engine's reasons.
    pub reason: String,
    /// The policies that determined it; `None` when none did.
    pub policy: Option<String>,
    /// Version of the policies.
    pub policy_version: Option<String>,
    /// Name of the action, if it is one.
    pub action: Option<String>,
    /// Type of the resource, if it is a name.
    pub resource_type: Option<String>,
    /// Id of the resource: of a route only, and only its template.
    pub resource_id: Option<String>,
    /// Type of the subject, if it is a name.
    pub subject_type: Option<String>,
    /// The subject, hashed or named.
    #[serde(flatten)]
    pub subject: SubjectName,
    /// What the question's sender calls it.
    pub request_id: Option<String>,
    /// From the question to the decision, in microseconds.
    pub duration_us: u64,
}

/// The log.
#[derive(Default)]
pub struct Decisions {
    which: Which,
    subjects: Subjects,
    recent: Mutex<VecDeque<Arc<Decided>>>,
}

impl Decisions {
    /// A log of `which` decisions that says `subjects`.
    pub fn new(which: Which, subjects: Subjects) -> Self {
        Self { which, subjects, recent: Mutex::default() }
    }

    /// Which decisions it has.
    pub fn which(&self) -> Which {
        self.which
    }

    /// The time, when it will be wanted.
    pub fn begin(&self) -> Option<Instant> {
        (self.which != Which::Off).then(Instant::now)
    }

    /// A question was decided that was begun at `begun`.
    pub fn decided(
        &self,
        begun: Option<Instant>,
        request: &EvaluationRequest,
        response: &EvaluationResponse,
        origin: Origin<'_>,
    ) {
        let Some(begun) = begun.filter(|_| self.wants(response.decision)) else { return };
        let decided = self.describe(request, response, origin, begun.elapsed());
        decided.log();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= KEPT {
            recent.pop_front();
        }
        recent.push_back(Arc::new(decided));
    }

    /// What a trace says of a decision: what a line would, without what a caller chose.
    pub(crate) fn describe_to(
        &self,
        span: &Span,
        request: &EvaluationRequest,
        response: &EvaluationResponse,
    ) {
        if span.is_disabled() {
            return;
        }
        let context = &response.context;
        span.record("authz.decision", response.decision);
        span.record("authz.reason", context.reason.as_deref());
        span.record("authz.policy", context.policy.as_deref());
        span.record("authz.policy_version", context.policy_version.as_deref());
        let (SubjectName::Hash(subject) | SubjectName::Id(subject)) =
            self.subjects.name(&request.subject.kind, &request.subject.id);
        span.record("authz.subject", subject);
    }

    /// The last that were logged, at most [`KEPT`], the newest first.
    pub fn recent(&self) -> Vec<Arc<Decided>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().cloned().collect()
    }

    fn wants(&self, decision: bool) -> bool {
        match self.which {
            Which::Off => false,
            Which::Denied => !decision,
            Which::All => true,
        }
    }

    fn describe(
        &self,
        request: &EvaluationRequest,
        response: &EvaluationResponse,
        origin: Origin<'_>,
        took: Duration,
    ) -> Decided {
        let (subject, resource, context) = (&request.subject, &request.resource, &response.context);
        let is_template = resource.kind == ROUTE && !origin.is_path;
        Decided {
            at: Timestamp::now(),
            decision: response.decision,
            reason: context.reason.clone().unwrap_or_default(),
            policy: context.policy.clone(),
            policy_version: context.policy_version.clone(),
            action: name(&request.action.name),
            resource_type: name(&resource.kind),
            resource_id: name(&resource.id).filter(|_| is_template),
            subject_type: name(&subject.kind),
            subject: self.subjects.name(&subject.kind, &subject.id),
            request_id: origin.request_id.and_then(name),
            duration_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl Decided {
    fn log(&self) {
        let (subject, subject_id) = match &self.subject {
            SubjectName::Hash(hash) => (Some(hash.as_str()), None),
            SubjectName::Id(id) => (None, Some(id.as_str())),
        };
        tracing::info!(
            target: TARGET,
            decision = self.decision,
            reason = self.reason,
            policy = self.policy.as_deref(),
            policy_version = self.policy_version.as_deref(),
            action = self.action.as_deref(),
            resource_type = self.resource_type.as_deref(),
            resource_id = self.resource_id.as_deref(),
            subject_type = self.subject_type.as_deref(),
            subject,
            subject_id,
            request_id = self.request_id.as_deref(),
            duration_us = self.duration_us,
            "decided",
        );
    }
}

/// What may be logged of a caller's text: what has the form of a name, a template or a request's
/// id. Neither an address nor a line's end has.
fn name(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/{}*=-".contains(&byte);
    let fits = (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_plain);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
