//! Answers of a decision point: whether one is whole, and which decisions it holds.
//!
//! No more of HTTP and JSON than the decision points that are measured send.

use anyhow::{Context, Result, ensure};

const DECISION: &[u8] = b"\"decision\":";
const END_OF_CHUNKS: &[u8] = b"\r\n0\r\n\r\n";

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    status: u16,
    body: &'a [u8],
}

/// The answer that has arrived in `bytes`; `None` while some of it is missing.
pub fn read(bytes: &[u8]) -> Result<Option<Answer<'_>>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = bytes.split_at(end + 4);
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| line.get(9..12)).context("no status line")?;
    let status = std::str::from_utf8(status)?.parse()?;
    let mut length = None;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(std::str::from_utf8(&value[1..])?.trim().parse::<usize>()?);
        }
    }
    let whole = match length {
        Some(length) => {
            ensure!(body.len() <= length, "more than one answer to one question");
            body.len() == length
        }
        None => body.ends_with(END_OF_CHUNKS),
    };
    Ok(whole.then_some(Answer { status, body }))
}

impl Answer<'_> {
    /// Whether it is 200 and holds exactly these decisions.
    pub fn is(&self, expected: &[bool]) -> bool {
        let mut rest = self.body;
        for decision in expected {
            let Some(at) = find(rest, DECISION) else { return false };
            rest = rest[at + DECISION.len()..].trim_ascii_start();
            let text: &[u8] = if *decision { b"true" } else { b"false" };
            if !rest.starts_with(text) {
                return false;
            }
        }
        self.status == 200 && find(rest, DECISION).is_none()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{\"decision\": true}";

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        assert_eq!(read(&YES[..YES.len() - 1]).unwrap(), None);
        assert_eq!(read(&YES[..20]).unwrap(), None);
        let answer = read(YES).unwrap().unwrap();
        assert!(answer.is(&[true]));
        assert!(!answer.is(&[false]));
        assert!(!answer.is(&[]));
        assert!(!answer.is(&[true, true]));
    }

    #[test]
    fn the_end_of_the_chunks_is_the_end_of_an_answer_without_a_length() {
        let chunked = b"HTTP/1.1 200 OK\r\n\r\n13\r\n{\"decision\":false}\n\r\n0\r\n\r\n";
        assert!(read(chunked).unwrap().unwrap().is(&[false]));
        assert_eq!(read(&chunked[..chunked.len() - 2]).unwrap(), None);
    }

    #[test]
    fn a_refusal_is_no_decision() {
        let refusal = b"HTTP/1.1 503 Busy\r\ncontent-length: 18\r\n\r\n{\"decision\": true}";
        assert!(!read(refusal).unwrap().unwrap().is(&[true]));
    }
}
