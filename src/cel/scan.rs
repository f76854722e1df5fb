//! What is looked at before the parser is: it descends into itself for brackets and conditionals, and
//! what it makes is dropped by descending, so both are bounded first, in one pass.
//!
//! Characters are counted wherever they stand, in texts too. That counts too many and never too few.

use super::InvalidExpression;

/// Longest expression, in bytes.
pub(super) const MAX_LENGTH: usize = 1024;

/// Deepest nesting of brackets.
pub(super) const MAX_BRACKETS: usize = 16;

/// Most conditionals.
pub(super) const MAX_CONDITIONALS: usize = 8;

/// Most characters that make an expression deeper without a bracket: `.`, `!` and what calculates.
pub(super) const MAX_OPERATORS: usize = 256;

pub(super) fn check(text: &str) -> Result<(), InvalidExpression> {
    if text.len() > MAX_LENGTH {
        return Err(InvalidExpression::TooLong);
    }
    let (mut open, mut conditionals, mut operators) = (0_usize, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'?' => conditionals += 1,
            b'.' | b'!' | b'-' | b'+' | b'*' | b'/' | b'%' => operators += 1,
            _ => {}
        }
        if open > MAX_BRACKETS || conditionals > MAX_CONDITIONALS || operators > MAX_OPERATORS {
            return Err(InvalidExpression::TooDeep);
        }
    }
    Ok(())
}
