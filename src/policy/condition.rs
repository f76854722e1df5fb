//! Conditions: a tree that is true, false, or cannot be told.
//!
//! Unknown is never mistaken for either, and goes through `not`, `any` and `all` as Kleene's logic
//! has it. A condition that needs the decision point says so when it is reached and nothing else
//! settles the matter, so that nobody is asked in vain.

mod expression;
mod network;
mod schedule;
mod texts;

use std::net::IpAddr;
use std::rc::Rc;

use super::rule::Answer;
use super::{ProviderId, Template};
use crate::authn::{Caller, ClaimPath, Principal};
use crate::cel::Expression;
use crate::config::RoleSource;
use crate::request::{Credentials, RequestHead, Wanted};
use crate::time::Timestamp;

pub use network::Network;
pub use schedule::Schedule;
pub use texts::{Held, TextTest};

/// One compiled condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Holds always.
    Always,
    /// A claim is like this.
    Claim {
        /// Where the claim is.
        path: ClaimPath,
        /// What it has to be.
        test: TextTest,
    },
    /// The caller's roles are like this.
    Roles {
        /// What they have to be.
        test: TextTest,
        /// Where the caller's are found.
        from: RoleSource,
    },
    /// The token grants all of these scopes.
    Scopes {
        /// The scopes.
        all_of: Vec<Box<str>>,
        /// The same as a challenge names them (RFC 6750 §3), separated by spaces.
        text: Rc<str>,
    },
    /// The token is of one of these providers.
    Provider(Vec<ProviderId>),
    /// The request has one of these methods.
    Method(Vec<Box<str>>),
    /// A header is like this.
    Header {
        /// Which header.
        wanted: Wanted,
        /// What it has to be.
        test: TextTest,
    },
    /// The client's address is in one of these networks.
    ClientAddress(Vec<Network>),
    /// It is such a time.
    Time(Schedule),
    /// The decision point says so.
    Decision {
        /// What it has to say.
        expected: bool,
    },
    /// An expression holds.
    Cel(Rc<Expression>),
    /// Each of these holds.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
}

/// The truth of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl Truth {
    /// True while both are, false when one is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
        }
    }

    /// True when one is, false while neither is.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }

    /// The other of the two; what cannot be told stays so.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What conditions may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// Name of the caller's provider.
    pub provider: Option<&'a str>,
    /// Where the caller's provider keeps roles in its tokens, if it does.
    pub roles_claim: Option<&'a ClaimPath>,
    /// The request.
    pub head: &'a RequestHead,
    /// Which paths its route is for.
    pub template: &'a Template,
    /// The client's address, where a route looks at it and the host knows it.
    pub address: Option<IpAddr>,
    /// What time it is.
    pub now: Timestamp,
    /// What the decision point said.
    pub answer: Answer<'a>,
}

/// The decision point has to be asked before evaluation can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedAnswer;

impl Condition {
    /// Whether something in it is like this.
    pub fn has(&self, like: &dyn Fn(&Self) -> bool) -> bool {
        like(self)
            || match self {
                Self::All(list) | Self::Any(list) => list.iter().any(|one| one.has(like)),
                Self::Not(one) => one.has(like),
                _ => false,
            }
    }

    /// Whether it needs the decision point.
    pub fn asks(&self) -> bool {
        let asks = |one: &Self| {
            matches!(one, Self::Decision { .. } | Self::Roles { from: RoleSource::Decision, .. })
        };
        self.has(&asks)
    }

    /// Whether it looks at the token, or at what only a token can bring.
    pub fn needs_token(&self) -> bool {
        self.has(&|one| match one {
            Self::Claim { .. } | Self::Roles { .. } | Self::Scopes { .. } | Self::Provider(_) => {
                true
            }
            Self::Cel(expression) => expression.reads().token,
            Self::Always
            | Self::Method(_)
            | Self::Header { .. }
            | Self::ClientAddress(_)
            | Self::Time(_)
            | Self::Decision { .. }
            | Self::All(_)
            | Self::Any(_)
            | Self::Not(_) => false,
        })
    }

    /// Whether it holds without the failure mode standing in for an answer that is missing.
    pub(super) fn stands_alone(&self, facts: &Facts<'_>) -> bool {
        let Answer::Missing { error, .. } = facts.answer else { return true };
        let answer = Answer::Missing { error, assume_true: false };
        self.truth(&Facts { answer, ..*facts }) == Ok(Truth::True)
    }

    /// What must hold together, one by one.
    pub(super) fn together(&self) -> &[Self] {
        match self {
            Self::All(list) => list,
            one => std::slice::from_ref(one),
        }
    }

    /// What it is, if the caller's token alone says so: then it is that for every request with the
    /// token on the same route.
    pub(super) fn by_token(&self, facts: &Facts<'_>) -> Option<Truth> {
        match self {
            Self::Always => Some(Truth::True),
            Self::Claim { path, test } => Some(test.truth(&claim(facts.caller, path))),
            Self::Scopes { all_of, .. } => Some(grants(facts.caller, all_of).into()),
            Self::Roles { test, from: RoleSource::Token } => Some(token_roles(facts, test)),
            Self::Provider(any_of) => {
                let provider = facts.caller.principal().map(Principal::provider);
                Some(provider.is_some_and(|provider| any_of.contains(&provider)).into())
            }
            Self::Cel(expression) if expression.reads().token_only() => {
                Some(expression::truth(expression, facts))
            }
            Self::All(list) => all_by_token(list, facts),
            Self::Any(list) => any_by_token(list, facts),
            Self::Not(one) => one.by_token(facts).map(Truth::negated),
            Self::Roles { from: RoleSource::Decision, .. }
            | Self::Decision { .. }
            | Self::Cel(_)
            | Self::Method(_)
            | Self::Header { .. }
            | Self::ClientAddress(_)
            | Self::Time(_) => None,
        }
    }

    /// What it is. An error asks for the decision point's answer, without which it cannot be told.
    pub(super) fn truth(&self, facts: &Facts<'_>) -> Result<Truth, NeedAnswer> {
        Ok(match self {
            Self::Method(any_of) => {
                let method = facts.head.method();
                any_of.iter().any(|one| Some(&**one) == method).into()
            }
            Self::Header { wanted, test } => test.truth(&header(facts.head, *wanted)),
            Self::ClientAddress(networks) => match facts.address {
                Some(address) => networks.iter().any(|one| one.contains(address)).into(),
                None => Truth::Unknown,
            },
            Self::Time(schedule) => schedule.holds(facts.now).into(),
            Self::Cel(expression) => expression::truth(expression, facts),
            Self::Roles { test, from: RoleSource::Decision } => decision_roles(facts, test)?,
            Self::Decision { expected } => match facts.answer {
                Answer::NotAsked => return Err(NeedAnswer),
                Answer::Known(decision) => (decision.allows() == *expected).into(),
                Answer::Yes => (*expected).into(),
                Answer::Missing { assume_true: true, .. } if *expected => Truth::True,
                Answer::Missing { .. } => Truth::Unknown,
            },
            Self::All(list) => all(list, facts)?,
            Self::Any(list) => any(list, facts)?,
            Self::Not(one) => one.truth(facts)?.negated(),
            Self::Always
            | Self::Claim { .. }
            | Self::Scopes { .. }
            | Self::Provider(_)
            | Self::Roles { from: RoleSource::Token, .. } => {
                self.by_token(facts).unwrap_or(Truth::Unknown)
            }
        })
    }
}

fn all(list: &[Condition], facts: &Facts<'_>) -> Result<Truth, NeedAnswer> {
    combine(list, facts, Truth::True, Truth::and)
}

fn any(list: &[Condition], facts: &Facts<'_>) -> Result<Truth, NeedAnswer> {
    combine(list, facts, Truth::False, Truth::or)
}

/// All of a list, from what an empty one is. One that settles the rest makes an answer of the decision
/// point needless, wherever it stands.
fn combine(
    list: &[Condition],
    facts: &Facts<'_>,
    empty: Truth,
    with: fn(Truth, Truth) -> Truth,
) -> Result<Truth, NeedAnswer> {
    let (mut so_far, mut need) = (empty, None);
    for condition in list {
        match condition.truth(facts) {
            Ok(truth) => so_far = with(so_far, truth),
            Err(NeedAnswer) => need = Some(NeedAnswer),
        }
        if so_far == empty.negated() {
            return Ok(so_far);
        }
    }
    need.map_or(Ok(so_far), Err)
}

fn all_by_token(list: &[Condition], facts: &Facts<'_>) -> Option<Truth> {
    let mut all = Some(Truth::True);
    for condition in list {
        let one = condition.by_token(facts);
        if one == Some(Truth::False) {
            return one;
        }
        all = all.zip(one).map(|(all, one)| all.and(one));
    }
    all
}

fn any_by_token(list: &[Condition], facts: &Facts<'_>) -> Option<Truth> {
    let mut any = Some(Truth::False);
    for condition in list {
        let one = condition.by_token(facts);
        if one == Some(Truth::True) {
            return one;
        }
        any = any.zip(one).map(|(any, one)| any.or(one));
    }
    any
}

fn claim<'a>(caller: &'a Caller, path: &'a ClaimPath) -> Held<'a> {
    match caller.principal() {
        Some(principal) => Held::Claim(principal.claims(), path),
        None => Held::Nothing,
    }
}

fn header(head: &RequestHead, wanted: Wanted) -> Held<'_> {
    match head.once(wanted) {
        Credentials::Absent => Held::Nothing,
        Credentials::One(value) => std::str::from_utf8(value).map_or(Held::Odd, Held::Text),
        Credentials::Several => Held::Odd,
    }
}

fn grants(caller: &Caller, all_of: &[Box<str>]) -> bool {
    let Some(principal) = caller.principal() else { return false };
    all_of.iter().all(|scope| principal.claims().grant(scope))
}

fn token_roles(facts: &Facts<'_>, test: &TextTest) -> Truth {
    facts.roles_claim.map_or(Truth::False, |path| test.truth(&claim(facts.caller, path)))
}

fn decision_roles(facts: &Facts<'_>, test: &TextTest) -> Result<Truth, NeedAnswer> {
    match facts.answer {
        Answer::NotAsked => Err(NeedAnswer),
        Answer::Missing { .. } | Answer::Yes => Ok(Truth::Unknown),
        Answer::Known(decision) => {
            Ok(decision.roles().map_or(Truth::Unknown, |roles| test.truth(&Held::Texts(roles))))
        }
    }
}
