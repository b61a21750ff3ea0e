//! R1, R4, R6, R7, R8, R18: what other faults than a kill do to a server. Each test prints its figures; one that lacks a
//! tool or a right says `skipped: why`.

mod disk;
mod power;
mod syncs;
mod tail;

use std::process::Command;
use std::time::Duration;

use vocab::{Clock as _, SystemClock};

/// The settings of a server with the smallest segments, so that they roll over and fill up soon.
pub(crate) const SMALL_SEGMENTS: &str =
    "[log]\nsegment_bytes = 4194304\nbytes_max = 268435456\n[lake]\ncommit_interval_ms = 500\n";

/// Runs a tool; the error is what it said, or that it is missing.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Says why a test did not run.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// How long something took.
pub(crate) struct Stopwatch {
    clock: SystemClock,
    began: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let clock = SystemClock::new();
        Self { began: clock.elapsed(), clock }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.began)
    }
}
