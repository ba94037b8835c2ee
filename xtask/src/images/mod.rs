//! `cargo xtask images`: the stack's images from Debian's packages, Maven Central and this repository alone.
//!
//! For where no image registry can be reached. They honour the variables, paths and users of the public images, so that
//! `compose/compose.yaml` runs with either. Docker caches the layers, the cache directory the jars: a second run takes
//! seconds.

mod catalog;
mod context;
mod docker;
mod maven;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::cli::ImagesOptions;
pub(crate) use crate::images::catalog::names;
use crate::images::catalog::{Cargo, Image, Recipe};
use crate::images::context::BuildContext;
use crate::images::docker::Built;
pub(crate) use crate::images::docker::ready;
use crate::images::maven::Goal;
use crate::process::{ask, succeeded};
use crate::stopwatch::{Stopwatch, human};
use crate::{analytics, workspace};

/// Of the engine's packages: itself, and the library that it is linked with. It runs with every Python from 3.9 on.
const ENGINE: [&str; 2] = ["chdb", "chdb_core.libs"];

/// Builds the chosen images, or lists all.
pub(crate) fn run(root: &Path, options: &ImagesOptions) -> Result<ExitCode> {
    ready()?;
    if options.list {
        return list();
    }
    let watch = Stopwatch::start();
    let builder = Builder { root, cache: workspace::cache()?.join("images"), fresh: options.fresh };
    fs::create_dir_all(&builder.cache).with_context(|| format!("{} cannot be made", builder.cache.display()))?;
    for image in catalog::chosen(&options.only) {
        builder.build(image)?;
    }
    println!("images: ready in {}; compose/local.env names them", human(watch.elapsed()));
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<ExitCode> {
    for image in catalog::IMAGES {
        let size = docker::built(image.tag)?.map_or_else(|| "not built".to_owned(), |built| megabytes(&built));
        let usual = if image.usual { "" } else { " (only if asked for)" };
        println!("{:<12} {:<30} {size:>9}  {}{usual}", image.name, image.tag, image.what);
    }
    Ok(ExitCode::SUCCESS)
}

struct Builder<'a> {
    root: &'a Path,
    /// Logs and what Maven fetched.
    cache: PathBuf,
    /// Nothing that Docker has cached is used.
    fresh: bool,
}

impl Builder<'_> {
    fn build(&self, image: &Image) -> Result<()> {
        let watch = Stopwatch::start();
        let before = docker::built(image.tag)?;
        match image.recipe {
            Recipe::Debian { suite } => self.debian(image, suite, before.as_ref())?,
            Recipe::HostDebian => self.debian(image, &host_suite()?, before.as_ref())?,
            Recipe::Dockerfile { file, base, cargo } => self.dockerfile(image, file, base, cargo)?,
        }
        let after = docker::built(image.tag)?.with_context(|| format!("{} is not there after its build", image.tag))?;
        let what = if before.is_some_and(|before| before.id == after.id) { "unchanged" } else { "built" };
        println!("{:<12} {:<30} {:>9}  {what} ({})", image.name, image.tag, megabytes(&after), human(watch.elapsed()));
        Ok(())
    }

    /// debootstrap costs a minute or two, so one that is there stays, unless everything is to be made anew.
    fn debian(&self, image: &Image, suite: &str, before: Option<&Built>) -> Result<()> {
        if before.is_some() && !self.fresh {
            return Ok(());
        }
        // The host's release is mostly one that is there already.
        let same = catalog::IMAGES.iter().find(|other| other.tag != image.tag && debian_suite(other) == Some(suite));
        if let Some(same) = same.filter(|_| image.recipe == Recipe::HostDebian)
            && docker::built(same.tag)?.is_some()
        {
            let answer = ask(Command::new("docker").args(["tag", same.tag, image.tag]))?;
            return succeeded(answer.status, "docker tag");
        }
        if workspace::program("debootstrap").is_none() && !Path::new("/usr/sbin/debootstrap").exists() {
            bail!("debootstrap is not installed: apt-get install debootstrap");
        }
        eprintln!("images: making Debian {suite} with debootstrap");
        let mut command = Command::new(self.folder("base").join("build"));
        command.args([suite, image.tag]);
        docker::logged(&mut command, &self.log(image)).with_context(|| format!("debootstrap of {suite} failed"))
    }

    fn dockerfile(&self, image: &Image, file: &str, base: &str, cargo: Cargo) -> Result<()> {
        let base = catalog::named(base).with_context(|| format!("{} stands on an unknown image", image.name))?;
        let (folder, file) = file.split_once('/').with_context(|| format!("{file} lies in no folder"))?;
        let folder = self.folder(folder);
        let context = BuildContext::of(&folder, &self.cache)?;
        let pom = folder.join("pom.xml");
        match cargo {
            Cargo::Nothing => {}
            Cargo::Jars => context.add("libs", &maven::resolve(&pom, Goal::CopyJars, &[])?)?,
            Cargo::Connector { version } => {
                let properties = [format!("debezium.version={version}")];
                context.add("plugins", &maven::resolve(&pom, Goal::UnpackArchive, &properties)?)?;
            }
            Cargo::Worker => context.add("worker", &workspace::built_worker(self.root)?)?,
            Cargo::Engine => {
                // The engine itself needs neither pandas nor pyarrow, which its package names.
                let packages = analytics::environment()?.packages()?;
                for name in ENGINE {
                    context.add(&format!("engine/{name}"), &packages.join(name))?;
                }
            }
        }
        let build = docker::Build { context: context.path(), file, tag: image.tag, base: base.tag, fresh: self.fresh };
        docker::build(&build, &self.log(image))
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join("compose/images").join(name)
    }

    fn log(&self, image: &Image) -> PathBuf {
        self.cache.join(format!("{}.log", image.name))
    }
}

fn debian_suite(image: &Image) -> Option<&'static str> {
    match image.recipe {
        Recipe::Debian { suite } => Some(suite),
        Recipe::HostDebian | Recipe::Dockerfile { .. } => None,
    }
}

/// This machine's release, as debootstrap calls it: `bookworm`, `noble`.
fn host_suite() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("/etc/os-release cannot be read")?;
    codename(&text).context("/etc/os-release has no VERSION_CODENAME: this is neither Debian nor Ubuntu, so the worker's image cannot be built from what is compiled here")
}

fn codename(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"').to_owned()).filter(|name| !name.is_empty())
}

fn megabytes(built: &Built) -> String {
    format!("{} MB", built.bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_release_is_read() {
        for (text, name) in [
            ("NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\n", Some("bookworm")),
            ("VERSION_CODENAME=\"noble\"", Some("noble")),
            ("VERSION_CODENAME=\n", None),
            ("NAME=Fedora", None),
        ] {
            assert_eq!(codename(text).as_deref(), name, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_rounded_up() {
        let size = |bytes| megabytes(&Built { id: String::new(), bytes });
        assert_eq!(
            (size(1), size(1_000_000), size(1_000_001)),
            ("1 MB".to_owned(), "1 MB".to_owned(), "2 MB".to_owned())
        );
    }
}
