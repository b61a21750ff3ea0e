//! R7: a torn tail of the newest segment is cut with one line, and damage anywhere else is reported by file and offset.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::SMALL_SEGMENTS;
use crate::ledger::{Ledger, Load, Random, Sender, judge, prepare, seed};
use crate::support::Start;

const ROUNDS: u64 = 15;
const CLIENTS: usize = 4;

/// Nothing is committed, so that sealed segments stay.
const COMMIT_NEVER: &str =
    "[log]\nsegment_bytes = 4194304\nbytes_max = 268435456\n[lake]\ncommit_interval_ms = 600000\n";

fn segments(home: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(home.join("data/log")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    found.sort_unstable();
    found
}

/// What a crash of the machine may leave behind the last record that was synced.
#[derive(Clone, Copy, Debug)]
enum Tear {
    /// Random bytes where the next group would begin.
    Garbage,
    /// Random bytes behind all that was reserved.
    GarbageBehind,
    /// More zeros.
    Zeros,
    /// A part of the reserved room is gone.
    Cut,
    /// Bytes of older groups, as from a block that was used before.
    Stale,
}

const TEARS: [Tear; 5] = [Tear::Garbage, Tear::GarbageBehind, Tear::Zeros, Tear::Cut, Tear::Stale];

/// Damages what lies behind the last record; how many bytes it touched.
fn tear(path: &Path, tear: Tear, random: &mut Random) -> u64 {
    let bytes = fs::read(path).unwrap();
    let length = bytes.len() as u64;
    // Every group ends with the record's closing brace, and what is reserved is zero.
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    let count = 1 + random.below(4096);
    let mut garbage = || (0..count).map(|_| random.below(256) as u8).collect::<Vec<u8>>();
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    match tear {
        Tear::Garbage => file.write_all_at(&garbage(), end).unwrap(),
        Tear::GarbageBehind => file.write_all_at(&garbage(), length).unwrap(),
        Tear::Zeros => file.set_len(length + count).unwrap(),
        Tear::Cut => file.set_len(end + random.below(length - end + 1)).unwrap(),
        Tear::Stale => {
            let stale = &bytes[..end.min(count) as usize];
            file.write_all_at(stale, end).unwrap();
        }
    }
    file.sync_all().unwrap();
    count
}

#[test]
fn a_torn_tail_is_cut_and_no_record_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let start = Start { settings: SMALL_SEGMENTS, ..Start::on(home.path()) };
    let (setup, inlet) = prepare(&start.ready());
    let ledger = Arc::new(Ledger::default());
    let mut random = Random(seed());
    let mut torn = BTreeMap::<String, u64>::new();
    for round in 0..ROUNDS {
        let server = start.ready();
        let load = Load::start(&server, &inlet, &ledger, CLIENTS, 200);
        std::thread::sleep(Duration::from_millis(200 + random.below(500)));
        server.kill();
        load.stop();
        let kind = TEARS[(round % 5) as usize];
        let newest = segments(home.path()).pop().unwrap();
        *torn.entry(format!("{kind:?}")).or_default() += tear(&newest, kind, &mut random);
    }
    let server = start.ready();
    server.settle();
    let told = |line: &str| start.log().matches(line).count() as u64;
    let (cuts, removed) = (told("cut the torn tail of the log"), told("removed an unfinished segment"));
    eprintln!("bytes torn {torn:?}; tails cut {cuts}, unfinished segments removed {removed}");
    // Zeros and a missing rest are clean ends; each of the others is told in one line.
    assert!(cuts + removed >= ROUNDS * 3 / 5, "{cuts} + {removed}");
    if let Some(verdict) = judge(&server, &setup, &ledger, ROUNDS) {
        assert!(verdict.is_clean(), "{verdict:?}");
        assert!(verdict.acknowledged >= 1_000, "too few to mean anything: {verdict:?}");
    }
}

/// Flips one bit.
fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn a_flipped_bit_is_reported_and_nothing_is_deleted() {
    let home = tempfile::tempdir().unwrap();
    let start = Start { settings: COMMIT_NEVER, ..Start::on(home.path()) };
    let server = start.ready();
    let (setup, inlet) = prepare(&server);
    let ledger = Arc::new(Ledger::default());
    let sender = Sender::new(&server, &inlet, &ledger, false, 30_000);
    (0..14).for_each(|_| assert_eq!(sender.send(), 207));
    server.kill();
    let files = segments(home.path());
    assert!(files.len() >= 3, "the log did not roll over: {files:?}");
    let contents =
        |files: &[PathBuf]| -> Vec<Vec<u8>> { files.iter().map(|path| fs::read(path).unwrap()).collect() };
    let oldest = &files[0];
    let newest = files.last().unwrap();
    let length = fs::metadata(oldest).unwrap().len();
    let places = [
        ("the head of a sealed segment", oldest, 30),
        ("its first group", oldest, 500),
        ("its middle", oldest, length / 2),
        ("its last group", oldest, length - 10_000),
        ("a group of the newest segment that others follow", newest, 500),
    ];
    for (what, file, at) in places {
        flip(file, at);
        let damaged = contents(&files);
        let status = start.try_ready().err().unwrap_or_else(|| panic!("{what}: the server started"));
        let log = start.log();
        let said = log.lines().last().unwrap_or_default();
        eprintln!("{what}, byte {at}: {said}");
        assert_eq!(status.code(), Some(1), "{what}: {said}");
        let position = said.split_once(&format!("{} is damaged at byte ", file.display()));
        let position = position.and_then(|(_, rest)| rest.split(';').next()?.parse::<u64>().ok());
        let position = position.unwrap_or_else(|| panic!("{what}: no file and offset: {said}"));
        assert!(position <= at && at - position < 1 << 20, "{what}: {position} does not lead to {at}");
        assert_eq!(segments(home.path()), files, "{what}: a segment was deleted or made");
        assert!(contents(&files) == damaged, "{what}: a segment was changed");
        flip(file, at);
    }
    // With the bits put back everything is there.
    let server = Start { settings: SMALL_SEGMENTS, ..Start::on(home.path()) }.ready();
    server.settle();
    if let Some(verdict) = judge(&server, &setup, &ledger, places.len() as u64) {
        assert!(verdict.is_clean(), "{verdict:?}");
        assert_eq!(verdict.acknowledged, 14 * 25);
    }
}
