//! Thin I/O, one system a file: nothing here decides.
