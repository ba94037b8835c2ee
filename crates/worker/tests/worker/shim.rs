//! A worker whose calls to the machine fail, wait, or kill it: a small library in C is loaded into it, which is built here.
//! What can be asked for stands at the top of `shim/shim.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Builds the library, once a run of the tests.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worker/shim/shim.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).arg(&source);
        assert!(cc.status().expect("a C compiler, as the worker's own build needs").success(), "{cc:?}");
        library
    })
}

/// Puts rules between a worker and the machine.
pub(crate) fn shimmed(command: &mut Command, rules: &str) {
    command.env("LD_PRELOAD", library()).env("CDC_SHIM", rules);
}

/// The same for rules that count while a file exists.
pub(crate) fn shimmed_while(command: &mut Command, rules: &str, flag: &Path) {
    shimmed(command, rules);
    command.env("CDC_SHIM_WHILE", flag);
}
