//! From the queue to the collector: in batches, one at a time, each for a bounded time. A batch that was
//! not taken is gone: what comes next is worth more than trying again.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::NAME;
use super::post::Post;
use super::queue::{Counts, Queue};
use crate::trust::{HttpUrl, InvalidUrl, connector};

/// Where below the collector's address traces go (OTLP/HTTP).
const PATH: &str = "/v1/traces";
/// Most spans sent at once.
const MAX_BATCH: usize = 512;
/// How long a batch waits for more.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take for one.
const LIMIT: Duration = Duration::from_secs(5);
/// How long what is left may take at the end.
const LAST: Duration = Duration::from_millis(500);

/// A collector that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOtlp {
    /// Its address is none.
    #[error("--otlp-endpoint {0}")]
    Endpoint(#[from] InvalidUrl),
    /// The share of traces makes no sense.
    #[error("--otlp-ratio: must be from 0 to 1")]
    Ratio,
    /// The client cannot be made.
    #[error("--otlp-endpoint: {0}")]
    Client(String),
}

/// Sends spans to the collector.
pub struct Exporter {
    queue: mpsc::Receiver<SpanData>,
    batch: Vec<SpanData>,
    to: opentelemetry_otlp::SpanExporter,
    counts: Counts,
    /// Spans that are being sent.
    under_way: u64,
    /// Whether the last batch was taken; said once when it changes.
    is_taken: bool,
}

/// Spans for the collector at `endpoint`: of the traces that callers record, and of `ratio` (0 to 1) of
/// those that begin here.
pub fn open(endpoint: &str, ratio: f64) -> Result<(SdkTracerProvider, Exporter), InvalidOtlp> {
    if !(0.0..=1.0).contains(&ratio) {
        return Err(InvalidOtlp::Ratio);
    }
    let client = |error: &dyn std::error::Error| InvalidOtlp::Client(error.to_string());
    let endpoint = HttpUrl::parse(endpoint)?.below(PATH)?;
    let post = Post::new(connector().map_err(|error| client(&error))?);
    let resource = resource();
    let mut to = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.to_string())
        .with_timeout(LIMIT)
        .with_http_client(post)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| client(&error))?;
    to.set_resource(&resource);
    let counts = Counts::default();
    let (queue, out) = Queue::new(counts.clone());
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource)
        .with_span_processor(queue)
        .build();
    Ok((provider, Exporter::new(out, to, counts)))
}

/// `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say more.
fn resource() -> Resource {
    let builder = Resource::builder();
    let builder = match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => builder,
        None => builder.with_service_name(NAME),
    };
    builder.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

impl Exporter {
    fn new(
        queue: mpsc::Receiver<SpanData>,
        to: opentelemetry_otlp::SpanExporter,
        counts: Counts,
    ) -> Self {
        Self { queue, batch: Vec::new(), to, counts, under_way: 0, is_taken: true }
    }

    /// What becomes of spans.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends spans until `stop` turns true, then what is left, for half a second at most.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.send_batches() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.counts.failed(std::mem::take(&mut self.under_way));
        let _ = timeout(LAST, self.send_rest()).await;
        self.counts.failed(self.under_way);
    }

    async fn send_batches(&mut self) {
        // Nothing comes any more once the provider is gone.
        while self.queue.recv_many(&mut self.batch, MAX_BATCH).await > 0 {
            let _ = timeout(DELAY, self.fill()).await;
            self.send().await;
        }
    }

    /// Ready when the batch is full.
    async fn fill(&mut self) {
        while let room @ 1.. = MAX_BATCH.saturating_sub(self.batch.len()) {
            if self.queue.recv_many(&mut self.batch, room).await == 0 {
                return;
            }
        }
    }

    async fn send_rest(&mut self) {
        self.queue.close();
        loop {
            self.fill().await;
            if self.batch.is_empty() {
                return;
            }
            self.send().await;
        }
    }

    async fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.under_way = batch.len() as u64;
        let taken = matches!(timeout(LIMIT, self.to.export(batch)).await, Ok(Ok(())));
        let spans = std::mem::take(&mut self.under_way);
        if taken {
            self.counts.exported(spans);
        } else {
            self.counts.failed(spans);
        }
        match (self.is_taken, taken) {
            (true, false) => tracing::warn!("the collector takes no traces"),
            (false, true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        self.is_taken = taken;
    }
}
