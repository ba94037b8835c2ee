//! Pure rooms read no clock, start nothing, touch neither network nor disk: they do not even name what could.
//!
//! A `#[cfg(feature = …)]` is no excuse; the tests at a file's end may do as they like.

use crate::tidy::rust_paths::{RustPath, paths};
use crate::tidy::tree::Tree;
use crate::tidy::{Finding, rust_text};

const WORKER: &str = "crates/worker/src/";

/// Folders, or files of that name with `.rs`. A room that was renamed must not lose its guard: each must be there.
const ROOMS: [&str; 6] = ["decode", "route", "time", "window", "anomaly", "epoch/execute"];
/// Guarded once they are there.
const LATER_ROOMS: [&str; 1] = ["epoch/recovery"];
/// The one file that reads the clock and waits by it.
const CLOCK: &str = "crates/worker/src/time/clock.rs";

const FORBIDDEN: [&str; 15] = [
    "std::fs",
    "std::net",
    "std::os::unix::net",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::time::Instant",
    "std::time::SystemTime",
    "rdkafka",
    "tokio",
    "axum",
    "rocksdb",
    "reqwest",
];

/// Whatever crate they are named from, these read the clock.
const CLOCK_CALLS: [[&str; 2]; 4] = [["Instant", "now"], ["SystemTime", "now"], ["Timestamp", "now"], ["Zoned", "now"]];

/// Impure names in pure rooms, and rooms that are not there.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in ROOMS {
        if !tree.rust().any(|file| is_in(room, &file.path)) {
            findings.push(Finding::new(
                format!("{WORKER}{room}"),
                0,
                "this pure room is not there: if it was renamed, rename it in xtask too",
            ));
        }
    }
    let guarded = |path: &str| ROOMS.iter().chain(&LATER_ROOMS).any(|room| is_in(room, path));
    for file in tree.rust().filter(|file| guarded(&file.path)) {
        for path in paths(&rust_text::code_without_tests(file)) {
            if let Some(name) = impurity(&path).filter(|name| file.path != CLOCK || !is_the_clock_s(name)) {
                let what = format!("`{name}` in a pure room: what it gives must be passed in");
                findings.push(Finding::new(&file.path, path.line, what));
            }
        }
    }
    findings
}

/// `epoch/execute` holds `epoch/execute.rs`, `epoch/execute_windows.rs` and `epoch/execute/…`; `time` holds no `timer.rs`.
fn is_in(room: &str, path: &str) -> bool {
    let Some(rest) = path.strip_prefix(WORKER).and_then(|path| path.strip_prefix(room)) else { return false };
    rest == ".rs" || rest.starts_with('/') || (room.contains('/') && rest.starts_with('_'))
}

fn is_the_clock_s(name: &str) -> bool {
    name.contains("time") || name.contains("now") || name == "std::thread::sleep"
}

/// The forbidden name that this path uses, or could hide: a glob over it, or its module under another name.
fn impurity(path: &RustPath) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    if let [.., kind, call] = segments.as_slice()
        && CLOCK_CALLS.contains(&[kind, call])
    {
        return Some(segments.join("::"));
    }
    let (stem, glob) = match segments.split_last() {
        Some((&"*", stem)) => (stem, true),
        _ => (segments.as_slice(), false),
    };
    let hit = FORBIDDEN.iter().any(|forbidden| {
        let forbidden: Vec<&str> = forbidden.split("::").collect();
        let hides = forbidden.starts_with(stem) && (glob || stem.len() > 1) && !stem.is_empty();
        stem.starts_with(&forbidden) || hides
    });
    hit.then(|| segments.join("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_reach_outside_are_found() {
        for (code, name) in [
            ("use std::fs;", Some("std::fs")),
            ("use std::{io::Read, fs::File};", Some("std::fs::File")),
            ("let x = ::std::thread::spawn(f);", Some("std::thread::spawn")),
            ("use std::time::{Duration, Instant};", Some("std::time::Instant")),
            ("use std::time;", Some("std::time")),
            ("use std::time::{self as t, Duration};", Some("std::time")),
            ("use std::time::*;", Some("std::time::*")),
            ("use std::*;", Some("std::*")),
            ("use rdkafka::message::Message;", Some("rdkafka::message::Message")),
            ("use tokio as t;", Some("tokio")),
            ("jiff::Timestamp::now()", Some("jiff::Timestamp::now")),
            ("use std::time::Duration;", None),
            ("use std::collections::{BTreeMap, HashMap};", None),
            ("use std::io::{self, Read};", Some("std::io")),
            ("use std::io::Read;", None),
            ("let time = self.time; crate::time::Watermark::default()", None),
            ("use super::*; use crate::event::*;", None),
        ] {
            assert_eq!(paths(code).iter().find_map(impurity).as_deref(), name, "{code}");
        }
    }

    #[test]
    fn rooms_are_told_from_their_neighbours() {
        for (path, room) in [
            ("crates/worker/src/time/watermark.rs", Some("time")),
            ("crates/worker/src/time.rs", Some("time")),
            ("crates/worker/src/timer.rs", None),
            ("crates/worker/src/source/decode.rs", None),
            ("crates/worker/src/epoch/execute.rs", Some("epoch/execute")),
            ("crates/worker/src/epoch/execute_timers.rs", Some("epoch/execute")),
            ("crates/worker/src/epoch/executor.rs", None),
            ("crates/opsctl/src/time/mod.rs", None),
        ] {
            assert_eq!(ROOMS.into_iter().find(|room| is_in(room, path)), room, "{path}");
        }
    }
}
