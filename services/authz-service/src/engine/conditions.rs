//! Conditions of policies, without their scopes.
//!
//! Scopes are decided by numbers ([`super::scope`]), so Cedar is given policies that consist of
//! their conditions alone, and entities that have only those parents that some condition could
//! ask for. A parent can be asked for by its name alone: no value that we convert is a reference
//! to an entity.

use std::collections::HashSet;

use cedar_policy::{EntityUid, Policy};
use serde_json::{Value, json};

use super::vocabulary::{ACTION, ROLE, Vocabulary};

/// `policy` for every principal, action and resource. `None` when Cedar's JSON form of it is not
/// what Cedar documents.
pub(super) fn without_scope(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    let parts = json.as_object_mut()?;
    for part in ["principal", "action", "resource"] {
        *parts.get_mut(part)? = json!({"op": "All"});
    }
    let conditions = parts.get("conditions").and_then(Value::as_array)?;
    // An empty list would mean a policy that always holds.
    let complete = !conditions.is_empty();
    let stripped = Policy::from_json(Some(policy.id().clone()), json).ok()?;
    (complete && stripped.effect() == policy.effect()).then_some(stripped)
}

/// What conditions can see.
pub(super) struct Conditions {
    /// Whether there is a policy that has one.
    pub(super) exist: bool,
    /// `None` when every role could matter.
    roles: Option<HashSet<String>>,
    /// Whether some condition names an action, and could ask for its groups.
    pub(super) name_actions: bool,
}

impl Conditions {
    /// Of policies without scopes.
    pub(super) fn of<'a>(
        policies: impl Iterator<Item = &'a Policy>,
        vocabulary: &Vocabulary,
    ) -> Self {
        let mut policies = policies.peekable();
        let exist = policies.peek().is_some();
        let named: Vec<EntityUid> = policies.flat_map(Policy::entity_literals).collect();
        let is_role = |uid: &&EntityUid| uid.type_name().to_string() == ROLE;
        let roles =
            || named.iter().filter(is_role).map(|uid| uid.id().unescaped().to_owned()).collect();
        Self {
            exist,
            // A role that is asked about has its name in the question: `principal in resource`.
            roles: (!vocabulary.role_is_asked_about()).then(roles),
            name_actions: named.iter().any(|uid| uid.type_name().basename() == ACTION),
        }
    }

    pub(super) fn can_see_role(&self, role: &str) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}
