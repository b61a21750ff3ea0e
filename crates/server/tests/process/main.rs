//! Tests of the real binary as a process, over real HTTP, read back by lake readers that are not ours.
//!
//! `cargo xtask test` sets `TRIBUTARY_TEST_PYTHON` (a Python with the readers) and `TRIBUTARY_TEST_FAULTS` (a build with
//! planted faults). Without them the tests that need them print `skipped: why`.

mod admission;
mod commands;
mod crash;
mod door;
mod faults;
mod lake;
mod ledger;
mod promises;
mod support;
mod tutorial;
mod xdm;
