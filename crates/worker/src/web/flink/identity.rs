//! The job and its vertices: what they are called, and the 32 hexadecimal digits that they have instead of a name.

use xxhash_rust::xxh3::xxh3_128;

use crate::telemetry::Stage;
use crate::web::reply::{Ask, Problem};
use crate::web::view::About;

/// The job's name.
pub(crate) fn job_name(about: &About) -> String {
    format!("{} (windows of {} s, four rules)", about.topic, about.window_ms / 1_000)
}

/// The job's id: the same for the same topic and group, so that whoever wrote it down finds it after a restart.
pub(crate) fn job_id(about: &About) -> String {
    hex(&format!("job {} {}", about.topic, about.group))
}

/// The id of a stage as a vertex of the job graph.
pub(crate) fn vertex_id(stage: Stage) -> String {
    hex(&format!("vertex {stage:?}"))
}

/// What a stage does.
pub(crate) const fn vertex_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Source => "Source: records, epoch log",
        Stage::Execute => "Decode, route, windows, rules",
        Stage::Deliver => "Sinks, commit",
    }
}

fn hex(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

/// The id in the path is this job's, or the answer is Flink's 404.
pub(super) fn check_job(ask: &Ask<'_>) -> Result<String, Problem> {
    let id = job_id(ask.site.view.about());
    match ask.names.first() {
        Some(asked) if *asked == id => Ok(id),
        _ => Err(Problem::not_found(format!("there is no such job: this worker's is {id}"))),
    }
}

/// The stage that the second id in the path names.
pub(super) fn check_vertex(ask: &Ask<'_>) -> Result<Stage, Problem> {
    check_job(ask)?;
    let asked = ask.names.get(1).copied().unwrap_or_default();
    Stage::ALL
        .into_iter()
        .find(|&stage| vertex_id(stage) == asked)
        .ok_or_else(|| Problem::not_found("the job has no such vertex: /jobs/{job} lists them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_flinks_in_form_and_told_apart() {
        let ids: Vec<String> = Stage::ALL.into_iter().map(vertex_id).collect();
        for id in &ids {
            assert!(id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1);
        }
    }
}
