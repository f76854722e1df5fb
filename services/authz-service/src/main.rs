//! The `authz-service` command: signals, logging and the exit status around [`authz_service`].

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use authz_service::config::{Command, Config, LogFormat, Options};
use authz_service::decisions::{self, Which};
use authz_service::{admin, server, spans};
use claimgate_fetch::{Fetcher, HttpUrl};
use clap::Parser;
use mimalloc::MiMalloc;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Subscriber;
use tracing_subscriber::filter::{Directive, EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Gives memory back that is not used any more: what reading the entities took would stay with the
/// process otherwise, which of a hundred thousand subjects is more than what is known of them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse().completed() {
        Ok(options) => options,
        Err(error) => return failed(&error),
    };
    match &options.command {
        Some(Command::AdminToken { lifetime }) => {
            log(&options, None);
            return print(admin::issue_secret(options.database.as_deref(), *lifetime).await);
        }
        Some(Command::CheckHealth { url }) => return check_health(url).await,
        None => {}
    }
    let (traces, exporter) = match options.traces() {
        Ok(traces) => traces.unzip(),
        Err(error) => return failed(&error),
    };
    log(&options, traces.as_ref());
    let config = match Config::new(options) {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let stop = match stop_signal() {
        Ok(stop) => stop,
        Err(error) => return failed(&error),
    };
    match server::run(config, exporter, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn check_health(url: &HttpUrl) -> ExitCode {
    let fetcher = match Fetcher::new() {
        Ok(fetcher) => fetcher,
        Err(error) => return failed(&error),
    };
    match fetcher.get(url).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Lines on stderr, from `info` upwards unless `RUST_LOG` says otherwise. Decisions are asked for by
/// an option of their own, and are there whatever it says; spans are for traces only.
fn log(options: &Options, traces: Option<&SdkTracerProvider>) {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let decisions = match options.decision_log.unwrap_or_default() {
        Which::Off => None,
        Which::Denied | Which::All => Some(format!("{}=info", decisions::TARGET)),
    };
    for directive in [decisions, Some(format!("{}=off", spans::TARGET))].into_iter().flatten() {
        if let Ok(directive) = directive.parse::<Directive>() {
            filter = filter.add_directive(directive);
        }
    }
    let format = options.log_format.unwrap_or_default();
    let registry = tracing_subscriber::registry();
    match traces {
        // One filter for everything: what it leaves out costs nothing.
        None => registry.with(filter).with(lines(format)).init(),
        Some(traces) => {
            let only = Targets::new().with_target(spans::TARGET, LevelFilter::INFO);
            let spans = spans::layer(traces).with_filter(only);
            registry.with(lines(format).with_filter(filter)).with(spans).init();
        }
    }
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// The one line that a script wants.
fn print(secret: Result<String, admin::IssueError>) -> ExitCode {
    let written = secret.map(|secret| writeln!(io::stdout(), "{secret}"));
    match written {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("authz-service: {error}");
    ExitCode::FAILURE
}

/// Ready at the first SIGTERM or SIGINT. Both are caught from here on, not from the first poll.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
