//! What a schema lists: entity types with their attributes, actions with their context members.
//!
//! Cedar's own API does not tell the attributes of a type, so they are read from the JSON form
//! of the schema that Cedar itself writes. A request is looked up here before anything of it
//! reaches Cedar: a name that the schema does not list is never parsed as Cedar syntax.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::{Map, Value};

/// Cedar type of the roles that are a subject's parents.
pub(super) const ROLE: &str = "Role";
const ACTION: &str = "Action";

/// An entity type of the schema.
pub(super) struct EntityType {
    pub(super) name: EntityTypeName,
    pub(super) attributes: HashSet<String>,
    /// Whether the schema lets it be a member of `Role`.
    pub(super) takes_roles: bool,
}

/// An action of the schema.
pub(super) struct ActionType {
    pub(super) uid: EntityUid,
    pub(super) context: HashSet<String>,
}

/// The types and actions of one schema, by the names they have on the wire.
#[derive(Default)]
pub(super) struct Vocabulary {
    entity_types: HashMap<String, EntityType>,
    actions: HashMap<String, ActionType>,
    role: Option<EntityTypeName>,
}

impl Vocabulary {
    /// Reads Cedar's JSON form of a schema. `None` when it is not of the form Cedar documents.
    pub(super) fn read(schema: &Value) -> Option<Self> {
        let mut vocabulary = Self::default();
        for (namespace, definitions) in schema.as_object()? {
            vocabulary.read_namespace(namespace, definitions)?;
        }
        vocabulary.role =
            vocabulary.entity_types.get(ROLE).map(|entity_type| entity_type.name.clone());
        Some(vocabulary)
    }

    pub(super) fn entity_type(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(name)
    }

    pub(super) fn action(&self, name: &str) -> Option<&ActionType> {
        self.actions.get(name)
    }

    pub(super) fn action_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.actions.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The entity of a role, when the schema has roles at all.
    pub(super) fn role(&self, name: &str) -> Option<EntityUid> {
        let role = self.role.clone()?;
        Some(EntityUid::from_type_name_and_id(role, EntityId::new(name)))
    }

    fn read_namespace(&mut self, namespace: &str, definitions: &Value) -> Option<()> {
        let empty = Map::new();
        let commons = object(definitions, "commonTypes").unwrap_or(&empty);
        for (name, definition) in object(definitions, "entityTypes").unwrap_or(&empty) {
            let name =
                if namespace.is_empty() { name.clone() } else { format!("{namespace}::{name}") };
            let entity_type = EntityType {
                name: EntityTypeName::from_str(&name).ok()?,
                attributes: attribute_names(definition.get("shape"), commons),
                takes_roles: lists_role(definition.get("memberOfTypes")),
            };
            self.entity_types.insert(name, entity_type);
        }
        // AuthZEN's action has a name and no namespace, so only `Action` itself is reachable.
        if namespace.is_empty() {
            let action_type = EntityTypeName::from_str(ACTION).ok()?;
            for (name, definition) in object(definitions, "actions").unwrap_or(&empty) {
                let context = definition.get("appliesTo").and_then(|a| a.get("context"));
                let uid =
                    EntityUid::from_type_name_and_id(action_type.clone(), EntityId::new(name));
                let action = ActionType { uid, context: attribute_names(context, commons) };
                self.actions.insert(name.clone(), action);
            }
        }
        Some(())
    }
}

fn object<'a>(value: &'a Value, member: &str) -> Option<&'a Map<String, Value>> {
    value.get(member)?.as_object()
}

fn lists_role(members: Option<&Value>) -> bool {
    members.and_then(Value::as_array).is_some_and(|types| types.iter().any(|name| name == ROLE))
}

/// Attribute names of a record type, following references to common types.
fn attribute_names(shape: Option<&Value>, commons: &Map<String, Value>) -> HashSet<String> {
    let mut shape = shape;
    // As many steps as there are common types: Cedar refuses cycles, this ends even with one.
    for _ in 0..=commons.len() {
        let Some(current) = shape else { break };
        if let Some(attributes) = object(current, "attributes") {
            return attributes.keys().cloned().collect();
        }
        let name = current.get("name").or_else(|| current.get("type")).and_then(Value::as_str);
        shape = name.and_then(|name| commons.get(name));
    }
    HashSet::new()
}
