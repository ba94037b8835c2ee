//! `opsctl bundle`: everything that a colleague needs to help, in one archive, without secrets.

use std::path::PathBuf;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks::diagnosis::Diagnosis;
use crate::checks::drift::{is_reference, is_secret};
use crate::checks::redact::Redactor;
use crate::cli::{BundleArgs, Color};
use crate::clients::archive::Archive;
use crate::clients::compose::Compose;
use crate::clients::docker::{Container, Docker};
use crate::clients::worker_page::WorkerPage;
use crate::commands::doctor;
use crate::commands::worker::PAGE_PORT;
use crate::commands::{Answer, Session};
use crate::failure::{Failure, Result};
use crate::stack::Variant;
use crate::ui::{Outcome, Palette, report};

const WORKER_CONFIG: &str = "/etc/worker/worker.toml";

/// Names and contents, as they are gathered.
type Files = Vec<(String, String)>;

/// Gathers and writes it.
pub(super) async fn run(session: &Session, arguments: &BundleArgs) -> Result<Answer> {
    let now = Timestamp::now();
    let root = format!("{}-{}", session.stack.project, format!("{now:.0}").replace([':', '-'], ""));
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(format!("{root}.tar.gz")));
    let step = session.steps.begin("facts", "looking at everything");
    let facts = doctor::facts(session).await?;
    let diagnosis = Diagnosis::of(&facts);
    step.end(
        Outcome::Done,
        format!("{} findings", diagnosis.findings.iter().filter(|finding| finding.is_root()).count()),
    );

    let step = session.steps.begin("gather", "configurations, states, logs");
    let plain = Palette::for_stdout(Color::Never);
    let mut files: Files = vec![
        ("README.txt".to_owned(), README.to_owned()),
        ("doctor.txt".to_owned(), report::text(&facts.project, &diagnosis, true, plain)),
        (
            "doctor.json".to_owned(),
            pretty(&json!({"findings": diagnosis.findings, "not_looked_at": diagnosis.not_looked_at})),
        ),
        ("facts.json".to_owned(), pretty(&json!(facts))),
        ("versions.txt".to_owned(), versions(&facts)),
    ];
    let mut secrets = secrets_of_files(session);
    let mut missing = Vec::new();
    match session.docker().await {
        Ok(docker) => gather(session, arguments, &docker, &mut files, &mut secrets, &mut missing).await,
        Err(failure) => missing.push(failure.message),
    }
    if !missing.is_empty() {
        files.push(("missing.txt".to_owned(), missing.join("\n")));
    }
    let redactor = Redactor::of(secrets);
    let written = write(&path, &root, now, &files, &redactor).map_err(|error| {
        Failure::new(format!("{} cannot be written: {error}", path.display())).hint("--out names another file")
    })?;
    step.end(Outcome::Changed, format!("{} files, {} KiB", files.len(), written / 1024));
    let text = format!(
        "{}\n  secrets are hidden; look through it before you give it away: tar xzf {}",
        path.display(),
        path.display()
    );
    let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
    Ok(Answer::done(text).field("bundle", path.display().to_string()).field("files", names).field("missing", missing))
}

const README: &str = "What opsctl bundle gathered. Secrets are hidden.

doctor.txt, doctor.json   the doctor's report
facts.json                what it saw: opsctl doctor --facts facts.json judges it again
versions.txt              opsctl, Docker, Compose, Kafka Connect, Debezium, MySQL, images
compose.json              Compose's files, laid over each other
connectors/               configurations and states
containers/               what Docker knows of each container
logs/                     the last lines of each container
worker/                   accounting, metrics, checkpoints, effective configuration
missing.txt               what could not be had, and why
";

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn versions(facts: &crate::checks::facts::Facts) -> String {
    let mut lines = vec![
        format!("opsctl {}", env!("CARGO_PKG_VERSION")),
        format!("Docker Engine {}", facts.engine.version),
        format!(
            "Docker Compose {}",
            facts.engine.compose.as_ref().and_then(|version| version.as_ref().ok()).map_or("-", String::as_str)
        ),
    ];
    lines.extend(facts.connect.iter().map(|connect| format!("Kafka Connect {}", connect.version)));
    lines.extend(
        facts.connect.iter().flat_map(|connect| &connect.plugins).map(|(class, version)| format!("{class} {version}")),
    );
    lines.extend(facts.mysql.iter().map(|mysql| format!("MySQL {}", mysql.version)));
    lines.extend(facts.containers.iter().map(|container| format!("{} {}", container.service, container.image)));
    lines.join("\n")
}

/// Whatever stands in the secrets' files, whole and by its lines' values.
fn secrets_of_files(session: &Session) -> Vec<String> {
    let entries = std::fs::read_dir(&session.stack.secrets).into_iter().flatten().flatten();
    let is_secret_file = |path: &PathBuf| {
        path.extension().is_none_or(|extension| extension != "md")
            && path.file_name().is_none_or(|name| name != "generate")
    };
    let texts =
        entries.map(|entry| entry.path()).filter(is_secret_file).filter_map(|path| std::fs::read_to_string(path).ok());
    let mut secrets = Vec::new();
    for text in texts {
        for line in text.lines() {
            match line.split_once('=') {
                Some((name, value)) if is_secret(name) => secrets.push(value.to_owned()),
                Some(_) => {}
                None => secrets.push(line.to_owned()),
            }
        }
    }
    secrets
}

async fn gather(
    session: &Session,
    arguments: &BundleArgs,
    docker: &Docker,
    files: &mut Files,
    secrets: &mut Vec<String>,
    missing: &mut Vec<String>,
) {
    let mut or_missing = |name: &str, text: Result<String>| match text {
        Ok(text) => files.push((name.to_owned(), text)),
        Err(failure) => missing.push(format!("{name}: {}", failure.message)),
    };
    or_missing("compose.json", compose(session, docker).await);
    match docker.inspected().await {
        Ok(all) => {
            for container in all {
                let name = container.name.clone().unwrap_or_default().trim_start_matches('/').to_owned();
                or_missing(&format!("containers/{name}.json"), Ok(pretty(&json!(container))));
            }
        }
        Err(failure) => or_missing("containers/", Err(failure)),
    }
    let containers = docker.containers().await.unwrap_or_default();
    let logs = join_all(containers.iter().map(|container| docker.dated_lines(&container.id, arguments.lines))).await;
    for (container, lines) in containers.iter().zip(logs) {
        or_missing(&format!("logs/{}.log", container.name), Ok(lines.join("\n")));
    }
    for container in containers.iter().filter(|container| container.is_worker) {
        for (name, text) in worker(session, docker, container).await {
            or_missing(&format!("worker/{}-{name}", container.service), text);
        }
    }
    match connectors(session, docker).await {
        Ok(all) => {
            for (name, config, status) in all {
                // One that stands there as plain text is a secret everywhere else, too.
                secrets.extend(
                    config
                        .iter()
                        .filter(|(name, value)| is_secret(name) && !is_reference(value))
                        .map(|(_, value)| value.clone()),
                );
                or_missing(
                    &format!("connectors/{name}.json"),
                    Ok(pretty(&json!({"config": config, "status": status}))),
                );
            }
        }
        Err(failure) => or_missing("connectors/", Err(failure)),
    }
}

async fn compose(session: &Session, docker: &Docker) -> Result<String> {
    let kraft = docker.containers().await?.iter().any(|container| container.config_files.contains("kraft.yaml"));
    Compose::of(&session.stack, Variant { kraft, ..Variant::default() }).described().await
}

type Described = (String, crate::clients::connect::Settings, Option<crate::clients::connect::Status>);

async fn connectors(session: &Session, docker: &Docker) -> Result<Vec<Described>> {
    let connect = session.connect(docker).await?;
    let mut all = Vec::new();
    for name in connect.connectors().await? {
        let (settings, status) = (connect.settings(&name).await?, connect.status(&name).await?);
        all.push((name, settings.unwrap_or_default(), status));
    }
    Ok(all)
}

async fn worker(session: &Session, docker: &Docker, container: &Container) -> Vec<(&'static str, Result<String>)> {
    let page = container.published(PAGE_PORT).map(|port| WorkerPage::on(port, session.stack.worker_token_text()));
    let silent = || Failure::new("the worker does not answer");
    let mut files = Vec::new();
    if let Some(Ok(page)) = page {
        files.push(("accounting.json", page.accounting().await.map(|value| pretty(&value)).ok_or_else(silent)));
        files.push(("metrics.txt", page.metrics().await.ok_or_else(silent)));
    }
    let commands: [(&str, &[&str]); 2] = [("checkpoints.json", &["checkpoint", "list"]), ("config.json", &["config"])];
    for (name, command) in commands {
        let command = [&["worker"], command, &["--json", "--config", WORKER_CONFIG]].concat();
        let answered =
            if container.state == "running" { docker.ask_inside(&container.id, &command).await } else { Err(silent()) };
        files.push((name, answered.and_then(crate::clients::docker::Answered::well)));
    }
    files
}

fn write(
    path: &std::path::Path,
    root: &str,
    now: Timestamp,
    files: &Files,
    redactor: &Redactor,
) -> std::io::Result<u64> {
    let mut archive = Archive::create(path, root, now.as_second())?;
    for (name, text) in files {
        // JSON by its keys, everything by what is known to be secret.
        let shown = match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                redactor.json(&mut value);
                pretty(&value)
            }
            Err(_) => redactor.text(text),
        };
        archive.add(name, (shown + "\n").as_bytes())?;
    }
    archive.finish()
}
