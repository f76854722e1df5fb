//! Ended spans on their way out: a bounded queue that never makes anybody wait. What does not fit is
//! dropped and counted.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::mpsc;

/// Spans that wait at most: about 2 MB.
pub(super) const MAX_WAITING: usize = 2_048;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    outcome: &'static str,
}

/// What became of spans.
#[derive(Clone, Debug, Default)]
pub struct Counts(Family<Outcome, Counter>);

impl Counts {
    pub(crate) fn family(&self) -> Family<Outcome, Counter> {
        self.0.clone()
    }

    /// The collector has them.
    pub(super) fn exported(&self, spans: u64) {
        self.count("exported", spans);
    }

    /// The collector did not take them.
    pub(super) fn failed(&self, spans: u64) {
        self.count("failed", spans);
    }

    fn dropped(&self) {
        self.count("dropped", 1);
    }

    fn count(&self, outcome: &'static str, spans: u64) {
        self.0.get_or_create(&Outcome { outcome }).inc_by(spans);
    }
}

/// The end of the queue that spans go into.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: mpsc::Sender<SpanData>,
    counts: Counts,
}

impl Queue {
    /// A queue, and the end that spans come out of.
    pub(super) fn new(counts: Counts) -> (Self, mpsc::Receiver<SpanData>) {
        let (waiting, out) = mpsc::channel(MAX_WAITING);
        (Self { waiting, counts }, out)
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.waiting.try_send(span).is_err() {
            self.counts.dropped();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
