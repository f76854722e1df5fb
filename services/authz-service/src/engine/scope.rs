//! A policy's scope as numbers: what `(principal …, action …, resource …)` asks for, without
//! its conditions.
//!
//! Scopes are a closed little language in which nothing can fail: equality, membership, type. An
//! entity is in itself and in its parents; here only a subject has parents, its roles. The action
//! groups of the schema are resolved when a scope is read.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};

use super::vocabulary::{ActionNumber, ActionType, TypeNumber, Vocabulary};

/// An entity that some policy's scope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct EntityNumber(pub(super) usize);

/// What one policy, or several alike, applies to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) principal: EntityScope,
    pub(super) action: ActionScope,
    pub(super) resource: EntityScope,
}

/// A constraint on a principal or a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum EntityScope {
    Any,
    Is(TypeNumber),
    Equals(EntityNumber),
    In(EntityNumber),
    IsIn(TypeNumber, EntityNumber),
    /// It names a type that no question can have.
    Never,
}

/// A constraint on an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ActionScope {
    Any,
    /// Sorted.
    OneOf(Box<[ActionNumber]>),
}

/// Where a principal or a resource stands with respect to the scopes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) kind: TypeNumber,
    /// `None` when no scope names it.
    pub(super) entity: Option<EntityNumber>,
    /// Its parents that scopes name; sorted.
    pub(super) parents: Box<[EntityNumber]>,
}

impl Place {
    /// The entity and its parents: everything it is in.
    pub(super) fn around(&self) -> impl Iterator<Item = EntityNumber> {
        let parents = self.parents.iter().copied();
        self.entity.into_iter().chain(parents.filter(|parent| self.entity != Some(*parent)))
    }

    fn is_in(&self, entity: EntityNumber) -> bool {
        self.entity == Some(entity) || self.parents.binary_search(&entity).is_ok()
    }
}

impl Scope {
    /// Whether it takes in this question.
    pub(super) fn holds(&self, principal: &Place, action: ActionNumber, resource: &Place) -> bool {
        self.action.holds(action)
            && self.resource.holds(resource)
            && self.principal.holds(principal)
    }

    /// Whether there is a question it takes in, as far as names tell.
    pub(super) fn can_hold(&self) -> bool {
        let no_action = matches!(&self.action, ActionScope::OneOf(actions) if actions.is_empty());
        !no_action && self.principal != EntityScope::Never && self.resource != EntityScope::Never
    }
}

impl EntityScope {
    fn holds(self, place: &Place) -> bool {
        match self {
            Self::Any => true,
            Self::Is(kind) => place.kind == kind,
            Self::Equals(entity) => place.entity == Some(entity),
            Self::In(entity) => place.is_in(entity),
            Self::IsIn(kind, entity) => place.kind == kind && place.is_in(entity),
            Self::Never => false,
        }
    }
}

impl ActionScope {
    fn holds(&self, action: ActionNumber) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(actions) => actions.binary_search(&action).is_ok(),
        }
    }
}

/// The entities that scopes name, by type and id.
#[derive(Default)]
pub(super) struct Named {
    by_type: Vec<HashMap<String, EntityNumber>>,
    count: usize,
}

impl Named {
    pub(super) fn new(vocabulary: &Vocabulary) -> Self {
        let by_type = (0..vocabulary.entity_types()).map(|_| HashMap::new()).collect();
        Self { by_type, count: 0 }
    }

    pub(super) fn find(&self, kind: TypeNumber, id: &str) -> Option<EntityNumber> {
        self.by_type.get(kind.0)?.get(id).copied()
    }

    /// Reads the scope of `policy`, remembering the entities it names.
    pub(super) fn scope(&mut self, policy: &Policy, vocabulary: &Vocabulary) -> Scope {
        use {PrincipalConstraint as P, ResourceConstraint as R};
        let kind = |name: &EntityTypeName| number(name, vocabulary);
        let principal = match policy.principal_constraint() {
            P::Any => EntityScope::Any,
            P::Is(name) => is(kind(&name)),
            P::Eq(uid) => self.equals(&uid, vocabulary),
            P::In(uid) => self.within(&uid, vocabulary),
            P::IsIn(name, uid) => self.is_within(kind(&name), &uid, vocabulary),
        };
        let resource = match policy.resource_constraint() {
            R::Any => EntityScope::Any,
            R::Is(name) => is(kind(&name)),
            R::Eq(uid) => self.equals(&uid, vocabulary),
            R::In(uid) => self.within(&uid, vocabulary),
            R::IsIn(name, uid) => self.is_within(kind(&name), &uid, vocabulary),
        };
        Scope { principal, action: action(&policy.action_constraint(), vocabulary), resource }
    }

    fn equals(&mut self, uid: &EntityUid, vocabulary: &Vocabulary) -> EntityScope {
        self.remember(uid, vocabulary).map_or(EntityScope::Never, EntityScope::Equals)
    }

    fn within(&mut self, uid: &EntityUid, vocabulary: &Vocabulary) -> EntityScope {
        self.remember(uid, vocabulary).map_or(EntityScope::Never, EntityScope::In)
    }

    fn is_within(
        &mut self,
        kind: Option<TypeNumber>,
        uid: &EntityUid,
        vocabulary: &Vocabulary,
    ) -> EntityScope {
        match (kind, self.remember(uid, vocabulary)) {
            (Some(kind), Some(entity)) => EntityScope::IsIn(kind, entity),
            _ => EntityScope::Never,
        }
    }

    fn remember(&mut self, uid: &EntityUid, vocabulary: &Vocabulary) -> Option<EntityNumber> {
        let kind = number(uid.type_name(), vocabulary)?;
        let entities = self.by_type.get_mut(kind.0)?;
        let next = EntityNumber(self.count);
        let found = *entities.entry(uid.id().unescaped().to_owned()).or_insert(next);
        if found == next {
            self.count += 1;
        }
        Some(found)
    }
}

fn number(name: &EntityTypeName, vocabulary: &Vocabulary) -> Option<TypeNumber> {
    Some(vocabulary.entity_type(&name.to_string())?.number)
}

fn is(kind: Option<TypeNumber>) -> EntityScope {
    kind.map_or(EntityScope::Never, EntityScope::Is)
}

fn action(constraint: &ActionConstraint, vocabulary: &Vocabulary) -> ActionScope {
    let one_of = |holds: &dyn Fn(&ActionType) -> bool| {
        let mut numbers: Vec<_> = vocabulary
            .actions()
            .filter(|action| holds(action))
            .map(|action| action.number)
            .collect();
        numbers.sort_unstable();
        ActionScope::OneOf(numbers.into())
    };
    match constraint {
        ActionConstraint::Any => ActionScope::Any,
        ActionConstraint::Eq(uid) => one_of(&|action| action.uid == *uid),
        ActionConstraint::In(uids) => one_of(&|action| {
            uids.iter().any(|uid| action.uid == *uid || action.groups.contains(uid))
        }),
    }
}
