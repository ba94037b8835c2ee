//! `worker backfill`: what is read, and which windows are filled in.

use clap::Args;

use super::{CommonArgs, Input, StretchArgs};

/// `worker backfill`
#[derive(Args, Debug)]
#[command(after_help = super::help::BACKFILL)]
pub struct BackfillArgs {
    /// Recordings, as `worker replay` reads them; without any: the topic, from its beginning to what it holds now
    #[arg(value_name = "FILES", conflicts_with_all = ["from_offset", "from_timestamp", "until"])]
    pub files: Vec<Input>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub stretch: StretchArgs,
    /// Only asks: says how many rows are missing, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The input is the whole history: windows at its edges are filled in too
    #[arg(long)]
    pub edges: bool,
    /// Fills in windows although they go by processing time: by the records' times then
    #[arg(long)]
    pub windows: bool,
    /// Language of alert messages: ko or en (key: `language`)
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Time that windows go by: processing or event (key: `time`)
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Threads that decode and run the operators, 1 to 128 (key: `parallelism`)
    #[arg(long, value_name = "N")]
    pub parallelism: Option<String>,
    /// File for the run's accounting, written at its end (key: `summary`)
    #[arg(long, value_name = "FILE")]
    pub summary: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}
