//! How outputs become bytes: text as the seed printed it, or one JSON object a line.

use super::{JsonRenderer, TextRenderer};
use crate::epoch::{Output, Outputs};
use crate::words::words;

words! {
    /// How results are written to stdout and the file.
    Format {
        /// The seed's lines.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Appends one line, with its line feed, for each output: results to `out`, what text keeps apart to `err`.
pub trait Render {
    /// Renders one output.
    fn line(&self, outputs: &Outputs, line: &Output, out: &mut Vec<u8>, err: &mut Vec<u8>);
}

/// One of the two renderers.
#[derive(Clone, Debug)]
pub enum Renderer {
    /// The seed's lines.
    Text(TextRenderer),
    /// One JSON object a line.
    Json(JsonRenderer),
}

impl Renderer {
    /// Renders all outputs of an epoch.
    pub fn render(&self, outputs: &Outputs, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        for line in &outputs.lines {
            match self {
                Self::Text(text) => text.line(outputs, line, out, err),
                Self::Json(json) => json.line(outputs, line, out, err),
            }
        }
    }
}
