//! An Engine that is reached by TCP, as one on another machine is: what it can be asked is looked at, what is on its loopback
//! is not, and that is said.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::{Context as _, Result, ensure};

use super::{Stage, TO_LOOK, wait_until_well};
use crate::stack::docker;

const SOCKET: &str = "/var/run/docker.sock";

pub(super) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    wait_until_well(stage, stack)?;
    // Not loopback: nothing tells it from another machine's. Of the stack's own network: what the default one has is not said
    // by every Engine.
    let network = format!("{}_default", stack.project);
    let gateway = docker::docker(&["network", "inspect", &network, "--format", "{{(index .IPAM.Config 0).Gateway}}"])?;
    let listener = TcpListener::bind((gateway.trim(), 0)).with_context(|| format!("gateway {gateway:?}: no port"))?;
    let engine = format!("tcp://{}", listener.local_addr()?);
    thread::spawn(move || forward(&listener));

    let answer = stack.opsctl_with(&["doctor"], &[("DOCKER_HOST", &engine)], TO_LOOK)?;
    let unseen = answer["not_looked_at"].as_array().cloned().unwrap_or_default();
    let words = unseen.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    ensure!(words.contains("the machine that DOCKER_HOST names"), "what cannot be seen is not said: {answer}");
    let seen = answer.pointer("/summary/ok").and_then(serde_json::Value::as_u64).unwrap_or(0);
    stage.note("checks that are well, seen from far", seen);
    ensure!(seen > 10, "little was looked at: {}", answer["summary"]);
    let wrong = answer["findings"].as_array().into_iter().flatten().filter(|finding| finding["level"] == "fail");
    let wrong: Vec<String> = wrong.map(|finding| format!("{}: {}", finding["id"], finding["what"])).collect();
    ensure!(wrong.is_empty(), "a healthy stack is called broken from far: {wrong:?}");

    stage.step("nobody listens there");
    let nobody = TcpListener::bind((gateway.trim(), 0))?.local_addr()?;
    let nowhere = format!("tcp://{nobody}");
    let answer = stack.opsctl_with(&["doctor"], &[("DOCKER_HOST", &nowhere)], TO_LOOK)?;
    let told = answer.to_string();
    ensure!(told.contains("DOC-DOCKER") && told.contains(&nobody.to_string()), "{nowhere} is not named: {answer}");
    ensure!(answer["seconds"].as_f64().is_some_and(|seconds| seconds < 2.5), "it took {} s", answer["seconds"]);
    Ok(())
}

/// Bytes both ways, for as long as this program runs.
fn forward(listener: &TcpListener) {
    for client in listener.incoming().map_while(Result::ok) {
        thread::spawn(move || -> io::Result<()> {
            let engine = UnixStream::connect(SOCKET)?;
            let (back, there) = (client.try_clone()?, engine.try_clone()?);
            let answers = thread::spawn(move || copy(engine, back));
            copy(client, there)?;
            let _ended = answers.join();
            Ok(())
        });
    }
}

/// Until one side ends; then the other is told.
fn copy(mut from: impl Read, mut to: impl Write + Half) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.end()
}

/// A connection of which one direction can be ended.
trait Half {
    fn end(&self) -> io::Result<()>;
}

impl Half for TcpStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}

impl Half for UnixStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}
