//! What time it is, for windows and rules: the clock (read at the rim, passed in), event time, watermarks. Pure but for
//! [`clock`], the one place where the machine's clocks are read.

pub mod clock;
mod instant;
mod watermark;

pub use instant::{MAX_TIME_MS, MIN_TIME_MS, Zone, write_rfc3339};
pub use watermark::{PartitionTime, WatermarkSettings, Watermarks};

use crate::words::words;

words! {
    /// Which time windows and rules go by.
    TimeMode {
        /// The epoch's clock (the seed's choice); in a recording each line's.
        Processing = "processing",
        /// `source.ts_ms`, with watermarks.
        Event = "event",
    }
}

/// "No watermark yet": below every time.
pub const NO_WATERMARK: i64 = i64::MIN;
