//! A bound on how deep a text nests, before Cedar reads it.
//!
//! Cedar parses, validates and drops expressions by recursion and without a bound of its own, so a
//! text with enough brackets or a long enough chain of operators would end the process, not just
//! the load. This counts generously: much that it refuses is not deep, and a policy that a person
//! wrote comes nowhere near. What passes is read on a thread with room for it.

use std::str::CharIndices;
use std::thread;

/// Most brackets that are open at the same time.
const MAX_OPEN: usize = 64;
/// Most operators in one statement: each could have the one before it as an operand.
const MAX_OPERATORS: usize = 1_000;
/// An `if` nests like a bracket that is never closed.
const OPERATORS_PER_IF: usize = MAX_OPERATORS / MAX_OPEN;
/// Stack for reading what passes, in bytes; memory only as far as it is used.
const STACK: usize = 64 * 1024 * 1024;

/// A language with brackets and chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Policies,
    /// `Set<…>` nests, and nothing chains.
    Schema,
}

/// Where `text` becomes too deep: the offset, and what there is too much of.
pub(super) fn too_deep(text: &str, language: Language) -> Option<(usize, &'static str)> {
    let is_schema = language == Language::Schema;
    let mut characters = text.char_indices();
    let (mut open, mut operators) = (0_usize, 0_usize);
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => skip_string(&mut characters),
            '/' if characters.as_str().starts_with('/') => skip_line(&mut characters),
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '<' if is_schema => open += 1,
            '>' if is_schema => open = open.saturating_sub(1),
            ';' => operators = 0,
            '&' | '|' | '+' | '-' | '*' | '!' | '.' => operators += 1,
            'i' if characters.as_str().starts_with('f') => operators += OPERATORS_PER_IF,
            _ => {}
        }
        if open > MAX_OPEN {
            return Some((offset, "too many brackets in each other"));
        }
        if operators > MAX_OPERATORS && !is_schema {
            return Some((offset, "too many operators in one policy"));
        }
    }
    None
}

/// Runs `read` where the deepest text that passes has room. `None` when it did not come to an end.
pub(super) fn with_room<T: Send>(read: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("policies".into()).stack_size(STACK);
        let reading = thread.spawn_scoped(scope, read);
        reading.ok()?.join().ok()
    })
}

fn skip_string(characters: &mut CharIndices) {
    while let Some((_, character)) = characters.next() {
        match character {
            '"' => return,
            '\\' => drop(characters.next()),
            _ => {}
        }
    }
}

fn skip_line(characters: &mut CharIndices) {
    characters.find(|(_, character)| *character == '\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_operators_are_counted_outside_strings_and_comments() {
        let policies = |text: &str| too_deep(text, Language::Policies).map(|(_, what)| what);
        assert_eq!(policies(&"(".repeat(64)), None);
        assert!(policies(&"([{".repeat(22)).unwrap().contains("brackets"));
        assert_eq!(policies(&"() ".repeat(10_000)), None);
        assert_eq!(policies(&format!("\"{}\\\"{}\"", "(".repeat(99), "(".repeat(99))), None);
        assert_eq!(policies(&format!("// {}\n(", "(".repeat(99))), None);
        assert!(policies(&"a && ".repeat(501)).unwrap().contains("operators"));
        assert!(policies(&"if a then b else ".repeat(70)).unwrap().contains("operators"));
        assert_eq!(policies(&"a.b || c.d;\n".repeat(10_000)), None);
        assert_eq!(policies(&"a < 1;".repeat(100)), None);
        assert!(too_deep(&"Set<".repeat(65), Language::Schema).is_some());
        assert_eq!(too_deep(&"a: Set<Long>, ".repeat(9_000), Language::Schema), None);
    }
}
