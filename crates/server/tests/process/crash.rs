//! R1, R2, R3, R7: a server that is killed at random instants loses nothing, doubles nothing, and keeps nothing that it
//! refused. The harness itself is shown to find each planted fault.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::{Ledger, Load, Random, Verdict, judge, prepare, seed};
use crate::support::{Start, faulty_binary};

const CLIENTS: usize = 8;

/// Runs the loop: posts, kills, starts again; then counts with another program.
fn crash_loop(binary: &str, fault: Option<&str>, rounds: u64, kill: bool) -> Option<Verdict> {
    let home = tempfile::tempdir().unwrap();
    let environment: Vec<(&str, String)> =
        fault.map(|name| ("TRIBUTARY_FAULT", name.to_owned())).into_iter().collect();
    let start = || Start { binary, environment: environment.clone(), ..Start::on(home.path()) };
    let (setup, inlet) = prepare(&start().ready());
    let ledger = Arc::new(Ledger::default());
    let mut random = Random(seed());
    for round in 0..rounds {
        if kill && random.below(10) == 0 {
            die_while_starting(&start(), Duration::from_millis(5 + random.below(300)));
        }
        let server = start().ready();
        let load = Load::start(&server, &inlet, &ledger, CLIENTS, 0);
        std::thread::sleep(Duration::from_millis(5 + random.below(1495)));
        if kill {
            server.kill();
            load.stop();
        } else {
            // What the server has taken it also lands, so that a fault of its lake is seen.
            load.stop();
            server.settle();
        }
        if round + 1 == rounds {
            break;
        }
    }
    // The faults end with the last round: what is counted is what they left behind.
    let server = Start::on(home.path()).ready();
    server.settle();
    judge(&server, &setup, &ledger, rounds)
}

fn die_while_starting(start: &Start<'_>, after: Duration) {
    let mut child = start.spawn();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn rounds() -> u64 {
    std::env::var("TRIBUTARY_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

#[test]
fn r01_r02_r03_crash_loop() {
    let Some(verdict) = crash_loop(crate::support::binary(), None, rounds(), true) else {
        return;
    };
    assert!(verdict.is_clean(), "{verdict:?}");
    assert!(verdict.acknowledged >= 20_000, "too few to mean anything: {verdict:?}");
}

/// A harness that has never failed proves nothing: each planted fault must be seen.
#[test]
fn the_crash_loop_finds_planted_faults() {
    let Some(binary) = faulty_binary().filter(|path| Path::new(path).exists()) else {
        eprintln!("skipped: TRIBUTARY_TEST_FAULTS is not set (`cargo xtask test` sets it)");
        return;
    };
    type Seen = fn(&Verdict) -> bool;
    let faults: [(&str, bool, Seen); 6] = [
        ("early-ack", true, |verdict| verdict.lost > 0),
        ("drop", false, |verdict| verdict.lost > 0),
        ("double", false, |verdict| verdict.duplicates > 0),
        ("refused-but-written", false, |verdict| verdict.refused_but_present > 0),
        ("lake-drop", false, |verdict| verdict.lost > 0),
        ("lake-double", false, |verdict| verdict.duplicates > 0),
    ];
    for (fault, kill, seen) in faults {
        let Some(verdict) = crash_loop(&binary, Some(fault), 4, kill) else {
            return;
        };
        assert!(seen(&verdict), "{fault} was not seen: {verdict:?}");
    }
}
