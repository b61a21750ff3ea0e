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
mod oidc;
mod plans;
mod run;
mod tls;
mod tokens;

use std::process::ExitCode;

/// Records are allocated by the thread that takes them in and freed by the one that logs them, which the system's allocator
/// is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
