//! The log as a whole, on a disk that can fail.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use vocab::{FlowNo, ManualClock, Millis};

use crate::fake::{Event, FakeDisk, sample};
use crate::{AppendError, Journal, OpenError, ReadError, RealDisk, Settings, State};

const SEGMENT: u64 = 64 << 10;

fn settings() -> Settings {
    Settings { segment_bytes: SEGMENT, ..Settings::new("/log") }
}

fn open(disk: &FakeDisk) -> Result<Journal, OpenError> {
    open_at(disk, Millis(1000))
}

fn open_at(disk: &FakeDisk, now: Millis) -> Result<Journal, OpenError> {
    Journal::open(Arc::new(disk.clone()), Arc::new(ManualClock::at(now)), settings())
}

fn append(journal: &Journal, payload: &[u8]) -> Result<u64, AppendError> {
    runtime().block_on(journal.append(vec![sample(4, payload)])).map(|appended| appended.first_offset)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn payloads(journal: &Journal) -> Vec<Vec<u8>> {
    let (mut all, mut from) = (Vec::new(), journal.first());
    loop {
        let frames = journal.read(from, 1000).unwrap();
        for frame in &frames {
            assert_eq!(frame.offset, from);
            from += 1;
            all.push(frame.payload.to_vec());
        }
        if frames.is_empty() {
            return all;
        }
    }
}

/// `durable-ack`: the answer leaves after the sync of the group that holds the record.
#[test]
fn durable_ack() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    for at in 0..20 {
        append(&journal, b"record").unwrap();
        disk.mark("answered");
        // Whatever a power cut takes, what was answered is there.
        let after = disk.power_cut(|_| 0);
        assert_eq!(payloads(&open(&after).unwrap()).len(), at + 1);
    }
    let events = disk.events();
    let marks: Vec<_> = (0..events.len()).filter(|at| events[*at] == Event::Mark("answered")).collect();
    for mark in marks {
        assert_eq!(events[mark - 1], Event::Sync, "{:?}", &events[..=mark]);
        assert!(matches!(events[mark - 2], Event::Write(_)));
    }
}

#[test]
fn a_restart_keeps_records_epoch_counts_and_time() {
    let disk = FakeDisk::default();
    let journal = open_at(&disk, Millis(5000)).unwrap();
    let epoch = journal.epoch();
    for at in 0..10u8 {
        append(&journal, &[at]).unwrap();
    }
    runtime().block_on(journal.close());
    assert_eq!(append(&journal, b"x"), Err(AppendError::Closed));
    drop(journal);
    // The clock went back: the stamp does not.
    let journal = open_at(&disk, Millis(10)).unwrap();
    assert_eq!(journal.epoch(), epoch);
    assert_eq!(journal.synced(), 10);
    assert_eq!(append(&journal, b"next"), Ok(10));
    assert_eq!(payloads(&journal).len(), 11);
    assert_eq!(journal.received().get(&FlowNo(4)), Some(&11));
    let last = journal.read(10, 1).unwrap();
    assert_eq!(last[0].header.received, Millis(5000));
}

#[test]
fn segments_roll_and_are_deleted_below_the_low_water() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    for _ in 0..100 {
        append(&journal, &[7; 5000]).unwrap();
    }
    let before = disk.files().len();
    assert!(before > 5);
    assert_eq!(payloads(&journal).len(), 100);
    journal.set_low_water(60);
    assert!(journal.first() <= 60 && journal.first() > 40);
    assert!(disk.files().len() < before);
    assert!(matches!(journal.read(0, 1), Err(ReadError::Trimmed { .. })));
    assert_eq!(journal.read(60, 1).unwrap()[0].offset, 60);
    drop(journal);
    let journal = open(&disk).unwrap();
    assert_eq!(journal.synced(), 100);
    assert_eq!(journal.received().get(&FlowNo(4)), Some(&100));
}

#[test]
fn a_torn_tail_is_cut_and_cannot_come_back() {
    for garbage in [vec![0xffu8; 300], b"TR\xfe\xff".repeat(9), vec![1]] {
        let disk = FakeDisk::default();
        let journal = open(&disk).unwrap();
        for at in 0..3u8 {
            append(&journal, &[at]).unwrap();
        }
        let cut = disk.power_cut(|_| 0);
        drop(journal);
        let (path, mut bytes) = cut.files().pop().unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        bytes[end..end + garbage.len()].copy_from_slice(&garbage);
        cut.put(&path, bytes);
        let journal = open(&cut).unwrap();
        assert_eq!(payloads(&journal).len(), 3);
        assert_eq!(append(&journal, b"after"), Ok(3));
        drop(journal);
        assert_eq!(payloads(&open(&cut).unwrap())[3], b"after");
    }
}

#[test]
fn damage_before_a_sound_group_is_reported_and_nothing_deleted() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    for _ in 0..40 {
        append(&journal, &[7; 5000]).unwrap();
    }
    let cut = disk.power_cut(|_| 0);
    drop(journal);
    let files = cut.files();
    // One in an old segment, one in the last, before its last group.
    for (at, place) in [(0, 20_000), (files.len() - 1, 200)] {
        let damaged = FakeDisk::default();
        for (path, bytes) in &files {
            damaged.put(path, bytes.clone());
        }
        let (path, mut bytes) = files[at].clone();
        bytes[place] ^= 1;
        damaged.put(&path, bytes);
        match open(&damaged) {
            Err(OpenError::Corrupt { file, position }) => {
                assert_eq!(file, path);
                assert!(position <= place as u64);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(damaged.files().len(), files.len());
    }
}

#[test]
fn a_failed_sync_is_refused_and_never_read_back() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    append(&journal, b"good").unwrap();
    disk.fail_syncs(true);
    let waiting = std::thread::spawn({
        let (journal, disk) = (journal.clone(), disk.clone());
        move || {
            let refused = append(&journal, b"refused");
            drop(disk);
            refused
        }
    });
    std::thread::sleep(std::time::Duration::from_millis(30));
    disk.fail_syncs(false);
    assert_eq!(waiting.join().unwrap(), Err(AppendError::Failed));
    assert_eq!(append(&journal, b"next"), Ok(1));
    assert_eq!(payloads(&journal), [b"good".to_vec(), b"next".to_vec()]);
    // The refused bytes do not come back from the old file.
    drop(journal);
    assert_eq!(payloads(&open(&disk).unwrap()), [b"good".to_vec(), b"next".to_vec()]);
}

#[test]
fn what_was_refused_stays_away_though_no_new_segment_could_be_made() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    append(&journal, b"good").unwrap();
    disk.fail_syncs(true);
    assert_eq!(append(&journal, b"refused"), Err(AppendError::Failed));
    // The room that the old segment reserved counts no more: many failures do not fill the log.
    assert!(journal.bytes() < SEGMENT, "{}", journal.bytes());
    // The process is killed now: the next one sees what was written, synced or not.
    let next = FakeDisk::default();
    disk.files().into_iter().for_each(|(path, bytes)| next.put(&path, bytes));
    assert_eq!(payloads(&open(&next).unwrap()), [b"good".to_vec()]);
}

#[test]
fn a_log_stays_the_same_log_though_its_only_segment_could_not_be_replaced() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    let epoch = journal.epoch();
    disk.fail_syncs(true);
    assert_eq!(append(&journal, b"refused"), Err(AppendError::Failed));
    // Killed now, as it was; and after a power cut.
    let killed = FakeDisk::default();
    disk.files().into_iter().for_each(|(path, bytes)| killed.put(&path, bytes));
    for next in [killed, disk.power_cut(|_| 0)] {
        let journal = open(&next).unwrap();
        assert_eq!((journal.epoch(), payloads(&journal).len()), (epoch, 0));
    }
}

#[test]
fn a_failed_write_is_refused_and_never_read_back() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    append(&journal, b"good").unwrap();
    disk.fail_writes(true);
    let refused = std::thread::spawn({
        let journal = journal.clone();
        move || append(&journal, b"refused")
    });
    std::thread::sleep(std::time::Duration::from_millis(30));
    disk.fail_writes(false);
    assert_eq!(refused.join().unwrap(), Err(AppendError::Failed));
    assert_eq!(append(&journal, b"next"), Ok(1));
    drop(journal);
    assert_eq!(payloads(&open(&disk).unwrap()), [b"good".to_vec(), b"next".to_vec()]);
}

#[test]
fn a_full_disk_refuses_and_takes_records_again_when_there_is_room() {
    let disk = FakeDisk::default();
    disk.room(Some(3 * SEGMENT));
    let journal = open(&disk).unwrap();
    let mut taken = 0;
    while append(&journal, &[7; 5000]).is_ok() {
        taken += 1;
        assert!(taken < 100);
    }
    assert_eq!(journal.state(), State::Full);
    assert_eq!(append(&journal, &[7; 5000]), Err(AppendError::Full));
    disk.room(None);
    assert_eq!(append(&journal, b"again"), Ok(taken));
    assert_eq!(journal.state(), State::Open);
    assert_eq!(payloads(&journal).len() as u64, taken + 1);
}

/// `bounded`: the log and its queue have a limit, and reaching it refuses rather than drops.
#[test]
fn bounded() {
    let disk = FakeDisk::default();
    let settings = Settings { log_bytes_max: 2 * SEGMENT, queue_bytes_max: 10_000, ..settings() };
    let journal = Journal::open(Arc::new(disk), Arc::new(ManualClock::at(Millis(0))), settings).unwrap();
    assert_eq!(append(&journal, &[7; 20_000]), Err(AppendError::Busy));
    let mut taken = 0u64;
    while append(&journal, &[7; 5000]).is_ok() {
        taken += 1;
        assert!(taken < 100);
    }
    assert!(journal.bytes() <= 2 * SEGMENT);
    // Room comes back when the lake has taken the records.
    journal.set_low_water(taken);
    assert_eq!(append(&journal, &[7; 5000]), Ok(taken));
}

#[test]
fn a_segment_that_was_being_made_is_removed_and_an_unknown_format_refused() {
    let disk = FakeDisk::default();
    let journal = open(&disk).unwrap();
    append(&journal, b"one").unwrap();
    drop(journal);
    disk.put(Path::new("/log/00000000000000000001.log"), vec![0; 5000]);
    let journal = open(&disk).unwrap();
    assert_eq!(payloads(&journal).len(), 1);
    drop(journal);
    let (path, mut bytes) = disk.files().remove(0);
    bytes[8] = 2;
    disk.put(&path, bytes);
    assert!(matches!(open(&disk), Err(OpenError::Version { version: 2, .. })));
}

#[test]
fn many_callers_share_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes: SEGMENT, ..Settings::new(dir.path()) };
    let clock = Arc::new(ManualClock::at(Millis(1)));
    let journal = Journal::open(Arc::new(RealDisk), clock.clone(), settings.clone()).unwrap();
    let callers: Vec<_> = (0..8u8)
        .map(|caller| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                (0..100u8).map(|at| append(&journal, &[caller, at]).unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut offsets: Vec<u64> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
    offsets.sort_unstable();
    assert_eq!(offsets, (0..800).collect::<Vec<_>>());
    let all = payloads(&journal);
    drop(journal);
    let journal = Journal::open(Arc::new(RealDisk), clock, settings).unwrap();
    assert_eq!(payloads(&journal), all);
}

#[test]
fn segments_that_were_filled_ahead_hold_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { segment_bytes: SEGMENT, ..Settings::new(dir.path()) };
    let clock = Arc::new(ManualClock::at(Millis(1)));
    let journal = Journal::open(Arc::new(RealDisk), clock.clone(), settings.clone()).unwrap();
    let records: Vec<Vec<u8>> = (0..200u8).map(|at| vec![at; 5000]).collect();
    for record in &records {
        append(&journal, record).unwrap();
    }
    assert_eq!(payloads(&journal), records);
    runtime().block_on(journal.close());
    drop(journal);
    let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| !name.to_string_lossy().ends_with(".log")).collect();
    assert!(left.is_empty(), "{left:?}");
    let journal = Journal::open(Arc::new(RealDisk), clock, settings).unwrap();
    assert_eq!(payloads(&journal), records);
}

/// Whether everything that was answered is there after each of a row of power cuts.
fn survives(mut disk: FakeDisk) -> bool {
    let mut journal = open(&disk).unwrap();
    for at in 0..40 {
        if append(&journal, &[7; 5000]) != Ok(at) {
            return false;
        }
        if at % 7 == 0 {
            disk = disk.power_cut(|_| 0);
            journal = open(&disk).unwrap();
        }
    }
    true
}

/// A check that has never failed proves nothing.
#[test]
fn a_missing_directory_sync_is_seen() {
    assert!(survives(FakeDisk::default()));
    let disk = FakeDisk::default();
    disk.lose_names();
    assert!(!survives(disk));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a vector: after power cuts at any byte of what was not stable, what was answered is there in order, and
    /// nothing else but records whose answer was under way.
    #[test]
    fn agrees_with_a_vector(
        steps in prop::collection::vec((1usize..4, 0usize..9000, any::<bool>(), any::<u64>()), 1..30)
    ) {
        let mut disk = FakeDisk::default();
        let mut journal = open(&disk).unwrap();
        let mut model: Vec<Vec<u8>> = Vec::new();
        for (count, size, cut, keep) in steps {
            let records: Vec<Vec<u8>> = (0..count).map(|at| vec![at as u8 + 1; size]).collect();
            let frames = records.iter().map(|record| sample(4, record)).collect();
            let appended = runtime().block_on(journal.append(frames)).unwrap();
            prop_assert_eq!(appended.first_offset, model.len() as u64);
            model.extend(records);
            if cut {
                disk = disk.power_cut(|bound| keep % bound);
                journal = open(&disk).unwrap();
            }
            prop_assert_eq!(journal.synced(), model.len() as u64);
        }
        prop_assert_eq!(payloads(&journal), model);
    }
}
