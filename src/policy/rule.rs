//! Rules: named conditions that allow or deny, evaluated in order over what is known.
//!
//! An allow rule needs a condition that is true; a deny rule fires on one that is true and on one
//! that cannot be told. The first that fires decides, and none means deny.

use std::rc::Rc;

use super::condition::{Condition, Facts, NeedAnswer, Truth};
use super::shadow::Shadow;
use crate::authz::{CheckError, Decision};

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name for logs and metrics.
    pub name: Box<str>,
    /// What happens when the condition fires.
    pub effect: Effect,
    /// When it fires.
    pub condition: Condition,
    /// Whether it is only tried.
    pub shadow: Option<Shadow>,
    /// Whether something in its condition needs the decision point.
    asks: bool,
    /// The scopes that a token of its own provider would need for it.
    scopes: Option<Rc<str>>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let the request through.
    Allow,
    /// Refuse it.
    Deny,
}

/// What is known of the decision point's answer.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Nobody has asked yet.
    NotAsked,
    /// It said this.
    Known(&'a Decision),
    /// It is taken to have said yes, and no more: to find out whether a shadow covers a request.
    Yes,
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
            Self::Missing { .. } | Self::NotAsked | Self::Known(_) | Self::Yes => None,
        }
    }
}

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

/// What came of evaluating rules.
#[derive(Debug)]
pub struct Evaluation<'p> {
    /// What those say that are more than a trial.
    pub verdict: Verdict<'p>,
    /// Whether a rule that is only tried would have refused before that.
    pub would_deny: bool,
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

/// What a token alone says about a route's rules, and so for every request with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// How many rules at the beginning cannot fire, and no scope would change that.
    ruled_out: usize,
    /// What the next rule's condition is, if the token says that.
    next: Option<Truth>,
}

/// What the caller's token alone says about a route's rules.
pub fn opening(rules: &[Rule], facts: &Facts<'_>) -> Opening {
    let mut opening = Opening::default();
    for rule in rules {
        let truth = rule.condition.by_token(facts);
        // Whether scopes are all that stands against a rule depends on the request as well.
        if truth != Some(Truth::False) || rule.scopes.is_some() {
            opening.next = truth;
            break;
        }
        opening.ruled_out += 1;
    }
    opening
}

/// Evaluates a route's rules in order. `opening` is what the token says about them, if that is known.
pub fn evaluate<'p>(
    rules: &'p [Rule],
    opening: Opening,
    facts: &Facts<'_>,
) -> Result<Evaluation<'p>, NeedAnswer> {
    let missing = facts.answer.fault();
    let (mut undecided, mut short_of, mut would_deny) = (None, None, false);
    let mut known = opening.next;
    let done = |verdict, would_deny| Ok(Evaluation { verdict, would_deny });
    for rule in rules.get(opening.ruled_out..).unwrap_or_default() {
        let truth = known.take().map_or_else(|| rule.condition.truth(facts), Ok)?;
        if rule.shadow.is_some_and(|shadow| shadow.covers(facts.caller, facts.now)) {
            would_deny |= rule.effect == Effect::Deny && truth != Truth::False;
            continue;
        }
        let missing = missing.filter(|_| rule.asks);
        match (rule.effect, truth) {
            (Effect::Allow, Truth::False) => short_of = short_of.or_else(|| rule.short_of(facts)),
            (Effect::Deny, Truth::False) => {}
            (Effect::Allow, Truth::True) => {
                let assumed = missing.is_some() && !rule.condition.stands_alone(facts);
                return done(Verdict::Allow(Allowed { rule: &rule.name, assumed }), would_deny);
            }
            (Effect::Allow, Truth::Unknown) => {
                undecided = undecided.or(missing.map(|error| (&*rule.name, error)));
            }
            (Effect::Deny, Truth::Unknown) if missing.is_some() => {
                undecided = missing.map(|error| (&*rule.name, error));
                break;
            }
            (Effect::Deny, Truth::True | Truth::Unknown) => {
                return done(Verdict::Deny { rule: Some(&rule.name) }, would_deny);
            }
        }
    }
    let verdict = match (undecided, short_of) {
        (Some((rule, error)), _) => Verdict::Undecided { rule, error },
        (None, Some(scope)) => Verdict::Scope(scope),
        (None, None) => Verdict::Deny { rule: None },
    };
    done(verdict, would_deny)
}

impl Rule {
    pub(super) fn new(
        name: &str,
        effect: Effect,
        condition: Condition,
        shadow: Option<Shadow>,
    ) -> Self {
        let scopes = condition.together().iter().find_map(|one| match one {
            Condition::Scopes { text, .. } => Some(Rc::clone(text)),
            _ => None,
        });
        Self { name: name.into(), effect, asks: condition.asks(), scopes, condition, shadow }
    }

    /// Whether its condition needs the decision point.
    pub const fn asks(&self) -> bool {
        self.asks
    }

    /// The scopes that a token of its own provider would need for this rule.
    pub const fn scopes(&self) -> Option<&Rc<str>> {
        self.scopes.as_ref()
    }

    /// The scopes, if they are not granted and nothing else that can be told without asking stands
    /// against the rule.
    fn short_of(&self, facts: &Facts<'_>) -> Option<&Rc<str>> {
        self.scopes.as_ref()?;
        let told = self.condition.together().iter().filter(|condition| !condition.asks());
        let mut against = told.filter(|condition| condition.truth(facts) == Ok(Truth::False));
        match (against.next(), against.next()) {
            (Some(Condition::Scopes { text, .. }), None) => Some(text),
            _ => None,
        }
    }
}
