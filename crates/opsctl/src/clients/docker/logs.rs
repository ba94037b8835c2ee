//! What containers wrote, as they write it.

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::{Stream, StreamExt as _};

use crate::clients::docker::{Docker, failed};
use crate::failure::Result;

/// A piece of a container's output: mostly a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// It went to standard error.
    pub(crate) is_error: bool,
    /// As it was written, with its line break.
    pub(crate) bytes: Vec<u8>,
}

pub(super) fn options(follow: bool, tail: u32, timestamps: bool) -> LogsOptions {
    let builder = LogsOptionsBuilder::default().stdout(true).stderr(true);
    builder.follow(follow).timestamps(timestamps).tail(&tail.to_string()).build()
}

impl Docker {
    /// The container's output from its last `tail` lines on; with `follow` without end.
    pub(crate) fn output(
        &self,
        id: &str,
        follow: bool,
        tail: u32,
        timestamps: bool,
    ) -> impl Stream<Item = Result<LogLine>> + Unpin + use<> {
        let chunks = self.api.logs(id, Some(options(follow, tail, timestamps)));
        let lines = chunks.map(|chunk| match chunk {
            Ok(LogOutput::StdErr { message }) => Ok(LogLine { is_error: true, bytes: message.to_vec() }),
            Ok(other) => Ok(LogLine { is_error: false, bytes: other.into_bytes().to_vec() }),
            Err(error) => Err(failed("a container's log", &error)),
        });
        Box::pin(lines)
    }
}
