//! State in RocksDB, on the disk of one machine: what it is opened with, the store, what of a commit it writes, what its
//! errors mean.

mod failure;
mod latest;
mod options;
mod store;

pub use options::RocksOptions;
pub use store::RocksStateStore;
