//! `cargo xtask demo`: the whole system on the contract's ports.
//!
//! Stdout belongs to `--exec`'s command when there is one; everything of ours goes to stderr then. It
//! must never leave a process behind, however it ends.

use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use claimgate_proc::{Launch, Output, exit_with_on_signal, park_if_stopping};
use xtask::stack::{self, Part, Ports, Stack};
use xtask::{say, tools, wasm, workspace};

const POLL: Duration = Duration::from_millis(100);
const FOLDER: &str = ".claimgate/demo";

/// The command's flags.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// A real Redis as the authorization service's cache, not its own memory.
    #[arg(long)]
    redis: bool,
    /// Who issues tokens.
    #[arg(long, value_enum, default_value_t)]
    idp: IdentityProvider,
    /// Starts what is built already, and builds nothing.
    #[arg(long)]
    built: bool,
    /// Runs `sh -c CMD` once everything is ready, stops everything, and exits with its status.
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum IdentityProvider {
    /// Our own, for development: ready at once.
    #[default]
    Dev,
    /// A real Keycloak: 177 MB once, and half a minute at each start.
    Keycloak,
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode> {
        // Before minutes of building: a taken port is the likeliest obstacle.
        drop(Ports::fixed()?);
        if !self.built {
            stack::build_parts()?;
            wasm::build(true)?;
        }
        let begun = Instant::now();
        let stack = self.start()?;
        say(format_args!("ready in {:.1} s; logs in {FOLDER}", begun.elapsed().as_secs_f64()));
        match self.exec {
            Some(command) => execute(&stack, &command),
            None => until_stopped(&stack),
        }
    }

    fn start(&self) -> Result<Stack> {
        let folder = workspace::root().join(FOLDER);
        let builder = Stack::builder().fixed_ports().folder(folder);
        let builder = if self.redis { builder.redis() } else { builder };
        match self.idp {
            IdentityProvider::Dev => builder.start(),
            IdentityProvider::Keycloak => builder.keycloak(tools::keycloak()?).start(),
        }
    }
}

fn until_stopped(stack: &Stack) -> Result<ExitCode> {
    exit_with_on_signal(0);
    println!("{}", invitation(stack));
    loop {
        if let Some(dead) = stack.dead() {
            park_if_stopping();
            bail!("{dead}");
        }
        park_if_stopping();
        thread::sleep(POLL);
    }
}

/// The lines to paste: nothing but curl and sed.
fn invitation(stack: &Stack) -> String {
    let gateway = format!("http://localhost:{}", stack.ports().of(Part::Envoy));
    format!(
        r#"
Claimgate is ready on {gateway}. Try, in another terminal:

TOKEN=$(curl -s {gateway}/auth/realms/api-gateway-poc/protocol/openid-connect/token -d grant_type=password -d client_id=test-client -d username=testuser-cm -d password=testpass | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
curl -i {gateway}/customers -H "authorization: Bearer $TOKEN"
curl -i {gateway}/auth/me -H "authorization: Bearer $TOKEN"

Ctrl-C stops everything."#
    )
}

/// A part that ends while the command runs may be what the command is about: said, not fatal.
fn execute(stack: &Stack, command: &str) -> Result<ExitCode> {
    let launch = Launch::new("the command", "sh", Output::Inherit).args(["-c", command]);
    // A group of its own could not read from the terminal.
    let interactive = std::io::stdin().is_terminal();
    let launch = if interactive { launch.share_group() } else { launch };
    let child = launch.start()?;
    let mut said = false;
    loop {
        if let Some(status) = child.exited() {
            return Ok(exit_code(status));
        }
        if let Some(dead) = stack.dead().filter(|_| !said) {
            park_if_stopping();
            said = true;
            say(dead);
        }
        thread::sleep(POLL);
    }
}

/// A command that a signal ended gives what a shell gives: 128 and the signal's number.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
