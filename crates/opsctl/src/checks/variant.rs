//! How a stack is to be run: as it was asked, as it was made, or as the machine allows.

use crate::cli::{Extra, Images, StackArgs};
use crate::clients::docker::Container;
use crate::failure::{Failure, Result};
use crate::stack::{Extras, Variant};

/// What was seen of the stack and of the images.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) containers: &'a [Container],
    /// The project's volumes, without the project's name.
    pub(crate) volumes: &'a [String],
    /// Values of compose/local.env: the names of the images built here.
    pub(crate) local_names: &'a [String],
    /// All public images are on this machine.
    pub(crate) public_here: bool,
    /// All local images are on this machine.
    pub(crate) local_here: bool,
}

/// The variant to run. Refuses one that cannot read the data that is there.
pub(crate) fn choose(asked: &StackArgs, seen: &Seen<'_>) -> Result<Variant> {
    let was_kraft = made_without_zookeeper(seen);
    if asked.kraft && was_kraft == Some(false) {
        return Err(Failure::could_not_run("this stack was made with ZooKeeper: without it, its topics cannot be read")
            .hint("leave --kraft out; or a second stack beside it: -p NAME and other ports; or from nothing: opsctl down --volumes"));
    }
    let local_images = match asked.images {
        Images::Public => false,
        Images::Local => true,
        Images::Auto => auto_local(seen),
    };
    Ok(Variant {
        kraft: asked.kraft || was_kraft == Some(true),
        local_images,
        extras: Extras {
            ui: asked.ui || asked.with.contains(&Extra::Ui) || is_there(seen, "kafka-ui"),
            observability: asked.with.contains(&Extra::Observability) || is_there(seen, "prometheus"),
            analytics: asked.with.contains(&Extra::Analytics) || is_there(seen, "clickhouse"),
        },
    })
}

/// What ran beside the pipeline goes on to do so, until the stack is taken down.
fn is_there(seen: &Seen<'_>, service: &str) -> bool {
    seen.containers.iter().any(|container| container.service == service)
}

/// How the stack that is there was made; none if there is none.
pub(crate) fn made_without_zookeeper(seen: &Seen<'_>) -> Option<bool> {
    if let Some(broker) = seen.containers.iter().find(|container| container.service.starts_with("kafka-1")) {
        return Some(broker.config_files.contains("kraft.yaml"));
    }
    let has = |name: &str| seen.volumes.iter().any(|volume| volume == name);
    match (has("kraft1_data"), has("kafka1_data")) {
        (false, false) => None,
        (kraft, zookeeper) => Some(kraft && !zookeeper),
    }
}

fn auto_local(seen: &Seen<'_>) -> bool {
    match seen.containers.iter().find(|container| container.service == "kafka-1") {
        Some(broker) => seen.local_names.contains(&broker.image),
        None => seen.local_here && !seen.public_here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(image: &str, files: &str) -> Vec<Container> {
        vec![Container {
            service: "kafka-1".into(),
            image: image.into(),
            config_files: files.into(),
            ..Container::default()
        }]
    }

    #[test]
    fn images_are_those_that_are_here_unless_the_stack_has_some() {
        let names = ["cdc-local/kafka:3.6.2".to_owned()];
        for (public_here, local_here, local) in
            [(true, true, false), (false, true, true), (false, false, false), (true, false, false)]
        {
            let seen = Seen { public_here, local_here, local_names: &names, ..Seen::default() };
            assert_eq!(choose(&StackArgs::default(), &seen).expect("any").local_images, local, "{seen:?}");
        }
        let containers = broker("cdc-local/kafka:3.6.2", "compose.yaml");
        let seen = Seen { public_here: true, local_names: &names, containers: &containers, ..Seen::default() };
        assert!(choose(&StackArgs::default(), &seen).expect("any").local_images);
    }

    #[test]
    fn a_stack_stays_as_it_was_made() {
        let plain = StackArgs::default();
        let kraft = StackArgs { kraft: true, ..StackArgs::default() };
        let volumes = ["kraft1_data".to_owned()];
        assert!(choose(&plain, &Seen { volumes: &volumes, ..Seen::default() }).expect("kept").kraft);
        let containers = broker("k", "/s/compose/compose.yaml,/s/compose/kraft.yaml");
        assert!(choose(&plain, &Seen { containers: &containers, ..Seen::default() }).expect("kept").kraft);
        let volumes = ["kafka1_data".to_owned()];
        let refused = choose(&kraft, &Seen { volumes: &volumes, ..Seen::default() }).expect_err("data of the other");
        assert!(refused.message.contains("ZooKeeper"), "{refused}");
        assert!(choose(&kraft, &Seen::default()).expect("nothing there").kraft);
    }

    #[test]
    fn what_runs_beside_the_pipeline_is_asked_for_and_stays() {
        let choose_with = |ui: bool, with: &[Extra], seen: &Seen<'_>| {
            let asked = StackArgs { ui, with: with.to_vec(), ..StackArgs::default() };
            choose(&asked, seen).expect("any").extras.profiles().collect::<Vec<_>>()
        };
        let profiles = |ui, with: &[Extra]| choose_with(ui, with, &Seen::default());
        assert_eq!(profiles(false, &[]), [""; 0]);
        assert_eq!(profiles(true, &[]), ["ui"]);
        assert_eq!(profiles(false, &[Extra::Observability]), ["observability"]);
        assert_eq!(profiles(true, &[Extra::Ui, Extra::Observability]), ["ui", "observability"]);
        let of = |service: &str| Container { service: service.to_owned(), ..Container::default() };
        let containers = [of("kafka-1"), of("prometheus")];
        let seen = Seen { containers: &containers, ..Seen::default() };
        assert_eq!(choose_with(false, &[], &seen), ["observability"]);
        assert_eq!(choose_with(true, &[], &seen), ["ui", "observability"]);
        assert_eq!(profiles(false, &[Extra::Analytics, Extra::Observability]), ["observability", "analytics"]);
        assert_eq!(
            choose_with(false, &[], &Seen { containers: &[of("clickhouse")], ..Seen::default() }),
            ["analytics"]
        );
        assert_eq!(Variant::default().with_all().extras.profiles().count(), 3);
    }
}
