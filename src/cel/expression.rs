//! One expression: read, checked and tried when it is made, then asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::CelBool;
use cel::context::VariableResolver;
use cel::parser::PrattParser;
use cel::{Context, Env, ParseErrors, Value};

use super::source::{Bound, Source};
use super::{Header, Inputs, InvalidExpression, Reads, check, scan, trial};
use crate::config::ClaimType;
use crate::policy::Truth;

/// The language's own functions and nothing beside them; what of them may be called is [`check`]'s.
static ENV: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// The parser counts brackets and conditionals together.
const MAX_PARSED: u16 = 32;

/// A condition in CEL.
pub struct Expression {
    text: Box<str>,
    /// What was written, with a place in `sources` instead of each input.
    parsed: IdedExpr,
    sources: Vec<Source>,
    reads: Reads,
}

impl Expression {
    /// Reads an expression. With `claims` it may look at no others, and is tried on samples of their
    /// types.
    pub fn compile(
        text: &str,
        claims: Option<&BTreeMap<String, ClaimType>>,
        header: Header<'_>,
    ) -> Result<Self, InvalidExpression> {
        scan::check(text)?;
        let parser = PrattParser::new().max_recursion_depth(MAX_PARSED);
        let mut parsed = parser.parse(text).map_err(|errors| syntax(&errors))?;
        let sources = check::check(&mut parsed, claims, header)?;
        trial::run(&parsed, &sources, claims)?;
        let reads = Reads {
            token: sources.iter().any(Source::is_of_token),
            roles: sources.contains(&Source::Roles),
            request: sources.iter().any(|source| !source.is_of_token()),
            params: sources.iter().filter_map(Source::param).map(Into::into).collect(),
        };
        Ok(Self { text: text.into(), parsed, sources, reads })
    }

    /// What its answer depends on.
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether it holds. Whatever fails, is missing or is no boolean is unknown.
    pub fn truth(&self, inputs: Inputs<'_>) -> Truth {
        let bound = Bound::new(&self.sources, inputs);
        let context = context(&bound);
        let value = Value::resolve_val(&self.parsed, &context);
        let told = value.as_ref().ok().and_then(|value| value.downcast_ref::<CelBool>());
        told.map_or(Truth::Unknown, |told| (*told.inner()).into())
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text)
    }
}

/// Where variables are those of `resolver`.
pub(super) fn context(resolver: &dyn VariableResolver) -> Context<'_, '_> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(resolver);
    context
}

/// The first thing the parser says, in one line.
fn syntax(errors: &ParseErrors) -> InvalidExpression {
    let Some(first) = errors.errors.first() else { return InvalidExpression::TooDeep };
    let said: String = first.msg.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let (line, column) = first.pos;
    InvalidExpression::Syntax(format!("line {line}, column {column}: {said}"))
}
