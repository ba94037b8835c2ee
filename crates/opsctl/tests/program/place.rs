//! A stack's directory of a test's own, with a `docker` command of its own, and the program run in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// Anybody but root.
const NOBODY: u32 = 65_534;

/// How a run of `opsctl` ended and what it said.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) exit: Option<i32>,
    /// Standard error without the hint.
    pub(crate) said: String,
    /// The line behind `hint:`.
    pub(crate) hint: String,
    pub(crate) stdout: String,
}

/// Goes with everything in it when dropped.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().expect("a directory") };
        open_to_all(place.path());
        place.write("compose/compose.yaml", "services: {}\n");
        place.write("compose/local.env", "CDC_KAFKA_IMAGE=cdc-local/kafka:3.6.2\n");
        place.write("compose/secrets/generate", "exit 0\n");
        place.write("connectors/orders.json", r#"{"name":"orders","config":{"connector.class":"a.B"}}"#);
        place.compose("exit 1");
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("docker.sock")
    }

    /// Writes a file, with the directories around it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("below the place")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// What the `docker` command does when it is called.
    pub(crate) fn compose(&self, script: &str) {
        self.write("bin/docker", &format!("#!/bin/sh\n{script}\n"));
        open_to_all(&self.path().join("bin/docker"));
    }

    pub(crate) fn opsctl(&self, arguments: &[&str]) -> Refused {
        Refused::of(&self.command(Path::new(env!("CARGO_BIN_EXE_opsctl")), arguments).output().expect("ran"))
    }

    /// The same, going on beside the test.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_opsctl")), arguments);
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started")
    }

    /// As a terminal does it: the program and all that it has started get the signal.
    pub(crate) fn press_ctrl_c(child: &Child) {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process_group(group, Signal::INT).expect("sent");
    }

    /// As a user whom files forbid something: nothing is forbidden to root, so it is somebody else then.
    pub(crate) fn as_nobody(&self, arguments: &[&str]) -> Refused {
        if !rustix::process::geteuid().is_root() {
            return self.opsctl(arguments);
        }
        // Where cargo puts the program, others may not look.
        let program = self.path().join("opsctl");
        fs::copy(env!("CARGO_BIN_EXE_opsctl"), &program).expect("copied");
        open_to_all(&program);
        Refused::of(&self.command(&program, arguments).uid(NOBODY).gid(NOBODY).output().expect("ran"))
    }

    /// Waits for a file that the `docker` command writes.
    pub(crate) fn wait_for(&self, name: &str) {
        for _ in 0..1500 {
            if self.path().join(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{name} did not come");
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", format!("{}:{path}", self.path().join("bin").display()));
        command.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
        // The lock lies there: tests do not wait for each other.
        command.env("TMPDIR", self.path()).env("CDC_STACK_DIR", self.path()).env("CDC_PROJECT", "refusals");
        command
    }
}

impl Refused {
    fn of(output: &Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let (said, hint) = stderr.split_once("\nhint: ").unwrap_or((&stderr, ""));
        Self {
            exit: output.status.code(),
            said: said.to_owned(),
            hint: hint.to_owned(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("set");
}
