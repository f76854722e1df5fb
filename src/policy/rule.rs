//! Rules: named conditions that allow or deny, evaluated in order over what is known.
//!
//! Three-valued. A condition is true, false or unknown, and unknown is never mistaken for either:
//! an allow rule needs true, a deny rule fires on true and on unknown. A condition that needs the
//! decision point says so when it is reached and not before, so that nobody is asked in vain.

use std::rc::Rc;

use crate::authn::{Caller, ClaimPath};
use crate::authz::{CheckError, Decision};
use crate::config::RoleSource;

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name for logs and metrics.
    pub name: Box<str>,
    /// What happens when the condition fires.
    pub effect: Effect,
    /// All of these must hold. Those that may ask the decision point come last.
    pub conditions: Vec<Condition>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let the request through.
    Allow,
    /// Refuse it.
    Deny,
}

/// One compiled condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Holds always.
    Always,
    /// A claim equals, or as an array contains, one of the values.
    Claim {
        /// Where the claim is.
        path: ClaimPath,
        /// The values.
        any_of: Vec<Box<str>>,
    },
    /// The caller has one of the roles.
    Roles {
        /// The roles.
        any_of: Vec<Box<str>>,
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
    /// The decision point says so.
    Decision {
        /// What it has to say.
        expected: bool,
    },
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

/// What is known of the decision point's answer.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Nobody has asked yet.
    NotAsked,
    /// It said this.
    Known(&'a Decision),
    /// It could not be asked, or did not answer.
    Missing {
        /// Why.
        error: CheckError,
        /// The route's failure mode, applied to causes that a client cannot provoke.
        assume_true: bool,
    },
}

impl Answer<'_> {
    /// Why there is no answer, if that is nothing the caller could have brought about. What a
    /// caller can bring about is a refusal, never an outage.
    fn fault(self) -> Option<CheckError> {
        match self {
            Self::Missing { error, .. } if !error.is_the_callers() => Some(error),
            Self::Missing { .. } | Self::NotAsked | Self::Known(_) => None,
        }
    }
}

/// What rules may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// Where the caller's provider keeps roles in its tokens, if it does.
    pub roles_claim: Option<&'a ClaimPath>,
    /// What the decision point said.
    pub answer: Answer<'a>,
}

/// The decision point has to be asked before evaluation can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedAnswer;

/// What the rules of a route say. `Allowed` is the evidence a permit is made from: only
/// [`evaluate`] makes one.
#[derive(Debug)]
pub enum Verdict<'p> {
    /// This rule lets the request through.
    Allow(Allowed<'p>),
    /// This rule refuses it, or no rule allowed it.
    Deny {
        /// The rule, if it was one.
        rule: Option<&'p str>,
    },
    /// No rule allowed it; one might have, had the token granted these scopes.
    Scope(&'p Rc<str>),
    /// It would depend on an answer that is missing.
    Undecided {
        /// The rule that needed it.
        rule: &'p str,
        /// Why it is missing.
        error: CheckError,
    },
}

/// Evidence that a rule allowed a request.
#[derive(Debug)]
pub struct Allowed<'p> {
    rule: &'p str,
    assumed: bool,
}

impl<'p> Allowed<'p> {
    /// The rule that allowed it.
    pub const fn rule(&self) -> &'p str {
        self.rule
    }

    /// Whether the failure mode stood in for an answer.
    pub const fn assumed(&self) -> bool {
        self.assumed
    }
}

/// Evaluates a route's rules in order; the first that fires decides, and no rule means deny.
pub fn evaluate<'p>(rules: &'p [Rule], facts: &Facts<'_>) -> Result<Verdict<'p>, NeedAnswer> {
    let mut undecided = None;
    let mut short_of = None;
    for rule in rules {
        let missing = facts.answer.fault();
        match (rule.effect, rule.truth(facts)?) {
            (Effect::Allow, Truth::False) => short_of = short_of.or_else(|| rule.scope(facts)),
            (Effect::Deny, Truth::False) => {}
            (Effect::Allow, Truth::True) => {
                let assumed = missing.is_some() && rule.asks();
                return Ok(Verdict::Allow(Allowed { rule: &rule.name, assumed }));
            }
            (Effect::Deny, Truth::True) => return Ok(Verdict::Deny { rule: Some(&rule.name) }),
            (effect, Truth::Unknown) => {
                let found = missing.filter(|_| rule.asks()).map(|error| (&*rule.name, error));
                if effect == Effect::Deny {
                    return Ok(found
                        .map_or(Verdict::Deny { rule: Some(&rule.name) }, |(rule, error)| {
                            Verdict::Undecided { rule, error }
                        }));
                }
                undecided = undecided.or(found);
            }
        }
    }
    Ok(match (undecided, short_of) {
        (Some((rule, error)), _) => Verdict::Undecided { rule, error },
        (None, Some(scope)) => Verdict::Scope(scope),
        (None, None) => Verdict::Deny { rule: None },
    })
}

/// How many rules at the beginning say nothing to this caller's token, whatever the decision point
/// says and whatever else the request is like: they cannot fire, and no scope would change that.
pub fn ruled_out(rules: &[Rule], facts: &Facts<'_>) -> usize {
    let fails = |rule: &Rule| rule.conditions.iter().any(|c| c.by_token(facts) == Some(false));
    rules.iter().take_while(|rule| fails(rule) && rule.scope(facts).is_none()).count()
}

impl Rule {
    /// Whether one of its conditions needs the decision point.
    pub fn asks(&self) -> bool {
        self.conditions.iter().any(Condition::asks)
    }

    /// The scopes that a token of its own provider would need for this rule.
    pub fn scopes(&self) -> Option<&Rc<str>> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Scopes { text, .. } => Some(text),
            _ => None,
        })
    }

    /// The scopes, if they are not granted and nothing else that can be told without asking stands
    /// against the rule.
    fn scope(&self, facts: &Facts<'_>) -> Option<&Rc<str>> {
        let told = self.conditions.iter().filter(|condition| !condition.asks());
        let mut against = told.filter(|condition| condition.truth(facts) == Ok(Truth::False));
        match (against.next(), against.next()) {
            (Some(Condition::Scopes { text, .. }), None) => Some(text),
            _ => None,
        }
    }

    fn truth(&self, facts: &Facts<'_>) -> Result<Truth, NeedAnswer> {
        let mut all = Truth::True;
        for condition in &self.conditions {
            match condition.truth(facts)? {
                Truth::False => return Ok(Truth::False),
                Truth::Unknown => all = Truth::Unknown,
                Truth::True => {}
            }
        }
        Ok(all)
    }
}

impl Condition {
    /// Whether it needs the decision point.
    pub const fn asks(&self) -> bool {
        matches!(self, Self::Decision { .. } | Self::Roles { from: RoleSource::Decision, .. })
    }

    /// Whether it holds, if the caller's token alone says so: then it holds, or not, for every
    /// request with that token.
    fn by_token(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Always => Some(true),
            Self::Claim { path, any_of } => Some(claim_is_one_of(facts.caller, path, any_of)),
            Self::Scopes { all_of, .. } => Some(grants(facts.caller, all_of)),
            Self::Roles { any_of, from: RoleSource::Token } => Some(token_roles(facts, any_of)),
            Self::Roles { from: RoleSource::Decision, .. } | Self::Decision { .. } => None,
        }
    }

    fn truth(&self, facts: &Facts<'_>) -> Result<Truth, NeedAnswer> {
        match self {
            Self::Always
            | Self::Claim { .. }
            | Self::Scopes { .. }
            | Self::Roles { from: RoleSource::Token, .. } => {
                Ok(self.by_token(facts).map_or(Truth::Unknown, Truth::from))
            }
            Self::Roles { any_of, from: RoleSource::Decision } => decision_roles(facts, any_of),
            Self::Decision { expected } => match facts.answer {
                Answer::NotAsked => Err(NeedAnswer),
                Answer::Known(decision) => Ok((decision.allows() == *expected).into()),
                Answer::Missing { assume_true: true, .. } if *expected => Ok(Truth::True),
                Answer::Missing { .. } => Ok(Truth::Unknown),
            },
        }
    }
}

fn claim_is_one_of(caller: &Caller, path: &ClaimPath, any_of: &[Box<str>]) -> bool {
    let Some(principal) = caller.principal() else { return false };
    principal.claims().texts(path).any(|text| any_of.iter().any(|one| **one == *text))
}

fn grants(caller: &Caller, all_of: &[Box<str>]) -> bool {
    let Some(principal) = caller.principal() else { return false };
    all_of.iter().all(|scope| principal.claims().grant(scope))
}

fn token_roles(facts: &Facts<'_>, any_of: &[Box<str>]) -> bool {
    let Some(path) = facts.roles_claim else { return false };
    claim_is_one_of(facts.caller, path, any_of)
}

fn decision_roles(facts: &Facts<'_>, any_of: &[Box<str>]) -> Result<Truth, NeedAnswer> {
    match facts.answer {
        Answer::NotAsked => Err(NeedAnswer),
        Answer::Missing { .. } => Ok(Truth::Unknown),
        Answer::Known(decision) => Ok(decision
            .roles()
            .map_or(Truth::Unknown, |roles| roles.iter().any(|role| any_of.contains(role)).into())),
    }
}
