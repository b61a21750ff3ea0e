//! Tests of the real binary as a process, over real HTTP, read back by lake readers that are not ours.
//!
//! `cargo xtask test` sets `TRIBUTARY_TEST_PYTHON` and `TRIBUTARY_TEST_CLIENTS` (Pythons with the readers and the clients)
//! and `TRIBUTARY_TEST_FAULTS` (a build with planted faults). Without them the tests that need them print `skipped: why`.

mod admission;
mod apply;
mod audit;
mod cases;
mod clients;
mod commands;
mod crash;
mod credentials;
mod docs;
mod door;
mod faults;
mod gateway;
mod lake;
mod ledger;
mod oidc;
mod prep;
mod preview;
mod promises;
mod races;
mod sandboxes;
mod schemas;
mod support;
mod tls;
mod tutorial;
mod warnings;
mod xdm;
