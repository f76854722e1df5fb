//! A trial at load, instead of static types: every part of an expression is evaluated on samples of what
//! it looks at. Parts are tried on their own, so that none hides behind an `&&` that is false before it.
//!
//! It finds what would fail for its types. It says nothing about claims whose types are not declared, and
//! a sample is not every value.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelString, Kind};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, ExecutionError, Value};

use super::InvalidExpression;
use super::expression::context;
use super::source::{Source, of_slot};
use crate::config::ClaimType;

/// How often each part is tried, on other samples.
const ROUNDS: usize = 2;

type Result = std::result::Result<(), InvalidExpression>;

pub(super) fn run(
    parsed: &IdedExpr,
    sources: &[Source],
    claims: Option<&BTreeMap<String, ClaimType>>,
) -> Result {
    for round in 0..ROUNDS {
        let samples = Samples { sources, claims, round };
        let context = context(&samples);
        each_part(parsed, &context)?;
        if let Ok(value) = Value::resolve_val(parsed, &context)
            && value.downcast_ref::<CelBool>().is_none()
        {
            let kind = value.get_type().name().to_owned();
            return Err(InvalidExpression::NoCondition(kind));
        }
    }
    Ok(())
}

fn each_part(part: &IdedExpr, context: &Context<'_, '_>) -> Result {
    match &part.expr {
        Expr::Call(call) => {
            call.target.iter().try_for_each(|target| each_part(target, context))?;
            call.args.iter().try_for_each(|part| each_part(part, context))?;
            one_part(part, call, context)
        }
        Expr::List(list) => list.elements.iter().try_for_each(|part| each_part(part, context)),
        Expr::Select(select) => each_part(&select.operand, context),
        _ => Ok(()),
    }
}

fn one_part(part: &IdedExpr, call: &CallExpr, context: &Context<'_, '_>) -> Result {
    let compares = [operators::EQUALS, operators::NOT_EQUALS].contains(&&*call.func_name);
    if let ([left, right], true) = (&*call.args, compares)
        && let (Ok(left), Ok(right)) =
            (Value::resolve_val(left, context), Value::resolve_val(right, context))
        && !comparable(left.get_type().kind(), right.get_type().kind())
    {
        let (left, right) = (left.get_type().name(), right.get_type().name());
        let why = format!("{left} never equals {right}");
        return Err(InvalidExpression::Fails(why));
    }
    match Value::resolve_val(part, context) {
        Err(error) if is_about_types(&error) => Err(InvalidExpression::Fails(error.to_string())),
        _ => Ok(()),
    }
}

fn comparable(left: Kind, right: Kind) -> bool {
    let number = |kind| matches!(kind, Kind::Int | Kind::UInt | Kind::Double);
    let null = |kind| kind == Kind::NullType;
    left == right || (number(left) && number(right)) || null(left) || null(right)
}

/// Whether other values of the same types would fail too. What is missing or out of range may be there,
/// or in range, in a request.
const fn is_about_types(error: &ExecutionError) -> bool {
    !matches!(
        error,
        ExecutionError::UndeclaredReference(_)
            | ExecutionError::NoSuchKey(_)
            | ExecutionError::FunctionError { .. }
            | ExecutionError::DivisionByZero(_)
            | ExecutionError::RemainderByZero(_)
            | ExecutionError::Overflow(..)
            | ExecutionError::IndexOutOfBounds(_)
    )
}

/// Samples of all inputs, for one round.
#[derive(Debug)]
struct Samples<'a> {
    sources: &'a [Source],
    claims: Option<&'a BTreeMap<String, ClaimType>>,
    round: usize,
}

impl VariableResolver for Samples<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let first = self.round == 0;
        let kind = match of_slot(variable, self.sources)? {
            Source::HasClaim(_) | Source::HasHeader(_) => ClaimType::Bool,
            Source::Scopes | Source::Roles => ClaimType::List,
            Source::Claim(names) => *self.claims?.get(&names.join("."))?,
            Source::Subject | Source::Issuer | Source::Provider | Source::Method => {
                ClaimType::String
            }
            Source::Path | Source::Host | Source::Header(_) | Source::Param(_) => ClaimType::String,
        };
        Some(CowVal::Owned(sample(kind, first)))
    }
}

/// JSON knows no difference between a whole number and another, so a `double` may be an `int`.
fn sample<'v>(kind: ClaimType, first: bool) -> Box<dyn Val + 'v> {
    let text = || CelString::from(if first { "sample" } else { "" });
    match (kind, first) {
        (ClaimType::Bool, _) => Box::new(CelBool::from(first)),
        (ClaimType::Int, _) => Box::new(CelInt::from(if first { 7 } else { -1 })),
        (ClaimType::Double, true) => Box::new(CelDouble::from(0.5)),
        (ClaimType::Double, false) => Box::new(CelInt::from(3)),
        (ClaimType::String, _) => Box::new(text()),
        (ClaimType::List, true) => {
            let one: Box<dyn Val> = Box::new(text());
            Box::new(CelList::from(vec![one]))
        }
        (ClaimType::List, false) => Box::new(CelList::from(Vec::new())),
    }
}
