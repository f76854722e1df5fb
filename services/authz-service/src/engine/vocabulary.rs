//! What a schema lists: entity types with their attributes, actions with their context members.
//!
//! Cedar's own API does not tell the attributes of a type, so they are read from the JSON form
//! of the schema that Cedar itself writes. A request is looked up here before anything of it
//! reaches Cedar: a name that the schema does not list is never parsed as Cedar syntax.
//!
//! Whatever Cedar would find out about a question from the schema alone is asked once, when the
//! schema is read: which types an action is for, whether an entity without attributes is valid.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema};
use serde_json::{Map, Value};

/// Cedar type of the roles that are a subject's parents.
pub(super) const ROLE: &str = "Role";
/// Context member that carries the action's properties, for schemas that declare it: Cedar
/// actions have no attributes of their own.
pub(super) const ACTION_PROPERTIES: &str = "action";
/// Annotation of an attribute that only the store may give.
const STORED: &str = "stored";
pub(super) const ACTION: &str = "Action";

/// An entity type's place in the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TypeNumber(pub(super) usize);

/// An action's place in the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ActionNumber(pub(super) usize);

/// Who may give an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Giver {
    /// The store, or a request in its place.
    Anyone,
    /// The store; what a request says about it is ignored.
    StoreOnly,
}

/// An entity type of the schema.
pub(super) struct EntityType {
    pub(super) number: TypeNumber,
    pub(super) name: EntityTypeName,
    pub(super) attributes: HashMap<String, Giver>,
    /// Whether the schema lets it be a member of `Role`.
    pub(super) takes_roles: bool,
    /// Whether an entity of this type needs no attributes to be valid.
    pub(super) valid_without_attributes: bool,
    /// The only ids there are, for an enumerated type.
    choices: Option<HashSet<String>>,
}

impl EntityType {
    pub(super) fn uid(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.name.clone(), EntityId::new(id))
    }

    pub(super) fn has_entity(&self, id: &str) -> bool {
        self.choices.as_ref().is_none_or(|choices| choices.contains(id))
    }
}

/// An action of the schema.
pub(super) struct ActionType {
    pub(super) number: ActionNumber,
    pub(super) uid: EntityUid,
    /// Groups it is in, at any distance.
    pub(super) groups: HashSet<EntityUid>,
    pub(super) context: HashSet<String>,
    /// The context of a request that says nothing about the circumstances.
    pub(super) plain_context: Context,
    /// Whether the schema takes that context.
    pub(super) valid_without_context: bool,
    principals: HashSet<TypeNumber>,
    resources: HashSet<TypeNumber>,
}

impl ActionType {
    pub(super) fn is_for_principal(&self, kind: TypeNumber) -> bool {
        self.principals.contains(&kind)
    }

    pub(super) fn is_for_resource(&self, kind: TypeNumber) -> bool {
        self.resources.contains(&kind)
    }
}

/// The types and actions of one schema, by the names they have on the wire.
#[derive(Default)]
pub(super) struct Vocabulary {
    entity_types: HashMap<String, EntityType>,
    actions: HashMap<String, ActionType>,
    /// The schema's actions that are in a group, as entities that know it.
    grouped_actions: Vec<Entity>,
    /// Whether a role can itself be asked about.
    role_is_asked_about: bool,
}

impl Vocabulary {
    /// Reads Cedar's JSON form of `schema`. `None` when it is not of the form Cedar documents.
    pub(super) fn read(json: &Value, schema: &Schema) -> Option<Self> {
        let mut vocabulary = Self::default();
        for (namespace, definitions) in json.as_object()? {
            vocabulary.read_types(namespace, definitions, schema)?;
        }
        let actions = schema.action_entities().ok()?;
        // AuthZEN's action has a name and no namespace, so only `Action` itself is reachable.
        if let Some(definitions) = json.get("") {
            vocabulary.read_actions(definitions, schema, &actions)?;
        }
        let in_a_group = |entity: &&Entity| {
            actions.ancestors(&entity.uid()).is_some_and(|mut a| a.next().is_some())
        };
        vocabulary.grouped_actions = actions.iter().filter(in_a_group).cloned().collect();
        vocabulary.role_is_asked_about =
            schema.principals().chain(schema.resources()).any(|name| name.to_string() == ROLE);
        Some(vocabulary)
    }

    pub(super) fn entity_type(&self, name: &str) -> Option<&EntityType> {
        self.entity_types.get(name)
    }

    pub(super) fn entity_types(&self) -> usize {
        self.entity_types.len()
    }

    pub(super) fn action(&self, name: &str) -> Option<&ActionType> {
        self.actions.get(name)
    }

    pub(super) fn action_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.actions.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn actions(&self) -> impl Iterator<Item = &ActionType> {
        self.actions.values()
    }

    pub(super) fn grouped_actions(&self) -> &[Entity] {
        &self.grouped_actions
    }

    pub(super) fn role_is_asked_about(&self) -> bool {
        self.role_is_asked_about
    }

    /// The type of roles, when the schema has roles at all.
    pub(super) fn role(&self) -> Option<&EntityType> {
        self.entity_types.get(ROLE)
    }

    fn read_types(&mut self, namespace: &str, definitions: &Value, schema: &Schema) -> Option<()> {
        let empty = Map::new();
        let commons = object(definitions, "commonTypes").unwrap_or(&empty);
        for (name, definition) in object(definitions, "entityTypes").unwrap_or(&empty) {
            let name =
                if namespace.is_empty() { name.clone() } else { format!("{namespace}::{name}") };
            let cedar_name = EntityTypeName::from_str(&name).ok()?;
            let choices = choices(definition);
            let entity_type = EntityType {
                number: TypeNumber(self.entity_types.len()),
                attributes: attributes(definition.get("shape"), commons),
                takes_roles: lists_role(definition.get("memberOfTypes"))
                    && schema.ancestors(&cedar_name)?.any(|name| name.to_string() == ROLE),
                valid_without_attributes: choices.is_some()
                    || is_valid_without_attributes(&cedar_name, schema),
                name: cedar_name,
                choices,
            };
            self.entity_types.insert(name, entity_type);
        }
        Some(())
    }

    fn read_actions(
        &mut self,
        definitions: &Value,
        schema: &Schema,
        entities: &Entities,
    ) -> Option<()> {
        let empty = Map::new();
        let commons = object(definitions, "commonTypes").unwrap_or(&empty);
        let action_type = EntityTypeName::from_str(ACTION).ok()?;
        for (name, definition) in object(definitions, "actions").unwrap_or(&empty) {
            let context = definition.get("appliesTo").and_then(|applies| applies.get("context"));
            let context: HashSet<String> = attributes(context, commons).into_keys().collect();
            let uid = EntityUid::from_type_name_and_id(action_type.clone(), EntityId::new(name));
            let plain_context = plain_context(&context)?;
            let action = ActionType {
                number: ActionNumber(self.actions.len()),
                groups: entities.ancestors(&uid).into_iter().flatten().cloned().collect(),
                valid_without_context: plain_context.validate(schema, &uid).is_ok(),
                principals: self.numbers(schema.principals_for_action(&uid)),
                resources: self.numbers(schema.resources_for_action(&uid)),
                uid,
                context,
                plain_context,
            };
            self.actions.insert(name.clone(), action);
        }
        Some(())
    }

    fn numbers<'a>(
        &self,
        names: Option<impl Iterator<Item = &'a EntityTypeName>>,
    ) -> HashSet<TypeNumber> {
        let number = |name: &EntityTypeName| Some(self.entity_type(&name.to_string())?.number);
        names.into_iter().flatten().filter_map(number).collect()
    }
}

fn object<'a>(value: &'a Value, member: &str) -> Option<&'a Map<String, Value>> {
    value.get(member)?.as_object()
}

fn lists_role(members: Option<&Value>) -> bool {
    members.and_then(Value::as_array).is_some_and(|types| types.iter().any(|name| name == ROLE))
}

fn choices(definition: &Value) -> Option<HashSet<String>> {
    let ids = definition.get("enum")?.as_array()?;
    Some(ids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn is_valid_without_attributes(name: &EntityTypeName, schema: &Schema) -> bool {
    let uid = EntityUid::from_type_name_and_id(name.clone(), EntityId::new(""));
    Entities::empty().add_entities([Entity::with_uid(uid)], Some(schema)).is_ok()
}

fn plain_context(listed: &HashSet<String>) -> Option<Context> {
    let nothing = cedar_policy::RestrictedExpression::new_record([]).ok()?;
    let of_action = listed.contains(ACTION_PROPERTIES).then(|| (ACTION_PROPERTIES.into(), nothing));
    Context::from_pairs(of_action).ok()
}

/// Attributes of a record type, following references to common types.
fn attributes(shape: Option<&Value>, commons: &Map<String, Value>) -> HashMap<String, Giver> {
    let mut shape = shape;
    // As many steps as there are common types: Cedar refuses cycles, this ends even with one.
    for _ in 0..=commons.len() {
        let Some(current) = shape else { break };
        if let Some(attributes) = object(current, "attributes") {
            return attributes.iter().map(|(name, of)| (name.clone(), giver(of))).collect();
        }
        let name = current.get("name").or_else(|| current.get("type")).and_then(Value::as_str);
        shape = name.and_then(|name| commons.get(name));
    }
    HashMap::new()
}

fn giver(attribute: &Value) -> Giver {
    match object(attribute, "annotations") {
        Some(annotations) if annotations.contains_key(STORED) => Giver::StoreOnly,
        _ => Giver::Anyone,
    }
}
