//! `--fix`: the plan is printed, a person says yes, what it says is done, and everything is looked at again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::checks::diagnosis::Diagnosis;
use crate::checks::finding::Level;
use crate::checks::repair_plan::{Planned, PlannedLine, plan};
use crate::cli::DoctorArgs;
use crate::commands::doctor::{answer, apply, collect, edit};
use crate::commands::{Answer, Session};
use crate::failure::Result;
use crate::lock::Lock;
use crate::ui::{Outcome, report};

/// What was repaired shows within this time: a broker that starts needs most of it.
const TO_SHOW: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(session: &Session, arguments: &DoctorArgs) -> Result<Answer> {
    let _lock = Lock::take(&session.stack.project, "doctor --fix")?;
    let facts = collect::facts(session).await?;
    let before = Diagnosis::of(&facts).only(&arguments.only, &arguments.skip);
    let planned = plan(&before.findings);
    let shown = |diagnosis: &Diagnosis| report::text(&facts.project, diagnosis, arguments.verbose, session.palette);
    let lines: Vec<PlannedLine> = planned.iter().map(Planned::line).collect();
    if planned.is_empty() {
        let text = format!("{}\n\nNothing of it can be repaired from here: see the remedies.", shown(&before));
        let text = if before.level() == Level::Ok { format!("{}\n\nNothing to repair.", shown(&before)) } else { text };
        return Ok(answer(&before, text).field("plan", lines).field("applied", Vec::<String>::new()));
    }
    let diff = edit::preview(session, &planned);
    if !session.common.quiet {
        eprintln!("{}\n\n{}", shown(&before), report::plan(&lines, &diff, session.palette));
    }
    Session::confirm("Do this?", arguments.yes)?;
    let mut applied = Vec::new();
    let (first, later): (Vec<Planned>, Vec<Planned>) = planned.into_iter().partition(|planned| !planned.only_if_still);
    carry_out(session, arguments, &first, &mut applied).await?;
    let mut after = settled(session, arguments, &first).await?;
    // What followed from it has mostly healed by itself.
    let still: Vec<Planned> = later.into_iter().filter(|planned| is_still_wrong(&after, planned.id)).collect();
    if !still.is_empty() {
        carry_out(session, arguments, &still, &mut applied).await?;
        after = settled(session, arguments, &still).await?;
    }
    let text = shown(&after);
    Ok(answer(&after, text)
        .field("plan", lines)
        .field("diff", diff)
        .field("before", &before.findings)
        .field("applied", applied))
}

async fn carry_out(
    session: &Session,
    arguments: &DoctorArgs,
    planned: &[Planned],
    applied: &mut Vec<String>,
) -> Result<()> {
    for planned in planned {
        let step = session.steps.begin("fix", planned.fix.to_string());
        let done = apply::apply(session, arguments, &planned.fix, &step).await?;
        step.end(Outcome::Changed, done);
        applied.push(planned.fix.to_string());
    }
    edit::make_anew(session, planned).await
}

fn is_still_wrong(diagnosis: &Diagnosis, id: &str) -> bool {
    diagnosis.findings.iter().any(|finding| finding.id == id && finding.level > Level::Ok)
}

/// Looks again until what was repaired is well, or long enough.
async fn settled(session: &Session, arguments: &DoctorArgs, planned: &[Planned]) -> Result<Diagnosis> {
    let step = session.steps.begin("recheck", "looking again");
    let end = Instant::now() + session.patient(TO_SHOW);
    loop {
        let facts = collect::facts(session).await?;
        let diagnosis = Diagnosis::of(&facts);
        let wrong: Vec<&str> =
            diagnosis.findings.iter().filter(|finding| finding.level > Level::Ok).map(|finding| finding.id).collect();
        let mended = planned.iter().all(|planned| !is_still_wrong(&diagnosis, planned.id));
        // What follows needs its own moment: a broker that came back has copies to catch up with.
        let failing = diagnosis.findings.iter().any(|finding| finding.level == Level::Fail && !finding.fixable);
        if (mended && !failing) || Instant::now() >= end {
            let outcome = if wrong.is_empty() { Outcome::Done } else { Outcome::Warned };
            step.end(outcome, if wrong.is_empty() { "all well".to_owned() } else { wrong.join(", ") });
            return Ok(diagnosis.only(&arguments.only, &arguments.skip));
        }
        step.say(wrong.join(", "));
        sleep(PAUSE).await;
    }
}
