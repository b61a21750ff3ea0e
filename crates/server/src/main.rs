//! The `tributary` binary: command line, configuration, the listeners and the APIs.
//!
//! Start with [`run`], which assembles the parts; [`api`] holds the route table, [`plans`] is the one translation from
//! the control plane to the record path.

mod api;
mod app;
mod apply;
mod cli;
mod client_jwt;
mod config;
mod credentials;
mod data_dir;
mod dev;
mod listen;
mod plans;
mod run;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
