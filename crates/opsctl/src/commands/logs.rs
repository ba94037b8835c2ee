//! `opsctl logs`, `opsctl worker logs`: what containers wrote, on the stream that they wrote it to.

use std::io::{Write as _, stderr, stdout};

use futures_util::StreamExt as _;
use futures_util::stream::select_all;

use crate::cli::{LogFlags, LogsArgs};
use crate::clients::docker::{Container, LogLine};
use crate::commands::{Answer, Session};
use crate::failure::{Failure, Result};

/// `opsctl logs`
pub(super) async fn run(session: &Session, arguments: &LogsArgs) -> Result<Answer> {
    show(session, &arguments.services, arguments.logs, true).await
}

/// Shows these services' output, all if none is named; with several each line begins with its service.
pub(super) async fn show(session: &Session, services: &[String], flags: LogFlags, named: bool) -> Result<Answer> {
    let docker = session.docker().await?;
    let containers = docker.containers().await?;
    let wanted = chosen(session, &containers, services)?;
    let width = wanted.iter().map(|container| container.service.len()).max().unwrap_or(0);
    let outputs = wanted.iter().map(|container| {
        let output = docker.output(&container.id, flags.follow, flags.tail, flags.timestamps);
        let service = container.service.clone();
        output.map(move |line| (service.clone(), line))
    });
    let prefix = named && wanted.len() > 1;
    if session.common.json {
        return collected(outputs).await;
    }
    // Without `--follow` one container after the other, else as lines come.
    let mut lines = if flags.follow {
        select_all(outputs).left_stream()
    } else {
        futures_util::stream::iter(outputs).flatten().right_stream()
    };
    while let Some((service, line)) = lines.next().await {
        let line = line?;
        let start = if prefix { session.palette.dim(&format!("{service:<width$} │ ")) } else { String::new() };
        if !write(&start, &line) {
            // Whoever read has gone, as `head` does.
            break;
        }
    }
    Ok(Answer::done(""))
}

/// For programs: every line with its service and stream. Without end there is no object, so `--follow` is not followed.
async fn collected<S>(outputs: impl Iterator<Item = S>) -> Result<Answer>
where
    S: futures_util::Stream<Item = (String, Result<LogLine>)> + Unpin,
{
    let mut all = Vec::new();
    let mut lines = futures_util::stream::iter(outputs).flatten();
    while let Some((service, line)) = lines.next().await {
        let line = line?;
        let stream = if line.is_error { "stderr" } else { "stdout" };
        let text = String::from_utf8_lossy(&line.bytes);
        all.push(
            serde_json::json!({"service": service, "stream": stream, "line": text.trim_end_matches(['\r', '\n'])}),
        );
    }
    Ok(Answer::done("").field("lines", all))
}

fn chosen<'a>(session: &Session, containers: &'a [Container], services: &[String]) -> Result<Vec<&'a Container>> {
    if containers.is_empty() {
        return Err(Failure::could_not_run(format!("the stack {} has no containers", session.stack.project))
            .hint("opsctl up; another stack: -p NAME"));
    }
    if services.is_empty() {
        return Ok(containers.iter().collect());
    }
    services.iter().map(|service| find(containers, service)).collect()
}

fn find<'a>(containers: &'a [Container], service: &str) -> Result<&'a Container> {
    containers.iter().find(|container| container.service == service).ok_or_else(|| {
        let there: Vec<&str> = containers.iter().map(|container| container.service.as_str()).collect();
        Failure::could_not_run(format!("there is no container of {service}"))
            .hint(format!("there are {}", there.join(", ")))
    })
}

/// Whether it could be written.
fn write(start: &str, line: &LogLine) -> bool {
    let whole = [start.as_bytes(), &line.bytes].concat();
    let written = if line.is_error {
        stderr().write_all(&whole)
    } else {
        let mut out = stdout().lock();
        out.write_all(&whole).and_then(|()| out.flush())
    };
    written.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_not_there_is_told_with_those_that_are() {
        let containers =
            ["kafka-1", "mysql"].map(|service| Container { service: service.into(), ..Container::default() });
        assert_eq!(find(&containers, "mysql").expect("there").service, "mysql");
        let refused = find(&containers, "mysq").expect_err("not there");
        assert!(refused.to_string().contains("mysq") && refused.to_string().contains("kafka-1, mysql"), "{refused}");
    }
}
