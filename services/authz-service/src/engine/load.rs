//! Policy and schema texts → a validated [`Engine`]. Nothing is skipped: a set with one bad
//! policy, a template, two policies of one name or a policy that the schema contradicts is
//! refused as a whole, and the error names the file and what is wrong in it.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Policy, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode, Validator,
};
use miette::Diagnostic;

use super::Engine;
use super::vocabulary::Vocabulary;

/// A text with the name of the file it came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name for error messages.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// A schema or policy set that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct InvalidPolicies {
    /// File, with line and column where they are known.
    pub at: String,
    /// What is wrong there.
    pub problem: String,
}

impl InvalidPolicies {
    pub(crate) fn new(at: impl Into<String>, problem: &(impl ToString + ?Sized)) -> Self {
        Self { at: at.into(), problem: problem.to_string() }
    }

    fn in_source(source: &Source, error: &dyn Diagnostic) -> Self {
        let offset =
            error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        let at = match offset.and_then(|offset| line_and_column(&source.text, offset)) {
            Some((line, column)) => format!("{}:{line}:{column}", source.file),
            None => source.file.clone(),
        };
        Self::new(at, error)
    }
}

impl Engine {
    /// Parses and validates a schema and the policies written against it.
    pub fn load(schema: &Source, policies: &[Source]) -> Result<Self, InvalidPolicies> {
        let (vocabulary, cedar_schema) = read_schema(schema)?;
        let (set, files) = read_policies(policies)?;
        validate(&cedar_schema, &set, &files)?;
        Ok(Self { authorizer: Authorizer::new(), policies: set, schema: cedar_schema, vocabulary })
    }
}

fn read_schema(source: &Source) -> Result<(Vocabulary, Schema), InvalidPolicies> {
    let (fragment, warnings) = SchemaFragment::from_cedarschema_str(&source.text)
        .map_err(|error| InvalidPolicies::in_source(source, &error))?;
    for warning in warnings {
        tracing::warn!(file = source.file, %warning, "schema");
    }
    let json = fragment
        .clone()
        .to_json_value()
        .map_err(|error| InvalidPolicies::in_source(source, &error))?;
    let schema = Schema::from_schema_fragments([fragment])
        .map_err(|error| InvalidPolicies::in_source(source, &error))?;
    let vocabulary = Vocabulary::read(&json)
        .ok_or_else(|| InvalidPolicies::new(&source.file, "its entity types cannot be listed"))?;
    Ok((vocabulary, schema))
}

type FileOfPolicy = HashMap<PolicyId, String>;

fn read_policies(sources: &[Source]) -> Result<(PolicySet, FileOfPolicy), InvalidPolicies> {
    let mut set = PolicySet::new();
    let mut files = FileOfPolicy::new();
    for source in sources {
        for policy in parse(source)? {
            let id = policy.id().clone();
            if let Some(other) = files.insert(id.clone(), source.file.clone()) {
                let problem = format!("a policy named `{id}` is already in {other}");
                return Err(InvalidPolicies::new(&source.file, &problem));
            }
            set.add(policy).map_err(|error| InvalidPolicies::in_source(source, &error))?;
        }
    }
    Ok((set, files))
}

/// The policies of one file, each named by its `@id`, else by the file and its place in it.
fn parse(source: &Source) -> Result<Vec<Policy>, InvalidPolicies> {
    let parsed =
        PolicySet::from_str(&source.text).map_err(|errors| match errors.iter().next() {
            Some(first) => InvalidPolicies::in_source(source, first),
            None => InvalidPolicies::new(&source.file, &errors),
        })?;
    if parsed.num_of_templates() > 0 {
        return Err(InvalidPolicies::new(&source.file, "policy templates are not supported"));
    }
    // Cedar names them policy0, policy1, … in the order they stand in the file.
    let mut policies = Vec::new();
    for index in 0..parsed.num_of_policies() {
        let Some(policy) = parsed.policy(&PolicyId::new(format!("policy{index}"))) else {
            return Err(InvalidPolicies::new(&source.file, "its policies cannot be numbered"));
        };
        let name = match policy.annotation("id") {
            Some("") => return Err(InvalidPolicies::new(&source.file, "an empty @id")),
            Some(id) => id.to_owned(),
            None => format!("{}#{index}", source.file),
        };
        policies.push(policy.new_id(PolicyId::new(name)));
    }
    Ok(policies)
}

fn validate(schema: &Schema, set: &PolicySet, files: &FileOfPolicy) -> Result<(), InvalidPolicies> {
    let outcome = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    for warning in outcome.validation_warnings() {
        tracing::warn!(%warning, "policies");
    }
    match outcome.validation_errors().next() {
        Some(error) => {
            let file = files.get(error.policy_id()).map_or("policies", String::as_str);
            Err(InvalidPolicies::new(file, &format!("`{}`: {error}", error.policy_id())))
        }
        None => Ok(()),
    }
}

/// Both counted from 1; `None` for an offset that is not in the text.
fn line_and_column(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next()?.chars().count() + 1;
    Some((line, column))
}
