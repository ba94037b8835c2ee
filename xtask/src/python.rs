//! Python environments outside the checkout: made once for each list of requirements, by pip, from wheels alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::{ask, run, succeeded};
use crate::workspace;

/// Hundreds of megabytes, on a slow line.
const INSTALL_LIMIT: Duration = Duration::from_mins(15);

/// An environment that has what was asked for.
#[derive(Debug)]
pub(crate) struct Environment {
    place: PathBuf,
}

impl Environment {
    /// The environment of this name with these packages, one `name==version` a line; made if it is not there, or has others.
    pub(crate) fn with(name: &str, requirements: &str) -> Result<Self> {
        let environment = Self { place: workspace::cache()?.join(name) };
        if !environment.has(requirements) {
            environment.make(requirements)?;
        }
        Ok(environment)
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.place.join("bin").join(name)
    }

    /// The folder of its packages.
    pub(crate) fn packages(&self) -> Result<PathBuf> {
        let folders = fs::read_dir(self.place.join("lib")).with_context(|| format!("{}", self.place.display()))?;
        let mut folders = folders.filter_map(|entry| Some(entry.ok()?.path().join("site-packages")));
        folders.find(|folder| folder.is_dir()).with_context(|| format!("{} has no packages", self.place.display()))
    }

    /// Whoever made it: what counts is what is installed.
    fn has(&self, requirements: &str) -> bool {
        let Ok(packages) = self.packages() else { return false };
        wanted(requirements).all(|(name, version)| is_installed(&packages, name, version))
    }

    fn make(&self, requirements: &str) -> Result<()> {
        let place = &self.place;
        if place.exists() {
            fs::remove_dir_all(place).with_context(|| format!("{} cannot be removed", place.display()))?;
        }
        let venv = ask(Command::new("python3").args(["-m", "venv"]).arg(place))?;
        succeeded(venv.status, "python3 -m venv")?;
        let list = place.join("requirements.txt");
        fs::write(&list, requirements)?;
        let mut pip = Command::new(self.program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"])
            .arg(list);
        // Where the network has a certificate authority of its own: pip asks the system's only when told so.
        if let (Some(file), None) = (std::env::var_os("SSL_CERT_FILE"), std::env::var_os("PIP_CERT")) {
            pip.env("PIP_CERT", file);
        }
        succeeded(run(&mut pip, INSTALL_LIMIT)?, "pip install")
    }
}

/// Names and versions; comments and empty lines are none.
fn wanted(requirements: &str) -> impl Iterator<Item = (&str, &str)> {
    requirements.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim().split_once("=="))
}

/// `name-version.dist-info`, with the name in whatever spelling.
fn is_installed(packages: &Path, name: &str, version: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let folders = fs::read_dir(packages).into_iter().flatten().flatten();
    folders.filter_map(|entry| entry.file_name().into_string().ok()).any(|folder| {
        let package = folder.strip_suffix(".dist-info").and_then(|package| package.rsplit_once('-'));
        package.is_some_and(|(other, is)| plain(other) == plain(name) && is == version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_has_what_is_installed_in_it_in_that_version() {
        let place = tempfile::tempdir().expect("a directory");
        for package in ["chdb_core-26.9.0.dist-info", "Jinja2-3.1.6.dist-info", "chdb"] {
            fs::create_dir_all(place.path().join("lib/python3.11/site-packages").join(package)).expect("made");
        }
        let environment = Environment { place: place.path().to_owned() };
        for (requirements, has) in [
            ("# what it is for\nchdb-core==26.9.0\njinja2==3.1.6\n", true),
            ("chdb-core==26.9.1", false),
            ("chdb==4.4.0", false),
            ("", true),
        ] {
            assert_eq!(environment.has(requirements), has, "{requirements:?}");
        }
        assert!(!Environment { place: place.path().join("none") }.has(""), "one that is not there has nothing");
    }
}
