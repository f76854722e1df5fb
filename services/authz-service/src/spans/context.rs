//! The caller's place in a trace: `traceparent` and `tracestate` (W3C Trace Context).
//!
//! Strict: what is not exactly of the form begins a trace of its own, as §3.2 and §4 ask. A
//! `tracestate` that cannot be read is left out and takes nothing else with it.

use std::str::FromStr;

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

/// Longest `tracestate` that is passed on, in bytes (§3.3.1.5 asks for at least this).
const MAX_STATE: usize = 512;
/// Length of version 00.
const LENGTH: usize = 55;

/// Where the caller is, if it says so.
pub(super) fn of(headers: &HeaderMap) -> Option<Context> {
    let mut parents = headers.get_all("traceparent").iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    let parent = parent_of(parent.to_str().ok()?, state(headers))?;
    Some(Context::new().with_remote_span_context(parent))
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may go on behind another `-`.
fn parent_of(text: &str, state: TraceState) -> Option<SpanContext> {
    let fixed = text.get(..LENGTH)?;
    let rest = text.get(LENGTH..)?;
    let mut parts = fixed.split('-');
    let [version, trace, span, flags] = [2, 32, 16, 2]
        .map(|length| parts.next().filter(|part| part.len() == length && is_hex(part)));
    let (version, flags) = (version?, u8::from_str_radix(flags?, 16).ok()?);
    let goes_on = version != "00" && rest.starts_with('-');
    if version == "ff" || !(rest.is_empty() || goes_on) {
        return None;
    }
    let trace = TraceId::from_hex(trace?).ok()?;
    let span = SpanId::from_hex(span?).ok()?;
    // Flags that are not known yet are not passed on (§3.2.2.5).
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, state);
    context.is_valid().then_some(context)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Several headers are one list (§3.3.1.1).
fn state(headers: &HeaderMap) -> TraceState {
    let values: Result<Vec<_>, _> =
        headers.get_all("tracestate").iter().map(|value| value.to_str()).collect();
    let Ok(values) = values else { return TraceState::default() };
    let list = values.join(",");
    if list.len() > MAX_STATE {
        return TraceState::default();
    }
    TraceState::from_str(&list).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(text: &str) -> Option<SpanContext> {
        parent_of(text, TraceState::default())
    }

    #[test]
    fn a_caller_s_place_is_read_as_it_is_written() {
        let found = read(GOOD).unwrap();
        assert_eq!(found.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(found.span_id().to_string(), "00f067aa0ba902b7");
        assert!(found.is_sampled() && found.is_remote());
        assert!(!read(&GOOD.replace("-01", "-00")).unwrap().is_sampled());
        let later = GOOD.replacen("00", "cc", 1) + "-what-comes";
        assert!(read(&later).is_some());
        assert_eq!(read(&GOOD.replace("-01", "-ff")).unwrap().trace_flags(), TraceFlags::SAMPLED);
    }

    #[test]
    fn anything_else_begins_a_trace_of_its_own() {
        for text in [
            "",
            "00",
            GOOD.strip_prefix('0').unwrap(),
            GOOD.strip_suffix('1').unwrap(),
            &format!("{GOOD}-"),
            &format!("{GOOD}-00"),
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000000"),
            &GOOD.replace("00f067aa0ba902b7", "0000000000000000"),
            &GOOD.replace('a', "g"),
            &GOOD.replace("-01", "-0+"),
            &GOOD.replace("4bf9", "ü9"),
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_state_is_passed_on_whole_or_not_at_all() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.append("traceparent", GOOD.parse().unwrap());
            for value in values {
                headers.append("tracestate", value.parse().unwrap());
            }
            headers
        };
        let found = |values: &[&str]| {
            let context = of(&headers(values)).unwrap();
            context.span().span_context().trace_state().header()
        };
        assert_eq!(found(&["a=1", "b=2"]), "a=1,b=2");
        assert_eq!(found(&["nonsense"]), "");
        assert_eq!(found(&[&format!("a={}", "x".repeat(600))]), "");
        let mut twice = headers(&[]);
        twice.append("traceparent", GOOD.parse().unwrap());
        assert!(of(&twice).is_none());
    }
}
