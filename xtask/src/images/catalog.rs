//! Which images there are: name, tag, what each stands on and what it is made of.

/// One image that `cargo xtask images` can build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Image {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// What containers are started from; `compose/local.env` says the same.
    pub(crate) tag: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// Whether it is built unless asked otherwise.
    pub(crate) usual: bool,
    /// How it is made.
    pub(crate) recipe: Recipe,
}

/// How an image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipe {
    /// A Debian suite by debootstrap.
    Debian {
        /// `bookworm`, `sid`.
        suite: &'static str,
    },
    /// The Debian that this machine runs, for what is compiled here: its C library fits.
    HostDebian,
    /// A Dockerfile on another image, with what Maven or cargo bring beside it.
    Dockerfile {
        /// Below `compose/images`: `FOLDER/NAME`.
        file: &'static str,
        /// The image that it stands on, by name.
        base: &'static str,
        /// What is put beside the Dockerfile.
        cargo: Cargo,
    },
}

/// What a Dockerfile copies that is not in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cargo {
    /// Nothing.
    Nothing,
    /// All jars of `pom.xml`, into `libs`.
    Jars,
    /// Debezium's connector of this version, unpacked into `plugins`.
    Connector {
        /// `3.0.8.Final`; replaces the one in `pom.xml`.
        version: &'static str,
    },
    /// The worker, compiled on this machine.
    Worker,
    /// ClickHouse's engine as a Python package, into `engine`.
    Engine,
}

/// All of them, each after those that it stands on.
pub(crate) const IMAGES: &[Image] = &[
    Image {
        name: "base",
        tag: "cdc-local/debian:bookworm",
        what: "Debian 12, what the others stand on",
        usual: true,
        recipe: Recipe::Debian { suite: "bookworm" },
    },
    Image {
        name: "base-sid",
        tag: "cdc-local/debian:sid",
        what: "Debian's development suite: it has MySQL",
        usual: true,
        recipe: Recipe::Debian { suite: "sid" },
    },
    Image {
        name: "base-host",
        tag: "cdc-local/debian:host",
        what: "this machine's own release, for what is compiled here",
        usual: true,
        recipe: Recipe::HostDebian,
    },
    Image {
        name: "kafka",
        tag: "cdc-local/kafka:3.6.2",
        what: "Kafka 3.6.2 and ZooKeeper 3.8.4, like confluentinc/cp-kafka and cp-zookeeper",
        usual: true,
        recipe: Recipe::Dockerfile { file: "kafka/Dockerfile", base: "base", cargo: Cargo::Jars },
    },
    Image {
        name: "connect",
        tag: "cdc-local/connect:3.0.8.Final",
        what: "Kafka Connect with Debezium 3.0.8.Final for MySQL, like debezium/connect",
        usual: true,
        recipe: Recipe::Dockerfile {
            file: "connect/Dockerfile",
            base: "kafka",
            cargo: Cargo::Connector { version: "3.0.8.Final" },
        },
    },
    Image {
        name: "mysql",
        tag: "cdc-local/mysql:9.7",
        what: "MySQL 9.7, like mysql",
        usual: true,
        recipe: Recipe::Dockerfile { file: "mysql/Dockerfile", base: "base-sid", cargo: Cargo::Nothing },
    },
    Image {
        name: "worker",
        tag: "cdc-local/worker:latest",
        what: "the worker, compiled on this machine",
        usual: true,
        recipe: Recipe::Dockerfile { file: "worker/host.Dockerfile", base: "base-host", cargo: Cargo::Worker },
    },
    Image {
        name: "prometheus",
        tag: "cdc-local/prometheus:3.5",
        what: "Prometheus 3.5, like prom/prometheus",
        usual: true,
        recipe: Recipe::Dockerfile { file: "prometheus/Dockerfile", base: "base-sid", cargo: Cargo::Nothing },
    },
    Image {
        name: "clickhouse",
        tag: "cdc-local/clickhouse:26.9",
        what: "ClickHouse's own engine (chdb) behind HTTP, like clickhouse/clickhouse-server",
        usual: true,
        recipe: Recipe::Dockerfile { file: "clickhouse/Dockerfile", base: "base", cargo: Cargo::Engine },
    },
    Image {
        name: "connect-2.5",
        tag: "cdc-local/connect:2.5.4.Final",
        what: "Kafka Connect with Debezium 2.5.4.Final, which knows no MySQL above 8.3",
        usual: false,
        recipe: Recipe::Dockerfile {
            file: "connect/Dockerfile",
            base: "kafka",
            cargo: Cargo::Connector { version: "2.5.4.Final" },
        },
    },
    Image {
        name: "mariadb",
        tag: "cdc-local/mariadb:10.11",
        what: "MariaDB 10.11 under MySQL's variables, for Debezium 2.5",
        usual: false,
        recipe: Recipe::Dockerfile { file: "mysql/mariadb.Dockerfile", base: "base", cargo: Cargo::Nothing },
    },
];

/// The names, in the order of building.
pub(crate) fn names() -> Vec<&'static str> {
    IMAGES.iter().map(|image| image.name).collect()
}

/// The image of this name.
pub(crate) fn named(name: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.name == name)
}

/// What to build, in order: the images asked for, or the usual ones, and what they stand on.
pub(crate) fn chosen(only: &[String]) -> Vec<&'static Image> {
    let asked = |image: &Image| {
        if only.is_empty() { image.usual } else { only.iter().any(|name| name == image.name) }
    };
    let mut wanted: Vec<&str> = IMAGES.iter().filter(|image| asked(image)).map(|image| image.name).collect();
    // Backwards: whoever stands on something comes after it.
    for image in IMAGES.iter().rev().filter(|image| image.base().is_some()) {
        if wanted.contains(&image.name) {
            wanted.extend(image.base());
        }
    }
    IMAGES.iter().filter(|image| wanted.contains(&image.name)).collect()
}

impl Image {
    /// The name of the image that it stands on.
    pub(crate) fn base(&self) -> Option<&'static str> {
        match self.recipe {
            Recipe::Dockerfile { base, .. } => Some(base),
            Recipe::Debian { .. } | Recipe::HostDebian => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<_> = only.iter().map(ToString::to_string).collect();
        chosen(&only).iter().map(|image| image.name).collect()
    }

    #[test]
    fn what_an_image_stands_on_comes_first() {
        assert_eq!(
            chosen_names(&[]),
            ["base", "base-sid", "base-host", "kafka", "connect", "mysql", "worker", "prometheus", "clickhouse"]
        );
        assert_eq!(chosen_names(&["connect"]), ["base", "kafka", "connect"]);
        assert_eq!(chosen_names(&["mysql", "connect-2.5"]), ["base", "base-sid", "kafka", "mysql", "connect-2.5"]);
        for (index, image) in IMAGES.iter().enumerate() {
            let before = |name| IMAGES.iter().position(|other| other.name == name).is_some_and(|at| at < index);
            assert!(image.base().is_none_or(before), "{} stands on something that comes later", image.name);
        }
    }

    #[test]
    fn local_env_names_the_tags_that_are_built() {
        let text = include_str!("../../../compose/local.env");
        for (variable, name) in [
            ("CDC_ZOOKEEPER_IMAGE", "kafka"),
            ("CDC_KAFKA_IMAGE", "kafka"),
            ("CDC_CONNECT_IMAGE", "connect"),
            ("CDC_MYSQL_IMAGE", "mysql"),
            ("CDC_PROMETHEUS_IMAGE", "prometheus"),
            ("CDC_CLICKHOUSE_IMAGE", "clickhouse"),
            ("CDC_WORKER_IMAGE", "worker"),
        ] {
            let line = format!("{variable}={}", named(name).expect("an image").tag);
            assert!(text.lines().any(|other| other == line), "compose/local.env lacks {line}");
        }
    }
}
