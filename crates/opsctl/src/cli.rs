//! The command line: every command and flag, in one place. Nothing is done here; `commands/` does it.

mod worker;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use worker::{SavepointCommand, WorkerArgs, WorkerCommand};

/// Brings the change-data-capture pipeline up, keeps it right, says what is wrong.
#[derive(Debug, Parser)]
#[command(name = "opsctl", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  opsctl up                         bring everything up; run again at any time
  opsctl status --watch             one screen, refreshed
  opsctl doctor --fix               what is wrong and why; repairs what it can
  opsctl worker logs -f             what the worker says and finds
  opsctl savepoint trigger          a portable copy of the worker's state
  opsctl connector diff             what differs from connectors/
  opsctl down                       stop everything, keep the data

Exit codes: 0 done, 1 differs or warnings, 2 failed, 3 could not run (wrong usage, Docker not there, another opsctl at work), 130 interrupted.";

/// Flags that every command takes, before its name or behind it.
#[derive(Args, Clone, Debug)]
pub(crate) struct CommonArgs {
    /// Name of the stack; two stacks on one machine have two names and other ports
    #[arg(short, long, global = true, env = "CDC_PROJECT", value_name = "NAME", default_value = "cdc-pipeline")]
    pub(crate) project: String,
    /// Directory that holds compose/ and connectors/; else the nearest one above here
    #[arg(long, global = true, env = "CDC_STACK_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// One JSON object on stdout at the end
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Wait so many times as long as usual, on a machine that is slow or busy
    #[arg(long, global = true, env = "CDC_PATIENCE", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) patience: u32,
    /// Colours and spinners: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start what does not run, repair what is wrong, skip what is right
    Up(UpArgs),
    /// Stop the worker with a savepoint, then the stack; data stays
    Down(DownArgs),
    /// One screen: containers, brokers, topics, connectors, worker
    Status(StatusArgs),
    /// What is wrong, why, and what mends it; with `--fix` mends it
    Doctor(DoctorArgs),
    /// Everything that a colleague needs to help, in one archive, without secrets
    Bundle(BundleArgs),
    /// Keep an eye: restart failed tasks with growing pauses, tell what changes
    Watch(WatchArgs),
    /// The Debezium connectors in Kafka Connect
    Connector {
        #[command(subcommand)]
        command: ConnectorCommand,
    },
    /// The worker's container
    Worker {
        #[command(subcommand)]
        command: WorkerCommand,
    },
    /// Portable copies of a worker's state, kept in its volume
    Savepoint {
        #[command(subcommand)]
        command: SavepointCommand,
    },
    /// What the containers wrote
    Logs(LogsArgs),
    /// Print a completion script: `opsctl completions bash > /etc/bash_completion.d/opsctl`
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// `opsctl up`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  opsctl up                              images as found: public ones, or those of `cargo xtask images`
  opsctl up --images local --kraft       built here, and without ZooKeeper
  opsctl up --no-worker                  everything but the worker")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Do not look at this beforehand: `memory`, `ports`, or what else `doctor` finds in the files; may be repeated
    #[arg(long, value_name = "CHECK", action = ArgAction::Append)]
    pub(crate) skip_check: Vec<Preflight>,
    /// Do not start the worker
    #[arg(long)]
    pub(crate) no_worker: bool,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

/// Which stack.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StackArgs {
    /// Without ZooKeeper (compose/kraft.yaml); a stack that was made so stays so
    #[arg(long)]
    pub(crate) kraft: bool,
    /// Whose images: public, local (of `cargo xtask images`), auto (local where the public ones are not here and the local ones are)
    #[arg(long, value_name = "WHOSE", default_value = "auto", hide_possible_values = true)]
    pub(crate) images: Images,
    /// Also start these: ui (Kafka UI), observability (Prometheus and Grafana), analytics (ClickHouse, which the worker then
    /// writes to; with observability also in Grafana); several with commas
    #[arg(long, value_name = "WHAT", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) with: Vec<Extra>,
    /// The same as --with ui
    #[arg(long)]
    pub(crate) ui: bool,
}

/// What runs beside the pipeline where it is asked for: a profile of compose.yaml.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extra {
    Ui,
    Observability,
    Analytics,
}

/// Whose images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Images {
    #[default]
    Auto,
    Public,
    Local,
}

/// What `up` looks at before it starts anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preflight {
    Memory,
    Ports,
    Doctor,
}

/// `opsctl down`
#[derive(Args, Clone, Debug)]
pub(crate) struct DownArgs {
    /// Also remove the volumes: all data of this stack, MySQL's too; asks first
    #[arg(long)]
    pub(crate) volumes: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Stop workers without a savepoint: their state stays all the same
    #[arg(long)]
    pub(crate) no_savepoint: bool,
}

/// `opsctl status`
#[derive(Args, Clone, Debug)]
pub(crate) struct StatusArgs {
    /// Refresh every so many seconds, 2 if no number is given
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) watch: Option<u64>,
}

/// `opsctl doctor`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  opsctl doctor                          everything, grouped; nothing is changed
  opsctl doctor -v --only kafka          one group, with what was looked at and seen
  opsctl doctor --explain DOC-CLUSTER-ID symptom, cause, remedy, source of one check
  opsctl doctor --fix                    prints the plan, asks, repairs, looks again
  opsctl doctor --json | jq -r '.findings[] | select(.level != \"ok\" and .caused_by == []) | .id'

--fix never deletes a topic, a volume or a connector's offsets.
Exit codes: 0 all well, 1 warnings or something could not be looked at, 2 failures, 3 wrong usage.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct DoctorArgs {
    /// Repair what can be repaired without losing data
    #[arg(long)]
    pub(crate) fix: bool,
    /// Do not ask before repairing
    #[arg(short, long, requires = "fix")]
    pub(crate) yes: bool,
    /// With what was looked at, evidence and why it matters
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Only these: an id (with or without DOC-) or a group; may be repeated, or separated by commas
    #[arg(long, value_name = "CHECK", action = ArgAction::Append, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Not these
    #[arg(long, value_name = "CHECK", action = ArgAction::Append, value_delimiter = ',')]
    pub(crate) skip: Vec<String>,
    /// The page on one check
    #[arg(long, value_name = "ID", conflicts_with_all = ["fix", "facts", "record"])]
    pub(crate) explain: Option<String>,
    /// Print the JSON schema of what `--json` prints
    #[arg(long)]
    pub(crate) schema: bool,
    /// Also write what was seen to this file, without secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Judge what was written by --record, here or elsewhere, and look at nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "record"])]
    pub(crate) facts: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) worker: WorkerArgs,
}

/// `opsctl bundle`
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleArgs {
    /// The archive; else PROJECT-TIME.tar.gz here
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// This many last lines of each container's log
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 2000)]
    pub(crate) lines: u32,
}

/// `opsctl watch`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  opsctl watch                       until Ctrl-C; a line for each change
  */5 * * * * opsctl watch --once -q  from cron: one look, restarts what failed

After the n-th restart in a row it waits n² + n minutes, an hour at most; what has run for ten minutes begins anew.
Exit codes of --once are the doctor's: 0 all well, 1 warnings, 2 failures.")]
pub(crate) struct WatchArgs {
    /// Look once
    #[arg(long)]
    pub(crate) once: bool,
    /// Look every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..))]
    pub(crate) interval: u64,
    /// Restart so often in a row, then leave it to a person; without it for ever
    #[arg(long, value_name = "N")]
    pub(crate) max_restarts: Option<u32>,
}

/// `opsctl connector …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Names and states
    List,
    /// State of a connector and its tasks, with the first cause of a failure
    Status {
        /// Connector; all if absent
        name: Option<String>,
    },
    /// Register a connector, or update it if its configuration differs
    Register {
        /// Files as in connectors/; all of that folder if absent
        files: Vec<PathBuf>,
    },
    /// What differs between the file and what Connect runs; exit code 1 if anything does
    Diff {
        /// Files as in connectors/; all of that folder if absent
        files: Vec<PathBuf>,
    },
    /// Stop reading the binlog, keep the position
    Pause {
        /// Connector
        name: String,
    },
    /// Go on after a pause
    Resume {
        /// Connector
        name: String,
    },
    /// Restart what failed
    Restart {
        /// Connector
        name: String,
        /// Restart what runs, too
        #[arg(long)]
        all: bool,
    },
    /// Remove a connector; its offsets stay in Connect's topic
    Delete {
        /// Connector
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `opsctl logs`
#[derive(Args, Clone, Debug)]
pub(crate) struct LogsArgs {
    /// Services, such as kafka-connect; all if absent
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) logs: LogFlags,
}

/// How much, and whether to wait for more.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LogFlags {
    /// Go on as lines are written
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// This many last lines of each container
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 100)]
    pub(crate) tail: u32,
    /// With the time of each line, UTC
    #[arg(short, long)]
    pub(crate) timestamps: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The file is what people read: whoever changes it has read it.
    #[test]
    fn the_doctor_s_help_is_as_it_was_read() {
        let help = Cli::try_parse_from(["opsctl", "doctor", "--help"]).expect_err("help").to_string();
        // Values of this environment are nobody else's.
        let lines = help.lines().map(|line| line.split(" [env:").next().unwrap_or_default().trim_end());
        assert_eq!(lines.collect::<Vec<_>>().join("\n"), include_str!("ui/expected/help-doctor.txt").trim_end());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
