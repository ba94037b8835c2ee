//! What the images take from Maven Central, in the cache: complete or not there, fetched once for each `pom.xml`.
//!
//! Maven runs on this machine, not in a build: where a network's own certificate authority is trusted here only, https
//! from inside a container fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::run;
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";
const LIMIT: Duration = Duration::from_mins(15);

/// What Maven makes of the dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// All jars needed at run time, also by dependencies.
    CopyJars,
    /// The one archive, unpacked.
    UnpackArchive,
}

/// The folder with what this `pom.xml` asks for; `properties` replace its own (`name=value`).
pub(crate) fn resolve(pom: &Path, goal: Goal, properties: &[String]) -> Result<PathBuf> {
    let text = fs::read_to_string(pom).with_context(|| format!("{} cannot be read", pom.display()))?;
    let asked = format!("{goal:?} {}\n{text}", properties.join(" "));
    let home = workspace::cache()?.join("images/maven");
    if let Some(there) = find(&home, &asked)? {
        return Ok(there);
    }
    let maven = workspace::program("mvn").context("Maven (mvn) is not installed: apt-get install maven")?;
    eprintln!("images: fetching with Maven what {} names", pom.display());
    let watch = Stopwatch::start();
    fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
    // Beside its place, so that the rename below is one step: an interrupted run leaves no half of it.
    let work = tempfile::Builder::new().prefix("fetching-").tempdir_in(&home)?;
    fs::write(work.path().join("pom.xml"), text)?;
    fetch(&maven, work.path(), goal, properties)?;
    let place = free_place(&home)?;
    fs::write(work.path().join("asked"), asked)?;
    fs::rename(work.path(), &place).with_context(|| format!("{} cannot be put in place", place.display()))?;
    eprintln!("images: fetched in {}", human(watch.elapsed()));
    Ok(place.join("files"))
}

fn fetch(maven: &Path, work: &Path, goal: Goal, properties: &[String]) -> Result<()> {
    let goals: &[&str] = match goal {
        Goal::CopyJars => &["copy-dependencies", "-DincludeScope=runtime"],
        Goal::UnpackArchive => &["unpack-dependencies", "-DexcludeTransitive=true"],
    };
    let mut command = Command::new(maven);
    command.current_dir(work).args(["-q", "-B", "-Dstyle.color=never"]);
    command.arg(format!("{PLUGIN}:{}", goals[0])).args(&goals[1..]);
    command.arg(format!("-DoutputDirectory={}", work.join("files").display()));
    command.args(properties.iter().map(|property| format!("-D{property}")));
    let log = work.join("log");
    let file = File::create(&log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = run(&mut command, LIMIT)?;
    if !status.success() {
        bail!("mvn could not fetch what the images need ({status}): {}", first_error(&log));
    }
    let fetched = fs::read_dir(work.join("files")).is_ok_and(|mut files| files.next().is_some());
    if fetched { Ok(()) } else { bail!("Maven left nothing") }
}

/// The folder of an earlier run that was asked for the very same.
fn find(home: &Path, asked: &str) -> Result<Option<PathBuf>> {
    if !home.is_dir() {
        return Ok(None);
    }
    for entry in fs::read_dir(home)? {
        let place = entry?.path();
        if fs::read_to_string(place.join("asked")).is_ok_and(|text| text == asked) {
            return Ok(Some(place.join("files")));
        }
    }
    Ok(None)
}

fn free_place(home: &Path) -> Result<PathBuf> {
    let numbers = 1..1000;
    numbers
        .map(|number| home.join(number.to_string()))
        .find(|place| !place.exists())
        .with_context(|| format!("{} holds a thousand folders: remove it, it is only a cache", home.display()))
}

/// Maven says first what went wrong and then, at length, how to learn more.
fn first_error(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let said = log.lines().find_map(|line| line.split_once("[ERROR] ")).map_or(log.trim(), |(_, error)| error);
    said.trim_end_matches(" -> [Help 1]").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_the_same_is_found_again() {
        let home = tempfile::tempdir().expect("a directory");
        assert_eq!(find(&home.path().join("not-there"), "a").expect("read"), None);
        let place = free_place(home.path()).expect("a place");
        fs::create_dir(&place).expect("made");
        assert_eq!(find(home.path(), "a").expect("read"), None, "an unfinished one");
        fs::write(place.join("asked"), "a").expect("written");
        assert_eq!(find(home.path(), "a").expect("read"), Some(place.join("files")));
        assert_eq!(find(home.path(), "a b").expect("read"), None);
        assert_ne!(free_place(home.path()).expect("a place"), place);
    }

    #[test]
    fn the_first_error_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        fs::write(&log, "[INFO] scanning\n[ERROR] No such artifact -> [Help 1]\n[ERROR] Re-run Maven\n")
            .expect("written");
        assert_eq!(first_error(&log), "No such artifact");
    }
}
