//! The program as people run it, beside an Engine and a Compose that answer what a test gives them.

#![cfg(test)]

mod engine;
mod help;
mod place;
mod refusals;
