//! The project's chores: `cargo xtask lint | test | ci | golden | soak | bench | fuzz | dist`.
//!
//! Each is a short list of commands; what a chore needs beyond the toolchain it installs under the target folder or says
//! precisely what is missing.

mod bench;
mod dist;
mod tools;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The project's chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Formatting and clippy, warnings refused.
    Lint,
    /// Every test: rules, crates, real processes, lake readers, the tutorial.
    Test,
    /// Lint, test, and the dependency rules of deny.toml.
    Ci,
    /// Rewrite the generated reference pages.
    Golden,
    /// The long form of the crash loop: 200 rounds.
    Soak,
    /// Throughput, latency and ratios in one run; writes docs/benchmarks.md.
    Bench(bench::Bench),
    /// Mutates the corpus of the mapping language, in search of panics and slowness.
    Fuzz {
        /// `parse`, or `eval` to run what parses too.
        #[arg(value_parser = ["parse", "eval"])]
        what: String,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// The same seed makes the same texts.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A stripped package for a bare Debian, with its size and times.
    Dist,
}

pub(crate) type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Lint => lint(),
        Chore::Test => test(&[]),
        Chore::Ci => lint().and_then(|()| test(&[])).and_then(|()| deny()),
        Chore::Golden => golden(),
        Chore::Soak => soak(),
        Chore::Bench(bench) => bench.run(),
        Chore::Fuzz { what, seconds, seed } => fuzz(&what, seconds, seed),
        Chore::Dist => dist::dist(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace. Asked when it runs: clones in other folders may share what is built.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    here.parent().map(Path::to_owned).unwrap_or_default()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Cargo, in the root of the workspace, and as a shell would start it: what the outer cargo says of this package would make
/// build scripts run again that look at it.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    for (name, _) in std::env::vars_os() {
        let of_package = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if of_package {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end, with its name printed.
pub(crate) fn run(command: &mut Command) -> Outcome {
    println!("> {}", show(command));
    let status = command.status().map_err(|error| format!("cannot run {}: {error}", show(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", show(command))) }
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn lint() -> Outcome {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--profile", "ci", "--", "-D", "warnings"]))
}

/// All tests, in the profile of the process tests so that everything is compiled once.
fn test(extra: &[(&str, &str)]) -> Outcome {
    let python = tools::python("readers")?;
    let clients = tools::python("clients")?;
    // The planted faults are a build of their own; it is set aside before the real one takes its name.
    run(&mut cargo(&["build", "--profile", "ci", "--package", "tributary", "--features", "faults"]))?;
    let faults = target().join("tributary-with-faults");
    std::fs::copy(target().join("ci/tributary"), &faults)
        .map_err(|error| format!("{}: {error}", faults.display()))?;
    run(&mut cargo(&["build", "--profile", "ci", "--package", "tributary"]))?;
    // What tests measured is shown also when they pass.
    let mut tests = cargo(&["test", "--workspace", "--profile", "ci", "--", "--show-output"]);
    tests
        .env("TRIBUTARY_TEST_PYTHON", &python)
        .env("TRIBUTARY_TEST_FAULTS", &faults)
        .env("TRIBUTARY_TEST_CLIENTS", &clients)
        .envs(extra.iter().copied());
    run(&mut tests)?;
    let mut tutorial = Command::new("bash");
    tutorial
        .arg(root().join("examples/tutorial.sh"))
        .env("TRIBUTARY", target().join("ci/tributary"))
        .env("PYTHON", &python);
    run(&mut tutorial)
}

fn soak() -> Outcome {
    test(&[("TRIBUTARY_TEST_ROUNDS", "200")])
}

fn fuzz(what: &str, seconds: u64, seed: u64) -> Outcome {
    let profile = ["run", "--profile", "ci", "--package", "prep", "--example", "fuzz", "--", what];
    run(cargo(&profile).args([seconds.to_string(), seed.to_string()]))
}

fn deny() -> Outcome {
    let deny = tools::cargo_deny()?;
    run(Command::new(deny).current_dir(root()).args(["check", "bans", "licenses", "sources"]))
}

fn golden() -> Outcome {
    let page =
        cargo(&["run", "--quiet", "--profile", "ci", "--package", "tributary", "--", "config", "reference"])
            .output()
            .map_err(|error| error.to_string())?;
    if !page.status.success() {
        return Err(String::from_utf8_lossy(&page.stderr).into_owned());
    }
    let path = root().join("docs/reference/settings.md");
    std::fs::write(&path, page.stdout).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut tests = cargo(&["test", "--profile", "ci", "--package", "prep", "--package", "xdm", "reference"]);
    run(tests.env("TRIBUTARY_GOLDEN", "write"))?;
    let mut cases = cargo(&["test", "--profile", "ci", "--package", "tributary", "--test", "process"]);
    cases.arg("compatibility_page");
    run(cases.env("TRIBUTARY_GOLDEN", "write"))
}
