//! Kafka's jars in the cache: resolved once by Maven, complete or not there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::run;
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

const POM: &str = include_str!("pom.xml");
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const LIMIT: Duration = Duration::from_mins(10);

/// The folder that holds the jars, filled by Maven if it is not there yet.
pub(crate) fn resolve() -> Result<PathBuf> {
    let home = workspace::cache()?.join("kafka-3.6.2");
    let jars = home.join("libs");
    if jars.is_dir() {
        return Ok(jars);
    }
    let maven = workspace::program("mvn").context("Maven (mvn) is not installed")?;
    eprintln!("broker: fetching Kafka 3.6.2 with Maven into {}", jars.display());
    let watch = Stopwatch::start();
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    // Beside its place, so that the rename below is one step: an interrupted run leaves no half of it.
    let work = tempfile::Builder::new().prefix("fetching-").tempdir_in(&home)?;
    fs::write(work.path().join("pom.xml"), POM)?;
    let mut command = Command::new(maven);
    command.current_dir(work.path()).args([
        "-q",
        "-B",
        "-Dstyle.color=never",
        COPY,
        "-DincludeScope=runtime",
        "-DoutputDirectory=libs",
    ]);
    let log = File::create(work.path().join("log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    let status = run(&mut command, LIMIT)?;
    if !status.success() {
        bail!("mvn could not fetch Kafka's jars ({status}): {}", first_error(&work.path().join("log")));
    }
    put_in_place(&work.path().join("libs"), &jars)?;
    eprintln!("broker: fetched in {}", human(watch.elapsed()));
    Ok(jars)
}

/// Maven says first what went wrong and then, at length, how to learn more.
fn first_error(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let said = log.lines().find_map(|line| line.split_once("[ERROR] ")).map_or(log.trim(), |(_, error)| error);
    said.trim_end_matches(" -> [Help 1]").to_owned()
}

fn put_in_place(fetched: &Path, jars: &Path) -> Result<()> {
    let has_kafka = fs::read_dir(fetched).context("Maven left no jars")?.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("kafka_2.13-")
    });
    if !has_kafka {
        bail!("Maven left no kafka_2.13 jar");
    }
    match fs::rename(fetched, jars) {
        // Another run was quicker: its jars are the same.
        Err(_) if jars.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("{} cannot be put in place", jars.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        assert_eq!(first_error(&log), "");
        fs::write(&log, "\u{1b}[0m[ERROR] No such artifact -> [Help 1]\n[ERROR] \n[ERROR] Re-run Maven\n")
            .expect("written");
        assert_eq!(first_error(&log), "No such artifact");
        fs::write(&log, "java: not found\n").expect("written");
        assert_eq!(first_error(&log), "java: not found");
    }

    #[test]
    fn jars_are_put_in_place_whole_or_not_at_all() {
        let home = tempfile::tempdir().expect("a directory");
        let (fetched, jars) = (home.path().join("fetched"), home.path().join("libs"));
        assert!(put_in_place(&fetched, &jars).is_err(), "nothing was fetched");
        fs::create_dir(&fetched).expect("made");
        assert!(put_in_place(&fetched, &jars).is_err() && !jars.exists(), "no Kafka among it");
        fs::write(fetched.join("kafka_2.13-3.6.2.jar"), "jar").expect("written");
        put_in_place(&fetched, &jars).expect("in place");
        assert!(jars.join("kafka_2.13-3.6.2.jar").is_file() && !fetched.exists());
    }
}
