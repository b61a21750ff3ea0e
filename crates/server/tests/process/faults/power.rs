//! R1, R18: the machine loses power. Only what was synced is on the disk that the next start finds: a clone of the image
//! taken under load, without what the kernel still held in memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::disk::Mount;
use super::syncs::check_objects;
use super::{SMALL_SEGMENTS, Stopwatch, run, skipped};
use crate::ledger::{Ledger, Load, Random, Verdict, judge, prepare, seed};
use crate::support::{FLOWS, STREAMING, Start, binary, faulty_binary};

const ROUNDS: u64 = 15;
const CLIENTS: usize = 4;

/// A file system on an image that can be cloned in an instant.
struct Disk {
    home: TempDir,
    /// Before the pool that it lies on: dropped first.
    disk: Option<Mount>,
    _pool: Mount,
}

impl Disk {
    fn new() -> Result<Self, String> {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let sparse = |name: &str, bytes: u64| fs::File::create(path(name)).unwrap().set_len(bytes).unwrap();
        sparse("pool.img", 4 << 30);
        run("mkfs.xfs", &["-q", "-m", "reflink=1", &path("pool.img")])?;
        let pool = Mount::new(&home.path().join("pool"), &["-o", "loop", &path("pool.img")])?;
        sparse("pool/disk.img", 2 << 30);
        run("mkfs.ext4", &["-q", &path("pool/disk.img")])?;
        let mut disk = Self { disk: None, _pool: pool, home };
        disk.mount()?;
        Ok(disk)
    }

    fn mount(&mut self) -> Result<(), String> {
        let image = self.image("disk.img");
        self.disk = Some(Mount::new(&self.home.path().join("data"), &["-o", "loop", &image])?);
        Ok(())
    }

    fn image(&self, name: &str) -> String {
        self.home.path().join("pool").join(name).to_str().unwrap().to_owned()
    }

    /// Takes the state of the disk as it is now.
    fn clone_image(&self) {
        run("cp", &["--reflink=always", &self.image("disk.img"), &self.image("cut.img")]).unwrap();
    }

    /// Goes on with the clone.
    fn swap(&mut self) {
        self.disk = None;
        fs::rename(self.image("cut.img"), self.image("disk.img")).unwrap();
        self.mount().unwrap();
    }
}

/// Posts and makes objects, clones the disk in the midst of it, and starts on the clone.
fn power_cuts(
    binary: &str,
    fault: Option<&str>,
    settings: &str,
    rounds: u64,
) -> Result<Option<Verdict>, String> {
    let mut disk = Disk::new()?;
    let home = disk.home.path().to_owned();
    let environment: Vec<(&str, String)> =
        fault.map(|name| ("TRIBUTARY_FAULT", name.to_owned())).into_iter().collect();
    let start = Start { binary, environment, settings, ..Start::on(&home) };
    let (setup, inlet) = prepare(&start.ready());
    let ledger = Arc::new(Ledger::default());
    let mut random = Random(seed());
    let (mut objects, mut slowest) = (Vec::new(), Duration::ZERO);
    for round in 0..rounds {
        let watch = Stopwatch::start();
        let server = start.ready();
        slowest = slowest.max(watch.elapsed());
        check_objects(&server, &objects);
        let client = server.client();
        let load = Load::start(&server, &inlet, &ledger, CLIENTS, 2_000);
        std::thread::sleep(Duration::from_millis(200 + random.below(1000)));
        let made = client.post(
            &format!("{FLOWS}/connections"),
            &json!({
                "name": format!("cut {round}"), "connectionSpec": { "id": STREAMING, "version": "1.0" },
                "auth": { "specName": "Streaming Connection", "params": { "dataType": "raw" } }
            }),
        );
        objects.push((format!("{FLOWS}/connections"), made));
        let stable = ledger.acknowledged();
        disk.clone_image();
        server.kill();
        load.stop();
        ledger.only_stable(&stable);
        disk.swap();
    }
    let server = Start { settings: SMALL_SEGMENTS, ..Start::on(&home) }.ready();
    check_objects(&server, &objects);
    server.settle();
    eprintln!("power cuts {rounds}: objects {}, lost 0; slowest start {slowest:?}", objects.len());
    let verdict = judge(&server, &setup, &ledger, rounds);
    drop(server);
    Ok(verdict)
}

#[test]
fn r01_a_power_cut_loses_nothing_that_was_acknowledged() {
    match power_cuts(binary(), None, SMALL_SEGMENTS, ROUNDS) {
        Err(why) => skipped(&why),
        Ok(None) => {}
        Ok(Some(verdict)) => {
            assert!(verdict.is_clean(), "{verdict:?}");
            assert!(verdict.acknowledged >= 5_000, "too few to mean anything: {verdict:?}");
        }
    }
}

#[test]
fn the_power_cut_finds_a_missing_sync() {
    let Some(faulty) = faulty_binary().filter(|path| Path::new(path).exists()) else {
        return skipped("TRIBUTARY_TEST_FAULTS is not set (`cargo xtask test` sets it)");
    };
    // One segment and no commit: nothing else than the lost records is wrong after the cut, and the server starts.
    match power_cuts(&faulty, Some("no-sync"), "[lake]\ncommit_interval_ms = 600000\n", 3) {
        Err(why) => skipped(&why),
        Ok(None) => {}
        Ok(Some(verdict)) => assert!(verdict.lost > 0, "a missing sync was not seen: {verdict:?}"),
    }
}
