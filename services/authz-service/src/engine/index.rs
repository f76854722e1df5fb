//! Policies by what their scopes ask for, so that a question meets only those that could matter.
//!
//! Policies of one scope share a bucket. A bucket is filed under the constraint of its scope that
//! fewest buckets share: an entity, a role, an action, a type; or under none. A question looks
//! into the few places it belongs to and compares each bucket's whole scope; what is left applies
//! but for its conditions. Policies without conditions are satisfied there and then, those with
//! conditions are Cedar's to evaluate, a bucket at a time.
//!
//! That the outcome is the same as asking Cedar about every policy is what
//! `engine::tests::equivalence` holds it to.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};

use super::conditions::without_scope;
use super::scope::{ActionScope, EntityNumber, EntityScope, Named, Place, Scope};
use super::vocabulary::{ActionNumber, TypeNumber, Vocabulary};

/// A policy's place in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PolicyNumber(usize);

/// A bucket's place in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BucketNumber(usize);

/// A policy with where it stands.
pub(super) struct Listed {
    pub(super) name: Arc<str>,
    pub(super) file: Arc<str>,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) policy: Policy,
}

/// Policies of one scope.
pub(super) struct Bucket {
    scope: Scope,
    /// Those without conditions.
    pub(super) permits: Vec<PolicyNumber>,
    pub(super) forbids: Vec<PolicyNumber>,
    /// The conditions of the others, as policies without scopes.
    pub(super) conditional: Option<PolicySet>,
}

/// A policy whose conditions cannot be taken out of it.
#[derive(Debug)]
pub(super) struct Unfit;

/// All policies of an engine.
pub(super) struct Index {
    policies: Vec<Listed>,
    numbers: HashMap<PolicyId, PolicyNumber>,
    buckets: Vec<Bucket>,
    named: Named,
    places: HashMap<Shelf, Vec<BucketNumber>>,
}

/// What a bucket can be filed under, and a question be looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shelf {
    Resource(EntityNumber),
    Principal(EntityNumber),
    Action(ActionNumber),
    ResourceType(TypeNumber),
    PrincipalType(TypeNumber),
    Everything,
}

impl Index {
    /// Files `policies`, whose names are unique.
    pub(super) fn new(mut policies: Vec<Listed>, vocabulary: &Vocabulary) -> Result<Self, Unfit> {
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        let mut named = Named::new(vocabulary);
        let mut index = Self {
            numbers: HashMap::new(),
            buckets: Vec::new(),
            named: Named::default(),
            places: HashMap::new(),
            policies: Vec::new(),
        };
        let mut buckets: HashMap<Scope, BucketNumber> = HashMap::new();
        for (number, listed) in policies.iter().enumerate() {
            let scope = named.scope(&listed.policy, vocabulary);
            index.numbers.insert(listed.policy.id().clone(), PolicyNumber(number));
            let next = BucketNumber(index.buckets.len());
            let bucket = *buckets.entry(scope.clone()).or_insert(next);
            if bucket == next {
                index.buckets.push(Bucket::new(scope));
            }
            if let Some(bucket) = index.buckets.get_mut(bucket.0) {
                bucket.add(PolicyNumber(number), &listed.policy)?;
            }
        }
        index.named = named;
        index.policies = policies;
        index.file();
        Ok(index)
    }

    /// The policy of a number.
    pub(super) fn policy(&self, number: PolicyNumber) -> Option<&Listed> {
        self.policies.get(number.0)
    }

    /// All policies, by name.
    pub(super) fn policies(&self) -> &[Listed] {
        &self.policies
    }

    /// The policies that are Cedar's to evaluate.
    pub(super) fn conditional(&self) -> impl Iterator<Item = &Policy> {
        self.buckets
            .iter()
            .filter_map(|bucket| bucket.conditional.as_ref())
            .flat_map(PolicySet::policies)
    }

    pub(super) fn number(&self, id: &PolicyId) -> Option<PolicyNumber> {
        self.numbers.get(id).copied()
    }

    /// Where an entity with these parents stands.
    pub(super) fn place<'a>(
        &self,
        kind: TypeNumber,
        id: &str,
        parents: impl Iterator<Item = (TypeNumber, &'a str)>,
    ) -> Place {
        let mut parents: Vec<_> =
            parents.filter_map(|(kind, id)| self.named.find(kind, id)).collect();
        parents.sort_unstable();
        parents.dedup();
        Place { kind, entity: self.named.find(kind, id), parents: parents.into() }
    }

    /// The buckets a principal at `place` belongs to, whatever it asks.
    pub(super) fn of_principal(&self, place: &Place) -> Vec<BucketNumber> {
        let entities = place.around().map(Shelf::Principal);
        let shelves = entities.chain([Shelf::PrincipalType(place.kind), Shelf::Everything]);
        shelves.flat_map(|shelf| self.on(shelf)).copied().collect()
    }

    /// The buckets whose scopes hold for a question; `of_principal` belongs to its principal.
    pub(super) fn candidates<'a>(
        &'a self,
        of_principal: &'a [BucketNumber],
        principal: &'a Place,
        action: ActionNumber,
        resource: &'a Place,
    ) -> impl Iterator<Item = &'a Bucket> {
        let of_resource = resource.around().map(Shelf::Resource);
        let shelves =
            of_resource.chain([Shelf::Action(action), Shelf::ResourceType(resource.kind)]);
        shelves
            .flat_map(|shelf| self.on(shelf))
            .chain(of_principal)
            .filter_map(|number| self.buckets.get(number.0))
            .filter(move |bucket| bucket.scope.holds(principal, action, resource))
    }

    fn on(&self, shelf: Shelf) -> &[BucketNumber] {
        self.places.get(&shelf).map_or(&[], Vec::as_slice)
    }

    /// Puts every bucket on the least crowded shelves among those its scope allows.
    fn file(&mut self) {
        let mut crowd: HashMap<Shelf, usize> = HashMap::new();
        for shelf in self.buckets.iter().flat_map(|bucket| shelves(&bucket.scope)).flatten() {
            *crowd.entry(shelf).or_default() += 1;
        }
        let crowded = |shelves: &Vec<Shelf>| {
            shelves.iter().filter_map(|shelf| crowd.get(shelf)).max().copied().unwrap_or_default()
        };
        for (number, bucket) in self.buckets.iter().enumerate() {
            if !bucket.scope.can_hold() {
                continue;
            }
            let best = shelves(&bucket.scope).into_iter().min_by_key(crowded);
            for shelf in best.unwrap_or_else(|| vec![Shelf::Everything]) {
                self.places.entry(shelf).or_default().push(BucketNumber(number));
            }
        }
    }
}

impl Bucket {
    fn new(scope: Scope) -> Self {
        Self { scope, permits: Vec::new(), forbids: Vec::new(), conditional: None }
    }

    fn add(&mut self, number: PolicyNumber, policy: &Policy) -> Result<(), Unfit> {
        if policy.has_non_scope_constraint() {
            let conditions = without_scope(policy).ok_or(Unfit)?;
            return self.conditional.get_or_insert_default().add(conditions).map_err(|_| Unfit);
        }
        match policy.effect() {
            Effect::Permit => self.permits.push(number),
            Effect::Forbid => self.forbids.push(number),
        }
        Ok(())
    }
}

/// The ways to file a scope, the ones looked up by fewest names first. Each is complete: a
/// question within the scope is looked up by exactly one of its shelves.
fn shelves(scope: &Scope) -> Vec<Vec<Shelf>> {
    let mut ways = Vec::new();
    let entity = |scope: EntityScope| match scope {
        EntityScope::Equals(entity) | EntityScope::In(entity) | EntityScope::IsIn(_, entity) => {
            Some(entity)
        }
        EntityScope::Any | EntityScope::Is(_) | EntityScope::Never => None,
    };
    ways.extend(entity(scope.resource).map(|entity| vec![Shelf::Resource(entity)]));
    ways.extend(entity(scope.principal).map(|entity| vec![Shelf::Principal(entity)]));
    if let ActionScope::OneOf(actions) = &scope.action {
        ways.push(actions.iter().copied().map(Shelf::Action).collect());
    }
    if let EntityScope::Is(kind) = scope.resource {
        ways.push(vec![Shelf::ResourceType(kind)]);
    }
    if let EntityScope::Is(kind) = scope.principal {
        ways.push(vec![Shelf::PrincipalType(kind)]);
    }
    ways
}
