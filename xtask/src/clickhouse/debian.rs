//! Debian's ClickHouse server, 18.16: old, without deduplication tokens, but a real server with users, connections and
//! processes. Its packages are unpacked into the cache; nothing is installed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::chaos::rest;
use crate::process::{Group, Interrupted, ask, succeeded};
use crate::stopwatch::{Stopwatch, human};
use crate::{signals, workspace};

/// The server and the libraries that it needs, by their names in bookworm.
const PACKAGES: &str = "clickhouse-server clickhouse-common libboost-filesystem1.74.0 libboost-program-options1.74.0 \
    libcapnp-0.9.2 libcctz2 libcpuinfo0 libdouble-conversion3 libfarmhash0 libicu72 libjemalloc2 libltdl7 liblz4-1 \
    libmariadb3 libmetrohash1 libodbc2 libpcre3 libpococrypto80 libpocodata80 libpocodataodbc80 libpocofoundation80 \
    libpocojson80 libpocomongodb80 libpoconet80 libpoconetssl80 libpocoutil80 libpocoxml80 librdkafka1 libre2-9";
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
const START_LIMIT: Duration = Duration::from_secs(30);
const USERS: &str = include_str!("old-users.xml");

/// A running server; dropped, it stops and its data goes.
#[derive(Debug)]
pub(crate) struct OldClickHouse {
    // Declared before the directory: the process ends first.
    _process: Group,
    address: String,
    _directory: TempDir,
}

impl OldClickHouse {
    /// Starts it on a free port of 127.0.0.1 and waits until it takes part.
    pub(crate) fn start() -> Result<Self> {
        let unpacked = unpacked()?;
        let watch = Stopwatch::start();
        let directory = tempfile::Builder::new().prefix("cdc-clickhouse-old-").tempdir()?;
        let port = rest::free_port()?;
        fs::write(directory.path().join("users.xml"), USERS)?;
        fs::write(directory.path().join("config.xml"), configuration(directory.path(), port))?;
        let log = directory.path().join("server.log");
        let mut command = Command::new(unpacked.join("usr/sbin/clickhouse-server"));
        let libraries = LIBRARIES.map(|place| unpacked.join(place).display().to_string()).join(":");
        command.arg("--config-file").arg(directory.path().join("config.xml")).env("LD_LIBRARY_PATH", libraries);
        let file = File::create(&log)?;
        command.current_dir(directory.path()).stdout(file.try_clone()?).stderr(file);
        let mut process = Group::spawn(&mut command)?;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = process.try_wait()? {
                bail!("ClickHouse 18.16 ended ({status}):\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            if signals::asked_to_stop() {
                bail!(Interrupted);
            }
            if watch.elapsed() > START_LIMIT {
                bail!("ClickHouse 18.16 was not ready within {}", human(START_LIMIT));
            }
            thread::sleep(Duration::from_millis(50));
        }
        let address = format!("127.0.0.1:{port}");
        eprintln!("clickhouse: Debian's 18.16 ready on {address} after {}", human(watch.elapsed()));
        Ok(Self { _process: process, address, _directory: directory })
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

fn configuration(directory: &Path, port: u16) -> String {
    let place = directory.display();
    format!(
        "<yandex><logger><level>warning</level><console>1</console></logger><http_port>{port}</http_port>\
         <listen_host>127.0.0.1</listen_host><path>{place}/data/</path><tmp_path>{place}/tmp/</tmp_path>\
         <format_schema_path>{place}/schemas/</format_schema_path><users_config>users.xml</users_config>\
         <default_profile>default</default_profile><default_database>default</default_database>\
         <mark_cache_size>67108864</mark_cache_size></yandex>\n"
    )
}

/// Where the packages are unpacked; brought there the first time.
fn unpacked() -> Result<PathBuf> {
    let place = workspace::cache()?.join("clickhouse-18.16");
    let (root, made) = (place.join("root"), place.join("packages.txt"));
    if fs::read_to_string(&made).is_ok_and(|made| made == PACKAGES) {
        return Ok(root);
    }
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("{} cannot be removed", place.display()))?;
    }
    fs::create_dir_all(&root)?;
    let mut download = Command::new("apt-get");
    download.args(["download", "--quiet"]).args(PACKAGES.split_whitespace()).current_dir(&place);
    let answer = ask(&mut download)?;
    if !answer.status.success() {
        bail!("apt-get download: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    for entry in fs::read_dir(&place)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            succeeded(ask(Command::new("dpkg").arg("-x").arg(&package).arg(&root))?.status, "dpkg -x")?;
            fs::remove_file(&package)?;
        }
    }
    fs::write(made, PACKAGES)?;
    Ok(root)
}
