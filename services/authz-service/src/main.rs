//! The `authz-service` command: signals, logging and the exit status around [`authz_service`].

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use authz_service::config::{Command, Config, LogFormat, Options};
use authz_service::decisions::{self, Which};
use authz_service::{admin, server};
use clap::Parser;
use mimalloc::MiMalloc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Gives memory back that is not used any more: what reading the entities took would stay with the
/// process otherwise, which of a hundred thousand subjects is more than what is known of them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Options::parse().completed() {
        Ok(options) => {
            log(options.log_format.unwrap_or_default(), options.decision_log.unwrap_or_default());
            if let Some(Command::AdminToken { lifetime }) = &options.command {
                return print(admin::issue_secret(options.database.as_deref(), *lifetime).await);
            }
            Config::new(options)
        }
        Err(error) => return failed(&error),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let stop = match stop_signal() {
        Ok(stop) => stop,
        Err(error) => return failed(&error),
    };
    match server::run(config, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Lines on stderr, from `info` upwards unless `RUST_LOG` says otherwise. Decisions are asked for by
/// an option of their own, and are there whatever it says.
fn log(format: LogFormat, decisions: Which) {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let directive = format!("{}=info", decisions::TARGET).parse::<Directive>();
    if let (true, Ok(directive)) = (decisions != Which::Off, directive) {
        filter = filter.add_directive(directive);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
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
