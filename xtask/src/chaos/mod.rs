//! `cargo xtask chaos`: a real broker, a generator that never rests, a worker with its state on disk, and faults drawn from a
//! seed. At the end the worker's results are compared with what the oracle (`tests/oracle`, which never crashes and shares no
//! code with the worker) makes of the same topic. The faults and their order follow from the seed; when exactly each
//! meets the worker does not.

pub(crate) mod dice;
pub(crate) mod wait;
pub(crate) mod rest;
mod mount;
mod load;
pub(crate) mod life;
mod witness;
mod fault;
mod act;
mod inflict;
mod losses;
mod recording;
mod windows;
mod compare;
mod report;
mod run;

pub(crate) use run::{run, run_short};
