//! Policy and schema texts → a validated [`Engine`]. Nothing is skipped: a set with one bad
//! policy, a template, two policies of one name or a policy that the schema contradicts is
//! refused as a whole, and every problem is named with its file and what is wrong in it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::{
    Authorizer, Entities, PolicyId, PolicySet, Schema, SchemaFragment, ValidationMode, Validator,
};
use miette::Diagnostic;
use serde::Serialize;

use super::conditions::Conditions;
use super::index::{Index, Listed};
use super::nesting::{self, Language};
use super::vocabulary::Vocabulary;
use super::{Engine, PolicyVersion};

/// Largest schema and policies together, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// A text with the name of the file it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name for error messages.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// One thing that is wrong, or that somebody should look at, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// File, with line and column where they are known.
    pub at: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.problem)
    }
}

impl Problem {
    fn new(at: impl Into<String>, problem: &(impl ToString + ?Sized)) -> Self {
        Self { at: at.into(), problem: problem.to_string() }
    }

    fn in_source(source: &Source, error: &dyn Diagnostic) -> Self {
        let offset =
            error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        let at = place(source, offset);
        Self::new(at, error)
    }
}

/// A schema or policy set that cannot be used. One line names the first problem and how many
/// more there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvalidPolicies {
    /// What is wrong, at least one thing, in the order of the files.
    pub problems: Vec<Problem>,
}

impl std::error::Error for InvalidPolicies {}

impl fmt::Display for InvalidPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.problems.first() {
            first.fmt(f)?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            many => write!(f, " (and {} more)", many - 1),
        }
    }
}

impl From<Problem> for InvalidPolicies {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl InvalidPolicies {
    pub(crate) fn new(at: impl Into<String>, problem: &(impl ToString + ?Sized)) -> Self {
        Problem::new(at, problem).into()
    }
}

impl Engine {
    /// Parses and validates a schema and the policies written against it.
    pub fn load(schema: &Source, policies: &[Source]) -> Result<Self, InvalidPolicies> {
        let (engine, warnings) = Self::load_with_warnings(schema, policies)?;
        for warning in warnings {
            tracing::warn!(at = warning.at, problem = warning.problem, "policies");
        }
        Ok(engine)
    }

    /// The same, with what is not wrong but should be looked at.
    pub fn load_with_warnings(
        schema: &Source,
        policies: &[Source],
    ) -> Result<(Self, Vec<Problem>), InvalidPolicies> {
        check_size(schema, policies)?;
        check_depth(schema, policies)?;
        nesting::with_room(|| Self::read(schema, policies))
            .unwrap_or_else(|| Err(InvalidPolicies::new(&schema.file, "they cannot be read")))
    }

    fn read(schema: &Source, policies: &[Source]) -> Result<(Self, Vec<Problem>), InvalidPolicies> {
        let (vocabulary, cedar_schema, mut warnings) = read_schema(schema)?;
        let (set, listed) = read_policies(policies)?;
        warnings.extend(validate(&cedar_schema, &set, &listed)?);
        let version = PolicyVersion::of(schema, policies);
        let engine = Self::new(vocabulary, cedar_schema, listed, version)
            .map_err(|problem| InvalidPolicies::new(&schema.file, &problem))?;
        Ok((engine, warnings))
    }

    fn new(
        vocabulary: Vocabulary,
        schema: Schema,
        listed: Vec<Listed>,
        version: PolicyVersion,
    ) -> Result<Self, String> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        let index = Index::new(listed, &vocabulary)
            .map_err(|_| "the conditions of a policy cannot be told from its scope")?;
        let conditions = Conditions::of(index.conditional(), &vocabulary);
        let groups = match conditions.name_actions {
            true => vocabulary.grouped_actions(),
            false => &[],
        };
        let base = Entities::empty()
            .add_entities(groups.iter().cloned(), None)
            .map_err(|error| error.to_string())?;
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        let authorizer = Authorizer::new();
        Ok(Self { authorizer, schema, vocabulary, index, conditions, base, version, generation })
    }
}

fn check_size(schema: &Source, policies: &[Source]) -> Result<(), InvalidPolicies> {
    let mut total = 0;
    for source in std::iter::once(schema).chain(policies) {
        total += source.text.len();
        if total > MAX_TEXT_BYTES {
            let problem = format!("more than {MAX_TEXT_BYTES} bytes of schema and policies");
            return Err(InvalidPolicies::new(&source.file, &problem));
        }
    }
    Ok(())
}

fn check_depth(schema: &Source, policies: &[Source]) -> Result<(), InvalidPolicies> {
    let policies = policies.iter().map(|source| (source, Language::Policies));
    for (source, language) in std::iter::once((schema, Language::Schema)).chain(policies) {
        if let Some((offset, problem)) = nesting::too_deep(&source.text, language) {
            return Err(InvalidPolicies::new(place(source, Some(offset)), problem));
        }
    }
    Ok(())
}

type ReadSchema = (Vocabulary, Schema, Vec<Problem>);

fn read_schema(source: &Source) -> Result<ReadSchema, InvalidPolicies> {
    let (fragment, warnings) = SchemaFragment::from_cedarschema_str(&source.text)
        .map_err(|error| Problem::in_source(source, &error))?;
    let warnings = warnings.map(|warning| Problem::in_source(source, &warning)).collect();
    let json =
        fragment.clone().to_json_value().map_err(|error| Problem::in_source(source, &error))?;
    let schema = Schema::from_schema_fragments([fragment])
        .map_err(|error| Problem::in_source(source, &error))?;
    if !schema.is_complete() {
        return Err(InvalidPolicies::new(&source.file, "external declarations are not supported"));
    }
    let vocabulary = Vocabulary::read(&json, &schema)
        .ok_or_else(|| Problem::new(&source.file, "its entity types cannot be listed"))?;
    Ok((vocabulary, schema, warnings))
}

fn read_policies(sources: &[Source]) -> Result<(PolicySet, Vec<Listed>), InvalidPolicies> {
    let mut set = PolicySet::new();
    let mut listed: Vec<Listed> = Vec::new();
    let mut files: HashMap<PolicyId, Arc<str>> = HashMap::new();
    let mut problems = Vec::new();
    for source in sources {
        let parsed = parse(source).unwrap_or_else(|found| {
            problems.extend(found);
            Vec::new()
        });
        for policy in parsed {
            let id = policy.policy.id().clone();
            if let Some(other) = files.insert(id.clone(), Arc::clone(&policy.file)) {
                let problem = format!("a policy named `{id}` is already in {other}");
                problems.push(Problem::new(&source.file, &problem));
            } else if let Err(error) = set.add(policy.policy.clone()) {
                problems.push(Problem::in_source(source, &error));
            }
            listed.push(policy);
        }
    }
    if problems.is_empty() { Ok((set, listed)) } else { Err(InvalidPolicies { problems }) }
}

/// The policies of one file, each named by its `@id`, else by the file and its place in it.
fn parse(source: &Source) -> Result<Vec<Listed>, Vec<Problem>> {
    let parsed = PolicySet::from_str(&source.text).map_err(|errors| {
        errors.iter().map(|error| Problem::in_source(source, error)).collect::<Vec<_>>()
    })?;
    let refuse = |problem: &str| vec![Problem::new(&source.file, problem)];
    if parsed.num_of_templates() > 0 {
        return Err(refuse("policy templates are not supported"));
    }
    let file: Arc<str> = source.file.as_str().into();
    let mut policies = Vec::new();
    let mut rest = source.text.as_str();
    // Cedar names them policy0, policy1, … in the order they stand in the file.
    for index in 0..parsed.num_of_policies() {
        let Some(policy) = parsed.policy(&PolicyId::new(format!("policy{index}"))) else {
            return Err(refuse("its policies cannot be numbered"));
        };
        let name = match policy.annotation("id") {
            Some("") => return Err(refuse("an empty @id")),
            Some(id) => id.to_owned(),
            None => format!("{}#{index}", source.file),
        };
        rest = after_comments(rest);
        let offset = source.text.len() - rest.len();
        let line = line_and_column(&source.text, offset).map_or(1, |(line, _)| line);
        rest = policy.to_cedar().and_then(|text| rest.strip_prefix(&text)).unwrap_or_default();
        let policy = policy.new_id(PolicyId::new(&name));
        policies.push(Listed { name: name.into(), file: Arc::clone(&file), line, policy });
    }
    Ok(policies)
}

/// What follows the white space and the comments that `text` begins with.
fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("//") {
        rest = comment.split_once(['\n', '\r']).map_or("", |(_, after)| after).trim_start();
    }
    rest
}

fn validate(
    schema: &Schema,
    set: &PolicySet,
    listed: &[Listed],
) -> Result<Vec<Problem>, InvalidPolicies> {
    let outcome = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let files: HashMap<&PolicyId, &Listed> =
        listed.iter().map(|listed| (listed.policy.id(), listed)).collect();
    let found = |id: &PolicyId, problem: &dyn fmt::Display| {
        let problem = format!("`{id}`: {problem}");
        match files.get(id) {
            Some(listed) => Problem::new(format!("{}:{}", listed.file, listed.line), &problem),
            None => Problem::new("policies", &problem),
        }
    };
    let mut problems: Vec<_> =
        outcome.validation_errors().map(|error| found(error.policy_id(), error)).collect();
    // Cedar walks the policies in no particular order.
    problems.sort_by(|a, b| (&a.at, &a.problem).cmp(&(&b.at, &b.problem)));
    if !problems.is_empty() {
        return Err(InvalidPolicies { problems });
    }
    let warnings = outcome.validation_warnings();
    let mut warnings: Vec<_> =
        warnings.map(|warning| found(warning.policy_id(), warning)).collect();
    warnings.sort_by(|a, b| (&a.at, &a.problem).cmp(&(&b.at, &b.problem)));
    Ok(warnings)
}

/// The file, with line and column where the offset is known.
fn place(source: &Source, offset: Option<usize>) -> String {
    match offset.and_then(|offset| line_and_column(&source.text, offset)) {
        Some((line, column)) => format!("{}:{line}:{column}", source.file),
        None => source.file.clone(),
    }
}

/// Both counted from 1; `None` for an offset that is not in the text.
fn line_and_column(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next()?.chars().count() + 1;
    Some((line, column))
}
