//! R3, R4, R6, R8: a disk that is full, and one that fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::{SMALL_SEGMENTS, Stopwatch, run, skipped};
use crate::ledger::{Fate, Ledger, Load, Sender, judge, prepare};
use crate::support::{FLOWS, Server, Start, wait_for};

/// Longest time until a request is refused: the server holds it for 20 s.
const ANSWERED: Duration = Duration::from_secs(30);

/// From the return of space to the first record that is taken.
const TAKEN: Duration = Duration::from_secs(10);

const CLIENTS: usize = 4;

/// Bytes that make a record large enough for segments to end soon.
const PADDING: usize = 2_000;

/// A mounted file system, unmounted when dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn new(at: &Path, arguments: &[&str]) -> Result<Self, String> {
        fs::create_dir_all(at).unwrap();
        let mut all = arguments.to_vec();
        all.push(at.to_str().unwrap());
        run("mount", &all)?;
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = run("umount", &[self.0.to_str().unwrap()]) {
            eprintln!("{error}");
        }
    }
}

/// Posts until one is refused; statuses, and the longest wait.
fn until_refused(sender: &Sender) -> (Vec<u16>, Duration) {
    let (mut statuses, mut longest) = (Vec::new(), Duration::ZERO);
    for _ in 0..1000 {
        let watch = Stopwatch::start();
        let status = sender.send();
        longest = longest.max(watch.elapsed());
        statuses.push(status);
        if status != 200 {
            break;
        }
    }
    (statuses, longest)
}

#[test]
fn a_full_disk_refuses_and_takes_again_when_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("data/log");
    let mounted = match Mount::new(&log, &["-t", "tmpfs", "-o", "size=32m", "tmpfs"]) {
        Ok(mounted) => mounted,
        Err(why) => return skipped(&why),
    };
    // Nothing is committed, so that nothing makes room.
    let never = SMALL_SEGMENTS.replace("commit_interval_ms = 500", "commit_interval_ms = 600000");
    let server = Start { settings: &never, ..Start::on(home.path()) }.ready();
    let (setup, inlet) = prepare(&server);
    let ledger = Arc::new(Ledger::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let sender = Sender::new(&server, &inlet, &ledger, true, 300_000);
            std::thread::spawn(move || until_refused(&sender))
        })
        .collect();
    let (mut statuses, mut longest) = (BTreeMap::<u16, u64>::new(), Duration::ZERO);
    for client in clients {
        let (seen, waited) = client.join().unwrap();
        seen.into_iter().for_each(|status| *statuses.entry(status).or_default() += 1);
        longest = longest.max(waited);
    }
    assert_eq!(statuses.keys().copied().collect::<Vec<_>>(), [200, 500], "{statuses:?}");
    assert!(longest < ANSWERED, "{longest:?}");
    // What needs no room goes on.
    server.client().get(&format!("{FLOWS}/flows"));
    run("mount", &["-o", "remount,size=256m", log.to_str().unwrap()]).unwrap();
    let freed = Stopwatch::start();
    let sender = Sender::new(&server, &inlet, &ledger, true, 300_000);
    let status = sender.send();
    let taken = freed.elapsed();
    eprintln!("answers {statuses:?}, longest wait {longest:?}; room again: {status} after {taken:?}");
    assert_eq!(status, 200);
    assert!(taken < TAKEN, "{taken:?}");
    server.kill();
    let server = Start { settings: SMALL_SEGMENTS, ..Start::on(home.path()) }.ready();
    server.settle();
    let verdict = judge(&server, &setup, &ledger, 1);
    drop(server);
    drop(mounted);
    if let Some(verdict) = verdict {
        assert!(verdict.is_clean(), "{verdict:?}");
        assert!(ledger.count(Fate::Refused) > 0);
    }
}

/// Lets the log's thread alone, and nothing else of the server, see errors.
struct Errors(Child);

impl Errors {
    fn begin(server: &Server, injected: &str) -> Result<Self, String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        let thread = tasks.map(|task| task.unwrap().path()).find(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == "journal")
        });
        let thread = thread.expect("the log has a thread of its own");
        let mut command = Command::new("strace");
        command.arg("-p").arg(thread.file_name().unwrap()).args(["-o", "/dev/null"]);
        for one in injected.split(' ') {
            command.args(["-e", &format!("inject={one}")]);
        }
        let mut child = command.stderr(Stdio::null()).spawn().map_err(|error| format!("strace: {error}"))?;
        let traced = wait_for("strace to attach", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let status = fs::read_to_string(thread.join("status")).unwrap_or_default();
            let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
            (tracer.trim() != "0").then_some(true)
        });
        if traced { Ok(Self(child)) } else { Err("strace could not attach to a process".to_owned()) }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

#[test]
fn what_an_io_error_refused_never_appears() {
    let home = tempfile::tempdir().unwrap();
    // Much more room than the load fills: a log that is full writes nothing, and meets no error.
    let roomy = SMALL_SEGMENTS.replace("bytes_max = 268435456", "bytes_max = 4294967296");
    let start = Start { settings: &roomy, ..Start::on(home.path()) };
    let (setup, inlet) = prepare(&start.ready());
    let ledger = Arc::new(Ledger::default());
    let rounds = [
        ("fdatasync:error=EIO:when=5+10", true),
        ("pwrite64:error=EIO:when=5+10", true),
        ("fdatasync:error=EIO:when=5+10 pwrite64:error=EIO:when=7+10", false),
        ("fsync:error=EIO:when=1+2 fdatasync:error=EIO:when=9+9", true),
        ("unlink:error=EIO:when=1+2 openat:error=EIO:when=1+3 fdatasync:error=EIO:when=9+9", false),
        // A disk that stays away: not even a new segment can be made.
        ("fdatasync:error=EIO:when=5+ fsync:error=EIO", true),
        ("pwrite64:error=EIO:when=5+", false),
    ];
    for (injected, kill) in rounds {
        let before = [Fate::Acknowledged, Fate::Refused].map(|fate| ledger.count(fate));
        let server = start.ready();
        let errors = match Errors::begin(&server, injected) {
            Ok(errors) => errors,
            Err(why) => return skipped(&why),
        };
        let load = Load::start(&server, &inlet, &ledger, CLIENTS, PADDING);
        std::thread::sleep(Duration::from_secs(4));
        // Half of the rounds end while the disk still fails.
        if kill {
            server.kill();
            load.stop();
            drop(errors);
        } else {
            drop(errors);
            load.stop();
            let again = Sender::new(&server, &inlet, &ledger, true, 0).send();
            assert_eq!(again, 200, "{injected}: not taken when the disk was well again");
            server.kill();
        }
        let after = [Fate::Acknowledged, Fate::Refused].map(|fate| ledger.count(fate));
        let (acknowledged, refused) = (after[0] - before[0], after[1] - before[1]);
        eprintln!("{injected}: acknowledged {acknowledged}, refused {refused}");
        assert!(refused > 0, "{injected}: no error was seen");
    }
    let server = start.ready();
    server.settle();
    if let Some(verdict) = judge(&server, &setup, &ledger, rounds.len() as u64) {
        assert!(verdict.is_clean(), "{verdict:?}");
        assert!(verdict.acknowledged >= 500, "too few to mean anything: {verdict:?}");
    }
}
