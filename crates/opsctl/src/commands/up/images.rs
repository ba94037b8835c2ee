//! Whose images, and that they are here.

use futures_util::future::try_join_all;

use crate::checks::variant::{self, Seen};
use crate::cli::StackArgs;
use crate::clients::compose::Compose;
use crate::clients::docker::Docker;
use crate::commands::Session;
use crate::commands::up::Up;
use crate::failure::{Failure, Result};
use crate::stack::{Stack, Variant};
use crate::ui::Outcome;

/// Services that the pipeline does without: who they are, how they are left out, what names another image.
const EXTRAS: [(&str, &str, &str, &str); 4] = [
    ("kafka-ui", "Kafka UI", "--with ui", "CDC_KAFKA_UI_IMAGE"),
    ("prometheus", "Prometheus", "--with observability", "CDC_PROMETHEUS_IMAGE"),
    ("grafana", "Grafana", "--with observability", "CDC_GRAFANA_IMAGE"),
    ("clickhouse", "ClickHouse", "--with analytics", "CDC_CLICKHOUSE_IMAGE"),
];

/// The variant to run, from what is asked for, what was made before and which images are here.
pub(in crate::commands) async fn choose(session: &Session, asked: &StackArgs, docker: &Docker) -> Result<Variant> {
    let local_names = local_names(&session.stack)?;
    let (containers, volumes) = (docker.containers().await?, docker.volumes().await?);
    let seen = Seen {
        public_here: missing(docker, &images(&session.stack, false, asked.kraft).await?).await?.is_empty(),
        local_here: missing(docker, &images(&session.stack, true, asked.kraft).await?).await?.is_empty(),
        containers: &containers,
        volumes: &volumes,
        local_names: &local_names,
    };
    variant::choose(asked, &seen)
}

/// Fetches what is not here; says which variable or command helps where that fails.
pub(super) async fn fetch(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("images", "images are here");
    let whose = if up.variant.local_images { "built here (compose/local.env)" } else { "public" };
    let wanted = images_of(&up.compose()).await?;
    let missing = missing(&up.docker, &wanted).await?;
    if missing.is_empty() {
        step.end(Outcome::Skipped, format!("{} of them, {whose}", wanted.len()));
        return Ok(());
    }
    let built_here = if up.variant.local_images { local_names(&up.session.stack)? } else { Vec::new() };
    let (not_built, missing): (Vec<String>, Vec<String>) =
        missing.into_iter().partition(|image| built_here.contains(image));
    if !not_built.is_empty() {
        return Err(Failure::could_not_run(format!("not built yet: {}", not_built.join(", ")))
            .hint("cargo xtask images; or opsctl up --images public"));
    }
    step.say(format!("fetching {}", missing.join(", ")));
    if let Err(failure) = up.compose().pull(|line| step.say(line)).await {
        let message = format!("cannot be had: {} ({})", missing.join(", "), failure.message);
        let failure = Failure { message, ..failure };
        let services = up.compose().config().await?.services;
        let of_extra = |image: &String| {
            EXTRAS.iter().find(|(service, ..)| services.get(*service).is_some_and(|service| service.image == *image))
        };
        let extras: Vec<_> = missing.iter().map_while(of_extra).collect();
        return Err(if extras.len() == missing.len() { failure.hint(do_without(&extras)) } else { failure });
    }
    step.end(Outcome::Changed, format!("fetched {}", missing.join(", ")));
    Ok(())
}

/// What helps where only these cannot be had.
fn do_without(extras: &[&(&str, &str, &str, &str)]) -> String {
    let each = extras.iter().map(|(_, who, flag, variable)| {
        format!("only {who} needs it: leave {flag} out, or name an image that can be had with {variable}")
    });
    each.collect::<Vec<_>>().join("; ")
}

async fn images(stack: &Stack, local_images: bool, kraft: bool) -> Result<Vec<String>> {
    images_of(&Compose::of(stack, Variant { kraft, local_images, ..Variant::default() })).await
}

async fn images_of(compose: &Compose<'_>) -> Result<Vec<String>> {
    let services = compose.config().await?.services;
    let mut images: Vec<String> = services.into_values().map(|service| service.image).collect();
    images.sort();
    images.dedup();
    Ok(images)
}

async fn missing(docker: &Docker, images: &[String]) -> Result<Vec<String>> {
    let ids = try_join_all(images.iter().map(|image| docker.image_id(image))).await?;
    Ok(images.iter().zip(ids).filter(|(_, id)| id.is_none()).map(|(image, _)| image.clone()).collect())
}

/// Values of the file's `CDC_…_IMAGE=` lines.
fn local_names(stack: &Stack) -> Result<Vec<String>> {
    let path = stack.local_images_file();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::could_not_run(format!("{} cannot be read: {error}", path.display())))?;
    let values = text.lines().filter_map(|line| line.split_once("_IMAGE="));
    Ok(values.map(|(_, value)| value.trim().to_owned()).collect())
}
