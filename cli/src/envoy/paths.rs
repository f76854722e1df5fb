//! Which paths an Envoy route takes, as far as that can be told without Envoy.
//!
//! Exact for prefixes and whole paths. Of an expression and of a template only the literal beginning is
//! known: below it, everything counts as taken, because it can be.

use claimgate::config::Match;

use crate::document::Cursor;

/// What a route takes.
#[derive(Debug)]
pub(super) struct Paths<'d> {
    kind: Kind,
    text: &'d str,
    ignore_case: bool,
}

#[derive(Debug)]
enum Kind {
    Exact,
    Prefix,
    Separated,
}

impl<'d> Paths<'d> {
    /// Of a route's `match`; `None` for one that matches on no path.
    pub(super) fn of(matches: &Cursor<'d>) -> Option<Self> {
        let sensitive = matches.field("case_sensitive").and_then(|at| at.flag());
        let paths = |kind, text| Some(Self { kind, text, ignore_case: sensitive == Some(false) });
        if let Some(text) = matches.text_of("path") {
            return paths(Kind::Exact, text);
        }
        if let Some(text) = matches.text_of("path_separated_prefix") {
            return paths(Kind::Separated, text);
        }
        if let Some(text) = matches.text_of("prefix") {
            return paths(Kind::Prefix, text);
        }
        if let Some(text) = matches.text_of("safe_regex.regex") {
            return paths(Kind::Prefix, literal_beginning(text));
        }
        let template = matches.text_of("path_match_policy.typed_config.path_template")?;
        paths(Kind::Prefix, template.split(['{', '*']).next().unwrap_or_default())
    }

    /// Whether it takes this path, or can.
    pub(super) fn take(&self, path: &str) -> bool {
        let (path, text) = if self.ignore_case {
            (path.to_ascii_lowercase(), self.text.to_ascii_lowercase())
        } else {
            (path.to_owned(), self.text.to_owned())
        };
        match self.kind {
            Kind::Exact => path == text,
            Kind::Prefix => path.starts_with(&text),
            Kind::Separated => path
                .strip_prefix(&text)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// Paths worth trying: at the edges of what it takes.
    pub(super) fn samples(&self) -> Vec<String> {
        let mut samples = around(self.text);
        if self.ignore_case {
            samples.push(self.text.to_ascii_uppercase());
        }
        samples
    }
}

/// Paths at the edges of what a Claimgate route takes.
pub(super) fn samples_of(matches: &Match) -> Vec<String> {
    let text = matches.path.as_deref().or(matches.prefix.as_deref()).unwrap_or_default();
    around(&instance(text))
}

/// A path that a URI template takes.
fn instance(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((literal, variable)) = rest.split_once('{') {
        let (variable, left) = variable.split_once('}').unwrap_or((variable, ""));
        path.push_str(literal);
        path.push_str(variable.split_once('=').map_or("*", |(_, pattern)| pattern));
        rest = left;
    }
    path.push_str(rest);
    path.replace("**", "x/y").replace('*', "x")
}

fn around(path: &str) -> Vec<String> {
    let below = path.trim_end_matches('/');
    let above = below.rsplit_once('/').map_or("", |(above, _)| above);
    vec![
        path.to_owned(),
        format!("{path}x"),
        below.to_owned(),
        format!("{below}/x"),
        format!("{below}/x/y"),
        above.to_owned(),
        format!("{above}/x"),
    ]
}

/// What every text that an expression matches begins with.
fn literal_beginning(expression: &str) -> &str {
    let end = expression.find(|c: char| ".[](){}*+?^$|\\".contains(c)).unwrap_or(expression.len());
    let (literal, rest) = expression.split_at(end);
    if expression.contains('|') && !expression.contains('(') {
        return "";
    }
    // What is repeated may be left out.
    match literal.char_indices().next_back() {
        Some((last, _)) if rest.starts_with(['*', '?', '{']) => literal.split_at(last).0,
        _ => literal,
    }
}
