//! Our own look at what was parsed: whatever is not known by name, or not named here, is refused. Each
//! input is replaced by its place among those that the expression reads, so that the interpreter never
//! sees more than that.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::source::{Source, slot};
use super::{Header, InvalidExpression};
use crate::config::ClaimType;
use crate::request::Wanted;

/// Deepest nesting of what was parsed.
const MAX_DEPTH: usize = 32;

/// Most steps: one for each part of an expression, and one for each value that a part is given.
const MAX_COST: usize = 1000;

const VARIABLES: &str = "`claims`, `issuer`, `params`, `provider`, `request.headers`, \
     `request.host`, `request.method`, `request.path`, `roles`, `scopes`, `subject`";

const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];

/// Those whose value may be as large as what they are given.
const HANDING_ON: [&str; 3] = [operators::ADD, operators::CONDITIONAL, operators::INDEX];

/// How functions are called: their name, whether they may follow a dot, whether they may stand alone, and
/// how that looks. Each takes one value beside the one before the dot, but for `size`.
const FUNCTIONS: [(&str, Form, &str); 8] = [
    ("bool", Form::Alone, "bool(value)"),
    ("contains", Form::Member, "text.contains(part)"),
    ("double", Form::Alone, "double(value)"),
    ("endsWith", Form::Member, "text.endsWith(end)"),
    ("int", Form::Alone, "int(value)"),
    ("size", Form::Either, "size(value)"),
    ("startsWith", Form::Member, "text.startsWith(start)"),
    ("string", Form::Alone, "string(value)"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Alone,
    Member,
    Either,
}

type Result<T> = std::result::Result<T, InvalidExpression>;

/// Checks `parsed` and puts places instead of its inputs; the inputs.
pub(super) fn check(
    parsed: &mut IdedExpr,
    claims: Option<&BTreeMap<String, ClaimType>>,
    header: Header<'_>,
) -> Result<Vec<Source>> {
    let mut check = Check { claims, header, sources: Vec::new(), cost: 0 };
    check.visit(parsed, 1)?;
    Ok(check.sources)
}

struct Check<'c, 'h> {
    claims: Option<&'c BTreeMap<String, ClaimType>>,
    header: Header<'h>,
    sources: Vec<Source>,
    cost: usize,
}

impl Check<'_, '_> {
    /// Checks a part; how many values its own may be made of.
    fn visit(&mut self, part: &mut IdedExpr, depth: usize) -> Result<usize> {
        if depth > MAX_DEPTH {
            return Err(InvalidExpression::TooDeep);
        }
        if let Some(source) = self.input(&part.expr)? {
            part.expr = Expr::Ident(slot(self.place(source)));
            return self.spend(1, 1);
        }
        match &mut part.expr {
            Expr::Literal(LiteralValue::Bytes(_)) => Err(InvalidExpression::Refused("bytes")),
            Expr::Literal(_) => self.spend(1, 1),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let values = self.visit_all(list.elements.iter_mut(), depth)?;
                self.spend(values, values)
            }
            Expr::Select(select) if !select.test => {
                let values = self.visit(&mut select.operand, depth + 1)?;
                self.spend(1, values)
            }
            Expr::Call(call) => {
                check_call(call)?;
                let parts = call.target.iter_mut().map(|target| &mut **target);
                let values = self.visit_all(parts.chain(&mut call.args), depth)?;
                let hands_on = HANDING_ON.contains(&&*call.func_name);
                self.spend(values + 1, if hands_on { values } else { 1 })
            }
            other => Err(InvalidExpression::Refused(what_is(other))),
        }
    }

    fn visit_all<'e>(
        &mut self,
        parts: impl Iterator<Item = &'e mut IdedExpr>,
        depth: usize,
    ) -> Result<usize> {
        parts.map(|part| self.visit(part, depth + 1)).sum()
    }

    fn spend(&mut self, steps: usize, values: usize) -> Result<usize> {
        self.cost += steps;
        if self.cost > MAX_COST { Err(InvalidExpression::TooCostly) } else { Ok(values) }
    }

    fn place(&mut self, source: Source) -> usize {
        let known = self.sources.iter().position(|one| *one == source);
        known.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        })
    }

    /// The input that a part is: a variable, with all the constant names that follow it, or the
    /// question whether there is one.
    fn input(&mut self, part: &Expr) -> Result<Option<Source>> {
        match part {
            Expr::Select(select) if select.test => {
                let Some((root, mut names)) = named(&select.operand.expr) else { return Ok(None) };
                names.push(&select.field);
                self.presence(root, &names).map(Some)
            }
            Expr::Call(CallExpr { func_name, args, .. }) if func_name == operators::IN => {
                let [name, of] = &**args else { return Ok(None) };
                match (text(&name.expr), named(&of.expr)) {
                    (Some(name), Some(("claims", names))) if names.is_empty() => {
                        self.presence("claims", &[name]).map(Some)
                    }
                    (Some(name), Some(("request", names))) if names == ["headers"] => {
                        self.presence("request", &["headers", name]).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            _ => named(part).map(|(root, names)| self.variable(root, &names)).transpose(),
        }
    }

    fn presence(&mut self, root: &str, names: &[&str]) -> Result<Source> {
        match (root, names) {
            ("claims", [_, ..]) => Ok(Source::HasClaim(self.claim(names)?)),
            ("request", ["headers", name]) => self.header(name).map(Source::HasHeader),
            _ => Err(InvalidExpression::Usage("has(claims.name)` or `has(request.headers.name)")),
        }
    }

    fn variable(&mut self, root: &str, names: &[&str]) -> Result<Source> {
        Ok(match (root, names) {
            ("subject", []) => Source::Subject,
            ("issuer", []) => Source::Issuer,
            ("provider", []) => Source::Provider,
            ("scopes", []) => Source::Scopes,
            ("roles", []) => Source::Roles,
            ("request", ["method"]) => Source::Method,
            ("request", ["path"]) => Source::Path,
            ("request", ["host"]) => Source::Host,
            ("request", ["headers", name]) => Source::Header(self.header(name)?),
            ("params", [name]) => Source::Param((*name).into()),
            ("claims", [_, ..]) => Source::Claim(self.claim(names)?),
            _ => return Err(unknown("variable", [&[root], names].concat().join("."), VARIABLES)),
        })
    }

    fn claim(&self, names: &[&str]) -> Result<Vec<Box<str>>> {
        let path = names.join(".");
        if let Some(claims) = self.claims.filter(|claims| !claims.contains_key(&path)) {
            let known: Vec<_> = claims.keys().map(String::as_str).collect();
            return Err(unknown("claim", path, &quoted(&known)));
        }
        Ok(names.iter().map(|name| (*name).into()).collect())
    }

    fn header(&mut self, name: &str) -> Result<Wanted> {
        (self.header)(name).map_err(InvalidExpression::Header)
    }
}

/// A variable and the constant names that follow it: `a.b["c"]`.
fn named(part: &Expr) -> Option<(&str, Vec<&str>)> {
    match part {
        Expr::Ident(root) => Some((root, Vec::new())),
        Expr::Select(select) if !select.test => {
            let (root, mut names) = named(&select.operand.expr)?;
            names.push(&select.field);
            Some((root, names))
        }
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == operators::INDEX => {
            let [of, name] = &**args else { return None };
            let name = text(&name.expr)?;
            let (root, mut names) = named(&of.expr)?;
            names.push(name);
            Some((root, names))
        }
        _ => None,
    }
}

fn text(part: &Expr) -> Option<&str> {
    match part {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn check_call(call: &CallExpr) -> Result<()> {
    let name = call.func_name.as_str();
    if call.target.is_none() && OPERATORS.contains(&name) {
        return Ok(());
    }
    let Some((_, form, usage)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
        let known: Vec<_> = FUNCTIONS.iter().map(|(_, _, usage)| *usage).collect();
        return Err(unknown("function", name.to_owned(), &quoted(&known)));
    };
    let fits = match (&call.target, *form) {
        (None, Form::Alone | Form::Either) | (Some(_), Form::Member) => call.args.len() == 1,
        (Some(_), Form::Either) => call.args.is_empty(),
        (None, Form::Member) | (Some(_), Form::Alone) => false,
    };
    if fits { Ok(()) } else { Err(InvalidExpression::Usage(usage)) }
}

const fn what_is(part: &Expr) -> &'static str {
    match part {
        Expr::Comprehension(_) => "what looks at all members (`all`, `exists`, `map`, `filter` …)",
        Expr::Map(_) | Expr::Struct(_) => "a map or a message",
        Expr::Select(_) => "`has` of anything but claims and headers",
        Expr::List(_) => "an optional member",
        Expr::Unspecified | Expr::Call(_) | Expr::Ident(_) | Expr::Literal(_) => "an empty part",
    }
}

fn unknown(what: &'static str, name: String, known: &str) -> InvalidExpression {
    InvalidExpression::Unknown { what, name, known: known.to_owned() }
}

fn quoted(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("`{}`", names.join("`, `")) }
}
