//! Property: where the two judges disagree, it is we who refuse, by a rule with a name, or a
//! standard says that we may accept. `jwt_authn` is not the ceiling.
//!
//! `JUDGES_SEED` gives other tokens than those of every run; a failure names its own. The whole list
//! of disagreements goes to [`LIST`], a summary by rule to the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;

use claimgate_corpus::Family;
use claimgate_corpus::hostile::World;

use super::parts::Parts;
use super::rules::{LAXER, Rule, STRICTER};
use super::samples::{self, Sample};
use super::{statuses, world};

/// Every disagreement, a line each.
const LIST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/jwt_authn-disagreements.txt");

const ACCEPTED: u16 = 200;
const SAMPLES: usize = 2_000;
/// Of every family, and good ones.
const OF_EACH: usize = 200;

#[test]
fn every_disagreement_with_jwt_authn_has_a_rule() {
    let seed = std::env::var("JUDGES_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let world = world();
    let samples = samples::all(&world, seed);
    assert_enough(&samples);
    let credentials: Vec<_> = samples.iter().map(|sample| sample.credential.clone()).collect();
    let [ours, theirs] = ["claimgate", "jwt_authn"].map(|judge| statuses(judge, &credentials));
    let judged = samples.iter().zip(ours.into_iter().zip(theirs));
    let judged: Vec<_> = judged.map(|(sample, both)| Judged::of(sample, both, &world)).collect();

    fs::write(LIST, disagreements(&judged)).expect("a written list");
    report(seed, &judged);
    let wrong: Vec<_> = judged.iter().filter_map(Judged::fault).collect();
    let hits: BTreeSet<_> = judged.iter().filter_map(Judged::name).collect();
    let idle: Vec<_> = rules().map(|rule| rule.name).filter(|name| !hits.contains(name)).collect();
    assert!(wrong.is_empty(), "seed {seed}, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(idle.is_empty(), "seed {seed}: nothing shows {idle:?}");
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    STRICTER.iter().chain(&LAXER)
}

fn assert_enough(samples: &[Sample]) {
    assert!(samples.len() >= SAMPLES, "only {}", samples.len());
    let families =
        [Family::Header, Family::Claims, Family::Signature, Family::Encoding, Family::Time];
    for family in families.into_iter().map(Some).chain([None]) {
        let count = samples.iter().filter(|sample| sample.changed == family).count();
        assert!(count >= OF_EACH, "only {count} of {family:?}");
    }
}

/// What the two made of a sample.
struct Judged<'s> {
    sample: &'s Sample,
    ours: u16,
    theirs: u16,
    outcome: Outcome,
}

enum Outcome {
    BothAccept,
    BothRefuse,
    Claimed(&'static Rule),
    Unclaimed,
}

impl<'s> Judged<'s> {
    fn of(sample: &'s Sample, (ours, theirs): (u16, u16), world: &World) -> Self {
        let claimed = |rules: &'static [Rule]| {
            let parts = Parts::of(&sample.credential, world);
            let rule = rules.iter().find(|rule| (rule.claims)(&parts));
            rule.map_or(Outcome::Unclaimed, Outcome::Claimed)
        };
        let outcome = match (ours == ACCEPTED, theirs == ACCEPTED) {
            (true, true) => Outcome::BothAccept,
            (false, false) => Outcome::BothRefuse,
            (false, true) => claimed(&STRICTER),
            (true, false) => claimed(&LAXER),
        };
        Self { sample, ours, theirs, outcome }
    }

    /// The rule's, or what they agree on.
    fn name(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::BothAccept => Some("both accept"),
            Outcome::BothRefuse => Some("both refuse"),
            Outcome::Claimed(rule) => Some(rule.name),
            Outcome::Unclaimed => None,
        }
    }

    fn line(&self) -> String {
        let rule = self.name().unwrap_or("NO RULE");
        format!("{rule}: {} here, {} there: {}\n", self.ours, self.theirs, self.sample.name)
    }

    /// A line about what may not be: a disagreement that nobody chose, or a good one refused.
    fn fault(&self) -> Option<String> {
        let is_fine = match self.outcome {
            Outcome::BothAccept => true,
            Outcome::BothRefuse | Outcome::Claimed(_) => self.sample.changed.is_some(),
            Outcome::Unclaimed => false,
        };
        let Sample { name, credential, .. } = self.sample;
        let (ours, theirs) = (self.ours, self.theirs);
        (!is_fine).then(|| format!("{name}: {ours} here, {theirs} there: {credential:.2000}"))
    }
}

fn disagreements(judged: &[Judged<'_>]) -> String {
    let is_one =
        |judged: &&Judged<'_>| matches!(judged.outcome, Outcome::Claimed(_) | Outcome::Unclaimed);
    let mut lines: Vec<_> = judged.iter().filter(is_one).map(Judged::line).collect();
    lines.sort();
    lines.concat()
}

/// Past the test runner's capture: it is part of what the suite says.
fn report(seed: u64, judged: &[Judged<'_>]) {
    let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for one in judged {
        groups.entry(one.name().unwrap_or("NO RULE")).or_default().push(&one.sample.name);
    }
    let mut out = std::io::stdout().lock();
    let _ =
        writeln!(out, "\nseed {seed}, {} credentials, claimgate beside jwt_authn:", judged.len());
    for (name, samples) in groups {
        let standard = rules().find(|rule| rule.name == name).map_or("", |rule| rule.standard);
        let example: String = samples[0].chars().take(60).collect();
        let _ = writeln!(out, "{:>6} {name:<30} {example:<60} {standard}", samples.len());
    }
}
