//! Every command's help, as it is printed: a change of a text or a flag is seen in `help.txt`.

use std::process::Command;

/// The commands, as they are typed.
const COMMANDS: [&str; 28] = [
    "",
    "up",
    "down",
    "status",
    "connector",
    "connector list",
    "connector status",
    "connector register",
    "connector diff",
    "connector pause",
    "connector resume",
    "connector restart",
    "connector delete",
    "worker",
    "worker start",
    "worker stop",
    "worker upgrade",
    "worker scale",
    "worker logs",
    "savepoint",
    "savepoint trigger",
    "savepoint list",
    "savepoint inspect",
    "savepoint dispose",
    "logs",
    "doctor",
    "watch",
    "bundle",
];

#[test]
fn help_is_as_it_was_agreed() {
    let mut text = String::new();
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        // Without the environment, whose values would stand in it.
        let shown = Command::new(env!("CARGO_BIN_EXE_opsctl")).args(&arguments).env_clear().output().expect("ran");
        assert!(shown.status.success(), "{command}: {shown:?}");
        text.extend(["$ opsctl ", &arguments.join(" "), "\n", &String::from_utf8_lossy(&shown.stdout), "\n"]);
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/help.txt");
    if std::env::var_os("OPSCTL_WRITE_HELP").is_some() {
        std::fs::write(file, &text).expect("written");
    }
    let agreed = std::fs::read_to_string(file).expect("help.txt");
    let line = text.lines().zip(agreed.lines()).find(|(now, before)| now != before);
    assert!(text == agreed, "another help than in help.txt, first {line:?}; if that is meant: OPSCTL_WRITE_HELP=1");
}
