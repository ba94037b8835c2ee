//! `opsctl doctor`: looks at everything, judges, reports; with `--fix` repairs what can be repaired without losing data.

mod apply;
mod collect;
mod edit;
mod repair;

use std::path::Path;

use jiff::Timestamp;

use crate::checks::concerns;
use crate::checks::diagnosis::{Diagnosis, is_named};
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Level};
use crate::cli::DoctorArgs;
use crate::commands::{Answer, Session};
use crate::failure::{Exit, Failure, Result};
use crate::ui::report;

pub(in crate::commands) use collect::facts;

/// What `--json` prints, as a JSON schema.
const SCHEMA: &str = include_str!("doctor/schema.json");

/// Examines the stack.
pub(super) async fn run(session: &Session, arguments: &DoctorArgs) -> Result<Answer> {
    if arguments.schema {
        return Ok(Answer::done(SCHEMA.trim_end()));
    }
    if let Some(name) = &arguments.explain {
        return explain(session, name);
    }
    known_names(&arguments.only)?;
    known_names(&arguments.skip)?;
    if arguments.fix {
        return repair::run(session, arguments).await;
    }
    let facts = match &arguments.facts {
        Some(path) => recorded(path)?,
        None => collect::facts(session).await?,
    };
    if let Some(path) = &arguments.record {
        record(path, &facts)?;
    }
    let diagnosis = Diagnosis::of(&facts).only(&arguments.only, &arguments.skip);
    let text = report::text(&facts.project, &diagnosis, arguments.verbose, session.palette);
    Ok(answer(&diagnosis, text))
}

/// The diagnosis as an answer, for people and programs.
fn answer(diagnosis: &Diagnosis, text: String) -> Answer {
    let counts = report::counts(diagnosis);
    Answer { exit: diagnosis.exit(), ..Answer::done(text) }
        .field("schema", 1)
        .field("at", format!("{:.0}", Timestamp::now()))
        .field("summary", counts)
        .field("findings", &diagnosis.findings)
        .field("not_looked_at", &diagnosis.not_looked_at)
        .field("skipped", &diagnosis.skipped)
}

/// The page on one check.
fn explain(session: &Session, name: &str) -> Result<Answer> {
    let about = concerns::all().map(|check| check.about).find(|about| is_named(name, about.id, ""));
    let about: &About = about.ok_or_else(|| unknown(name))?;
    let fields = [
        ("id", about.id),
        ("group", about.group.name()),
        ("title", about.title),
        ("symptom", about.symptom),
        ("cause", about.cause),
        ("remedy", about.remedy),
        ("why", about.why),
        ("source", about.source),
    ];
    let answer = Answer::done(report::page(about, session.palette));
    Ok(fields.into_iter().fold(answer, |answer, (name, value)| answer.field(name, value)))
}

/// A mistyped name would silently look at nothing.
fn known_names(names: &[String]) -> Result<()> {
    let is_known =
        |name: &String| concerns::all().any(|check| is_named(name, check.about.id, check.about.group.name()));
    match names.iter().find(|name| !is_known(name)) {
        Some(name) => Err(unknown(name)),
        None => Ok(()),
    }
}

fn unknown(name: &str) -> Failure {
    let ids: Vec<&str> = concerns::all().map(|check| check.about.id).collect();
    let mut groups: Vec<&str> = concerns::all().map(|check| check.about.group.name()).collect();
    groups.dedup();
    groups.sort_unstable();
    groups.dedup();
    Failure::could_not_run(format!("{name:?} is no check")).hint(format!(
        "groups: {}; checks: {}",
        groups.join(", "),
        ids.join(", ")
    ))
}

/// Facts of another time, or of another machine.
fn recorded(path: &Path) -> Result<Facts> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::could_not_run(format!("{} cannot be read: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::could_not_run(format!("{}: {error}", path.display()))
            .hint("opsctl doctor --record FILE writes such a file")
    })
}

fn record(path: &Path, facts: &Facts) -> Result<()> {
    // Facts are text, numbers and maps with text as keys: they can be written.
    let text = serde_json::to_string_pretty(facts).unwrap_or_default();
    std::fs::write(path, text + "\n")
        .map_err(|error| Failure::could_not_run(format!("{} cannot be written: {error}", path.display())))
}

/// Checks that can stop a start before it began: of what is about to be started, whatever ran before.
const BEFORE_START: [&str; 6] =
    ["DOC-HEAP", "DOC-DISK", "DOC-NAME-TAKEN", "DOC-VOLUMES", "DOC-CONNECT-ENV", "DOC-SECRET-IN-CONFIG"];

/// Refuses a start that the files alone show to fail.
pub(in crate::commands) async fn guard(session: &Session) -> Result<()> {
    let facts = collect::before_start(session).await?;
    let diagnosis = Diagnosis::of(&facts);
    let failing = diagnosis.roots().find(|finding| finding.level == Level::Fail && BEFORE_START.contains(&finding.id));
    match failing {
        Some(finding) => Err(Failure::could_not_run(format!("{}: {}", finding.id, finding.what))
            .log(finding.evidence.clone())
            .hint(format!("{}; or go on all the same: opsctl up --skip-check doctor", finding.remedy))),
        None => Ok(()),
    }
}

/// A failure with what the doctor sees: what is wrong and not explained by something else that is.
pub(in crate::commands) async fn explained(session: &Session, failure: Failure) -> Failure {
    // What could not even be tried has said why.
    if failure.exit != Exit::Failed {
        return failure;
    }
    let Ok(facts) = collect::facts(session).await else { return failure };
    let diagnosis = Diagnosis::of(&facts);
    let causes = diagnosis.roots().filter(|finding| finding.level == Level::Fail);
    let causes: Vec<String> =
        causes.map(|finding| format!("{}: {} → {}", finding.id, finding.what, finding.remedy)).collect();
    if causes.is_empty() {
        return failure;
    }
    let hint = failure.hint.clone().map_or_else(String::new, |hint| format!("{hint}; "));
    let log = [failure.log.clone(), causes.iter().map(|cause| format!("doctor: {cause}")).collect()].concat();
    failure.log(log).hint(format!("{hint}opsctl doctor -v"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::commands::object;

    fn names(value: &Value) -> BTreeSet<&str> {
        value.as_object().expect("an object").keys().map(String::as_str).collect()
    }

    #[test]
    fn what_is_printed_is_what_the_schema_says() {
        let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
        let facts: Facts =
            serde_json::from_str(include_str!("../checks/recorded/two-brokers-down.json")).expect("facts");
        let printed = object(None, "doctor", &Ok(answer(&Diagnosis::of(&facts), String::new())));
        let known = names(&schema["properties"]);
        assert!(names(&printed).is_subset(&known), "{:?}", names(&printed));
        let finding = &schema["$defs"]["finding"];
        for printed in printed["findings"].as_array().expect("findings") {
            assert_eq!(names(printed), names(&finding["properties"]), "{printed}");
            for (name, values) in
                [("group", &finding["properties"]["group"]), ("level", &finding["properties"]["level"])]
            {
                assert!(values["enum"].as_array().expect("values").contains(&printed[name]), "{printed}");
            }
        }
        // Those of every command are put there by its session.
        let required: Vec<&str> =
            schema["required"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        let by_session = ["project", "seconds"];
        assert!(
            required.iter().all(|name| by_session.contains(name) || !printed[*name].is_null() || *name == "error"),
            "{required:?}"
        );
    }

    #[test]
    fn a_mistyped_check_is_told_with_those_that_there_are() {
        let refused = known_names(&["DOC-NOPE".to_owned()]).expect_err("none");
        assert_eq!(refused.exit, Exit::CouldNotRun);
        assert!(
            refused.to_string().contains("DOC-NOPE") && refused.to_string().contains("DOC-CLUSTER-ID"),
            "{refused}"
        );
        known_names(&["kafka".to_owned(), "cluster-id".to_owned(), "doc-heap".to_owned()]).expect("known");
    }
}
