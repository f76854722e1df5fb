//! Rules, the sets they come in, and their conditions.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::resource::{SCOPE, is_scope};
use super::{
    InvalidKind, InvalidPolicy, Looks, Result, each, is_name_byte, needs, roles_from, shadow,
};
use crate::authn::{AUTHORIZATION, ClaimPath};
use crate::cel::Expression;
use crate::config::{self, Config, RoleSource, RuleEntry, Texts};
use crate::policy::{Condition, Effect, Network, Rule, Schedule, TextTest};

/// How deep conditions may nest, and how many a rule may have.
const MAX_DEPTH: u32 = 8;
const MAX_CONDITIONS: u32 = 256;
/// Headers that say who somebody is, which only a verified token may.
const CREDENTIALS: [&str; 3] = [AUTHORIZATION, "cookie", "dpop"];

/// Compiles rules of one configuration.
pub(super) struct Rules<'c> {
    config: &'c Config,
    looks: Looks<'c>,
    sets: BTreeMap<&'c str, Vec<Rule>>,
}

/// Where in a rule's condition we are.
#[derive(Clone, Copy)]
struct Place<'a> {
    at: &'a str,
    depth_left: u32,
    count_left: &'a Cell<u32>,
}

impl<'c> Rules<'c> {
    /// With all rule sets, whether anybody uses them or not.
    #[inline(never)]
    pub(super) fn new(config: &'c Config, looks: Looks<'c>) -> Result<Self> {
        let mut rules = Self { config, looks, sets: BTreeMap::new() };
        for (name, entries) in &config.rule_sets {
            let at = format!("rule_sets.{name}");
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                return Err(needs(at, "a name of letters, digits, `-`, `_` and `.`"));
            }
            if let Some(used) = entries.iter().position(|entry| entry.uses.is_some()) {
                return Err(needs(format!("{at}[{used}].use"), "rules: sets do not use sets"));
            }
            let set = rules.list(entries, &at)?;
            rules.sets.insert(name, set);
        }
        Ok(rules)
    }

    /// The rules of a list, those of sets in their places.
    #[inline(never)]
    pub(super) fn list(&self, entries: &[RuleEntry], at: &str) -> Result<Vec<Rule>> {
        if entries.is_empty() {
            return Err(needs(at, "at least one rule; without one nobody passes"));
        }
        let mut rules = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match &entry.uses {
                Some(set) => rules.extend(self.set(set, entry, &format!("{at}[{index}].use"))?),
                None => {
                    let at = format!("{at}[{index}] {:?}", entry.name);
                    rules.push(self.rule(entry, &at)?);
                }
            }
        }
        let mut names = HashSet::new();
        match rules.iter().find(|rule| !names.insert(&*rule.name)) {
            Some(Rule { name, .. }) => {
                let name = name.to_string();
                Err(InvalidPolicy::new(at, InvalidKind::Duplicate { what: "rule", name }))
            }
            None => Ok(rules),
        }
    }

    fn set(&self, name: &str, entry: &RuleEntry, at: &str) -> Result<Vec<Rule>> {
        let trial = entry.until.is_some() || entry.percent.is_some();
        let more = entry.mode == config::Mode::Shadow || trial;
        if entry.allow.is_some() || entry.deny.is_some() || !entry.name.is_empty() || more {
            return Err(needs(at, "to stand alone: the set's rules have names and conditions"));
        }
        self.sets.get(name).cloned().ok_or_else(|| {
            let known = self.sets.keys().map(ToString::to_string).collect();
            let kind = InvalidKind::Unknown { what: "rule set", name: name.into(), known };
            InvalidPolicy::new(at, kind)
        })
    }

    fn rule(&self, rule: &RuleEntry, at: &str) -> Result<Rule> {
        if rule.name.is_empty() || !rule.name.bytes().all(is_name_byte) {
            return Err(needs(at, "a name of letters, digits, `-`, `_` and `.`"));
        }
        let (effect, condition, field) = match (&rule.allow, &rule.deny) {
            (Some(allow), None) => (Effect::Allow, allow, "allow"),
            (None, Some(deny)) => (Effect::Deny, deny, "deny"),
            _ => return Err(needs(at, "exactly one of `allow` and `deny`")),
        };
        let count_left = Cell::new(MAX_CONDITIONS);
        let (entry, at) = (at, format!("{at}.{field}"));
        let place = Place { at: &at, depth_left: MAX_DEPTH, count_left: &count_left };
        let shadow = shadow::of(rule.mode, rule.until.as_deref(), rule.percent, entry)?;
        Ok(Rule::new(&rule.name, effect, self.condition(condition, place)?, shadow))
    }

    /// Everything that a condition says, which must hold together.
    #[inline(never)]
    fn condition(&self, written: &config::Condition, place: Place<'_>) -> Result<Condition> {
        let Place { at, depth_left, count_left } = place;
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(needs(at, "conditions that nest no deeper than 8"));
        };
        let mut all = Vec::new();
        self.simple(written, at, &mut all)?;
        self.token(written, at, &mut all)?;
        if let Some(cel) = &written.cel {
            all.push(self.cel(cel, &format!("{at}.cel"))?);
        }
        let below = |written: &config::Condition, at: &str| {
            self.condition(written, Place { at, depth_left, count_left })
        };
        let several = |list: &[config::Condition], field: &str| {
            let at = format!("{at}.{field}");
            if list.is_empty() {
                return Err(needs(at, "at least one condition"));
            }
            let one = |(index, one)| below(one, &format!("{at}[{index}]"));
            list.iter().enumerate().map(one).collect::<Result<Vec<_>>>()
        };
        if let Some(list) = &written.all {
            all.push(Condition::All(several(list, "all")?));
        }
        if let Some(list) = &written.any {
            all.push(Condition::Any(several(list, "any")?));
        }
        if let Some(one) = &written.not {
            all.push(Condition::Not(Box::new(below(one, &format!("{at}.not"))?)));
        }
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let Some(left) = count_left.get().checked_sub(count) else {
            return Err(needs(at, "at most 256 conditions in a rule"));
        };
        count_left.set(left);
        if all.len() > 1 {
            return Ok(Condition::All(all));
        }
        let what = "at least one condition (`always: true` for every request)";
        all.pop().ok_or_else(|| needs(at, what))
    }

    /// What the request says, the clock, and the decision point.
    #[inline(never)]
    fn simple(&self, w: &config::Condition, at: &str, all: &mut Vec<Condition>) -> Result<()> {
        match w.always {
            Some(true) => all.push(Condition::Always),
            Some(false) => return Err(needs(format!("{at}.always"), "`true`, or to be left out")),
            None => {}
        }
        if let Some(methods) = &w.methods {
            let at = format!("{at}.methods");
            all.push(Condition::Method(super::routes::methods(non_empty(methods, &at)?, &at)?));
        }
        for (name, texts) in &w.headers {
            let at = format!("{at}.headers.{name}");
            let wanted = self.header(name, &at)?;
            all.push(Condition::Header { wanted, test: test(texts, &at)? });
        }
        if let Some(networks) = &w.client_address {
            all.push(self.client_address(networks, &format!("{at}.client_address"))?);
        }
        if let Some(time) = &w.time {
            let days = time.days.as_deref();
            let texts = [&time.from, &time.until, &time.offset].map(Option::as_deref);
            let [from, until, offset] = texts;
            let schedule = Schedule::new(from, until, days, offset);
            let wrong = |(field, what)| needs(format!("{at}.time{field}"), what);
            all.push(Condition::Time(schedule.map_err(wrong)?));
        }
        if let Some(expected) = w.decision {
            if self.config.authorization.is_empty() {
                return Err(needs(format!("{at}.decision"), "an entry in `authorization`"));
            }
            all.push(Condition::Decision { expected });
        }
        Ok(())
    }

    /// What the token says.
    #[inline(never)]
    fn token(&self, w: &config::Condition, at: &str, all: &mut Vec<Condition>) -> Result<()> {
        for (name, texts) in &w.claims {
            let test = test(texts, &format!("{at}.claims.{name}"))?;
            all.push(Condition::Claim { path: ClaimPath::new(name), test });
        }
        if let Some(scopes) = &w.scopes {
            let at = format!("{at}.scopes");
            each(non_empty(scopes, &at)?, &at, SCOPE, &is_scope)?;
            let text = scopes.join(" ").into();
            all.push(Condition::Scopes { all_of: boxed(scopes), text });
        }
        if let Some(names) = &w.providers {
            let at = format!("{at}.providers");
            let names = non_empty(names, &at)?.iter().enumerate();
            let ids = names.map(|(index, name)| self.provider(name, &format!("{at}[{index}]")));
            all.push(Condition::Provider(ids.collect::<Result<_>>()?));
        }
        if let Some(roles) = &w.roles {
            let field = format!("{at}.roles");
            let test = match (&roles.any_of, &roles.all_of) {
                (Some(any), None) => {
                    TextTest::AnyOf(boxed(non_empty(any, &format!("{field}.any_of"))?))
                }
                (None, Some(all)) => {
                    TextTest::AllOf(boxed(non_empty(all, &format!("{field}.all_of"))?))
                }
                _ => return Err(needs(field, "exactly one of `any_of` and `all_of`")),
            };
            let from: RoleSource = roles_from(roles.from, self.config, at)?;
            all.push(Condition::Roles { test, from });
        }
        Ok(())
    }

    #[inline(never)]
    fn cel(&self, cel: &config::Cel, at: &str) -> Result<Condition> {
        let mut header = |name: &str| {
            let at = format!("`request.headers[{name:?}]`");
            self.header(name, &at).map_err(|error| error.to_string())
        };
        let expression = Expression::compile(&cel.expression, cel.claims.as_ref(), &mut header)
            .map_err(|error| InvalidPolicy::new(at, InvalidKind::Expression(error)))?;
        if expression.reads().roles {
            roles_from(RoleSource::Token, self.config, at)?;
        }
        Ok(Condition::Cel(Rc::new(expression)))
    }

    fn provider(&self, name: &str, at: &str) -> Result<usize> {
        let providers = &self.config.providers;
        providers.iter().position(|provider| provider.name == *name).ok_or_else(|| {
            let known = providers.iter().map(|provider| provider.name.clone()).collect();
            let kind = InvalidKind::Unknown { what: "provider", name: name.into(), known };
            InvalidPolicy::new(at, kind)
        })
    }

    fn header(&self, name: &str, at: &str) -> Result<crate::request::Wanted> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(needs(at, "a name of lower-case letters, digits and `-`"));
        }
        if name == "host" {
            return Err(needs(at, "`hosts` in a route's `match` instead"));
        }
        let secret =
            self.looks.borrow().headers.iter().take(self.token_headers()).any(|h| **h == *name);
        if CREDENTIALS.contains(&name) || secret {
            return Err(needs(at, "a header without credentials: those are for `providers`"));
        }
        let mut given = self.config.authorization.iter().flat_map(|a| &a.response.headers);
        let states = self.config.signed_identity.as_ref().is_some_and(|how| how.header == *name);
        if states
            || self.config.identity_headers.contains_key(name)
            || given.any(|given| given == name)
        {
            return Err(needs(
                at,
                "a header that clients send: what they send of this one is dropped",
            ));
        }
        Ok(self.looks.borrow_mut().add(name))
    }

    /// How many of the headers that are looked at may hold tokens: those are the first.
    fn token_headers(&self) -> usize {
        let from = self.config.providers.iter().flat_map(|provider| &provider.from);
        let names: HashSet<_> = from.filter_map(|from| from.header.as_deref()).collect();
        names.into_iter().filter(|name| *name != AUTHORIZATION).count()
    }

    fn client_address(&self, networks: &[String], at: &str) -> Result<Condition> {
        if !self.config.trusted_client_address {
            return Err(needs(at, "`trusted_client_address: true`: see what that asks of Envoy"));
        }
        let what = "a network such as `10.0.0.0/8`, without bits that do not count and with IPv4 written as such";
        each(non_empty(networks, at)?, at, what, &|text| Network::new(text).is_some())?;
        let networks = networks.iter().filter_map(|text| Network::new(text));
        Ok(Condition::ClientAddress(networks.collect()))
    }
}

#[inline(never)]
fn test(texts: &Texts, at: &str) -> Result<TextTest> {
    let Texts { equals, any_of, all_of, prefix, present } = texts;
    let given = [equals.is_some(), any_of.is_some(), all_of.is_some(), prefix.is_some()];
    let given = given.into_iter().filter(|given| *given).count() + usize::from(present.is_some());
    if given != 1 {
        return Err(needs(at, "exactly one of `equals`, `any_of`, `all_of`, `prefix`, `present`"));
    }
    Ok(match (equals, any_of, all_of, prefix) {
        (Some(text), ..) => TextTest::Equals(text.as_str().into()),
        (_, Some(texts), ..) => TextTest::AnyOf(boxed(non_empty(texts, at)?)),
        (_, _, Some(texts), _) => TextTest::AllOf(boxed(non_empty(texts, at)?)),
        (.., Some(start)) if start.is_empty() => {
            return Err(needs(format!("{at}.prefix"), "a text (`present` for any value)"));
        }
        (.., Some(start)) => TextTest::Prefix(start.as_str().into()),
        _ => TextTest::Present(*present == Some(true)),
    })
}

fn non_empty<'v>(values: &'v [String], at: &str) -> Result<&'v [String]> {
    if values.is_empty() { Err(needs(at, "at least one value")) } else { Ok(values) }
}

fn boxed(values: &[String]) -> Vec<Box<str>> {
    values.iter().map(|value| value.as_str().into()).collect()
}
