//! `cargo xtask test-admin-api`: a real authz-service, and schemathesis, which asks it everything that its
//! OpenAPI document allows and much that it does not. No answer may be a 5xx or other than the document says.
//!
//! What is left out, and why, is in `services/authz-service/tests/schemathesis.toml`. The seed is fixed,
//! so that what failed once fails again.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output, Port, Process, Ready, http_get};
use xtask::run::Scratch;
use xtask::{run, say, tools, workspace};

const SERVICE: &str = "authz-service";
const SETTINGS: &str = "services/authz-service/tests/schemathesis.toml";
/// Several times what it takes.
const LIMIT: Duration = Duration::from_secs(30 * 60);
const START: Duration = Duration::from_secs(20);
const SECRET: &str = "authz-admin_";

/// The service under test, with a database of its own.
struct Target {
    process: Process,
    /// Of the operators' port.
    port: Port,
    secret: String,
    _callers: Port,
    folder: Scratch,
}

/// Fails with the first run that finds something.
pub(crate) fn run() -> Result<ExitCode> {
    let begun = Instant::now();
    let schemathesis = tools::schemathesis()?;
    run::succeed(&run::cargo(&["build", "--package", SERVICE]), run::BUILD_LIMIT)?;
    let target = Target::start()?;
    let findings = target.tested_by(schemathesis.launch())?;
    let faults = target.faults()?;
    faults.iter().for_each(|line| println!("{line}"));
    ensure!(target.process.exited().is_none(), "{SERVICE} ended");
    let passed = findings.is_empty() && faults.is_empty();
    let outcome = if passed { "1 passed, 0 failed" } else { "0 passed, 1 failed" };
    println!("{outcome} in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Target {
    fn start() -> Result<Self> {
        let folder = Scratch::new("admin-api")?;
        let (port, callers) = (Port::free()?, Port::free()?);
        let settings = folder.path().join("authz.yaml");
        fs::write(&settings, configuration(folder.path(), &port, &callers))?;
        let binary = workspace::debug_binary(SERVICE)?;
        let log = Output::Log(folder.path().join("log"));
        let process = Launch::new(SERVICE, &binary, log).arg("--config").arg(&settings).start()?;
        let address = ([127, 0, 0, 1], port.number()).into();
        process.wait_ready(&Ready::Http(address, "/health/ready".into()), START)?;
        let settings = settings.display().to_string();
        let args = ["admin-token", "--lifetime", "2h", "--config", &settings];
        let said = run::capture(&binary, &args, START)?;
        let secret = said.lines().find(|line| line.starts_with(SECRET));
        let secret = secret.context("admin-token printed no secret")?.to_owned();
        Ok(Self { process, port, secret, _callers: callers, folder })
    }

    /// What schemathesis says when it is not content.
    fn tested_by(&self, schemathesis: Launch) -> Result<String> {
        let origin = format!("http://127.0.0.1:{}", self.port.number());
        say(format_args!("schemathesis against {origin}"));
        let launch = schemathesis
            .arg("--config-file")
            .arg(workspace::root().join(SETTINGS))
            .arg("run")
            .arg(format!("{origin}/admin/v1/openapi.json"))
            .args(["--url", &origin])
            .dir(self.folder.path())
            .env("ADMIN_SECRET", &self.secret);
        let child = launch.start()?;
        let status = child.wait(LIMIT).context("schemathesis takes too long")?;
        Ok(if status.success() { String::new() } else { status.to_string() })
    }

    /// What the service itself counted as its own fault.
    fn faults(&self) -> Result<Vec<String>> {
        let (status, metrics) = http_get(([127, 0, 0, 1], self.port.number()).into(), "/metrics")?;
        ensure!(status == 200, "/metrics answers {status}");
        let answered: Vec<_> =
            metrics.lines().filter(|line| line.starts_with("authz_requests_total{")).collect();
        ensure!(answered.len() > 20, "hardly anything was asked:\n{}", answered.join("\n"));
        let faults = answered.into_iter().filter(|line| line.contains("status=\"5"));
        Ok(faults.map(str::to_owned).collect())
    }
}

/// With an issuer, so that nobody is let in without a credential; nobody has a token of it.
fn configuration(folder: &Path, port: &Port, callers: &Port) -> String {
    let services = workspace::root().join("services");
    let local = |port: &Port| format!("127.0.0.1:{}", port.number());
    format!(
        "listen: {}\nadmin-listen: {}\ndatabase: 'sqlite:{}'\npolicies-from: store\npolicies: '{}'\n\
         entities: '{}'\nadmin:\n  issuer: http://127.0.0.1:9/realms/staff\n  audience: authz-admin\n",
        local(callers),
        local(port),
        folder.join("authz.db").display(),
        services.join("authz-service/demo").display(),
        services.join("demo-data/entities.json").display(),
    )
}
