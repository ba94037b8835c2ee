//! Windows: per symbol, tumbling, [start, end), aligned to the Unix epoch, accumulated as events come. Pure.

mod accumulator;
mod tumbling;

pub use accumulator::{Accumulator, Aggregate};
pub use tumbling::{Added, TumblingWindows, Windows};
