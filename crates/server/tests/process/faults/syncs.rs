//! R1, R2, R14: the process dies in place of its Nth sync, for each N, while it starts, makes objects, takes records,
//! rolls over and commits.

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::{SMALL_SEGMENTS, run, skipped};
use crate::ledger::{Ledger, Sender, Verdict, judge, prepare};
use crate::support::{Client, FLOWS, REGISTRY, Server, Start, binary, faulty_binary, shown_at};

const ROUNDS: u64 = 60;
const SIGKILL: i32 = 9;

/// Bytes more for each record: a few batches fill a segment.
const PADDING: usize = 30_000;

/// Compiles what is preloaded into the server.
fn preload(home: &TempDir) -> Option<String> {
    let source = Path::new("tests/process/faults/crash_at_sync.c");
    let library: PathBuf = home.path().join("crash_at_sync.so");
    let library = library.to_str().unwrap().to_owned();
    match run("cc", &["-shared", "-fPIC", "-O1", "-o", &library, source.to_str().unwrap()]) {
        Ok(_) => Some(library),
        Err(why) => {
            skipped(&why);
            None
        }
    }
}

fn dying(library: &str, nth: u64) -> Vec<(&'static str, String)> {
    vec![("LD_PRELOAD", library.to_owned()), ("CRASH_AT_SYNC", nth.to_string())]
}

/// What the clients of one script learned before the server died.
#[derive(Default)]
struct Known {
    client: Option<Client>,
    made: Vec<(String, Value)>,
}

/// The first life of a server: objects, one record of each form.
fn first_life(server: &Server, name: &str, ledger: &Arc<Ledger>, known: &Mutex<Known>) {
    let client = server.client();
    known.lock().unwrap().client = Some(client.clone());
    let (_, inlet) = crate::ledger::prepare_with(&client, server.tenant(), name);
    for single in [true, false] {
        Sender::new(server, &inlet, ledger, single, 0).send();
    }
    server.settle();
}

/// Everything that was acknowledged is shown, and everything that a list names can be read.
pub(crate) fn check_objects(server: &Server, made: &[(String, Value)]) {
    let client = server.client();
    let accept = [("accept", "application/vnd.adobe.xed+json;version=1")];
    for (path, answer) in made {
        let shown = shown_at(path, answer);
        let (status, body) = client.call("GET", &shown, &accept, None);
        assert_eq!(status, 200, "{shown} was acknowledged and is lost: {body}");
    }
    for collection in ["connections", "sourceConnections", "targetConnections", "flows"] {
        let listed = client.get(&format!("{FLOWS}/{collection}"));
        let items = listed["items"].as_array().unwrap();
        let ids: HashSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), items.len(), "{collection} has an id twice");
        for id in ids {
            client.get(&format!("{FLOWS}/{collection}/{id}"));
        }
    }
    let accept = [("accept", "application/vnd.adobe.xed-id+json")];
    let (status, schemas) = client.call("GET", &format!("{REGISTRY}/schemas"), &accept, None);
    assert_eq!(status, 200, "{schemas}");
    for schema in schemas["results"].as_array().unwrap() {
        client.get(&shown_at(&format!("{REGISTRY}/schemas"), schema));
    }
}

/// Runs a script in a thread of its own, which panics when the server dies; whether it died as it was told to.
fn died(server: Server, script: impl FnOnce(&Server) + Send + 'static) -> bool {
    let server = Arc::new(server);
    let thread = std::thread::spawn({
        let server = server.clone();
        move || script(&server)
    });
    let outcome = thread.join();
    let server = Arc::into_inner(server).unwrap();
    if outcome.is_ok() {
        server.kill();
        return false;
    }
    assert_eq!(server.ended().signal(), Some(SIGKILL), "the script failed, and the server had not died");
    true
}

#[test]
fn a_crash_at_any_sync_of_the_first_start_loses_no_object() {
    let tools = tempfile::tempdir().unwrap();
    let Some(library) = preload(&tools) else {
        return;
    };
    let (mut at_start, mut in_script, mut completed, mut objects) = (0, 0, 0, 0);
    for nth in 1..=ROUNDS {
        let home = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::default());
        let known = Arc::new(Mutex::new(Known::default()));
        let start = Start { environment: dying(&library, nth), ..Start::on(home.path()) };
        match start.try_ready() {
            Err(status) => {
                assert_eq!(status.signal(), Some(SIGKILL), "sync {nth}: {status}\n{}", start.log());
                at_start += 1;
            }
            Ok(server) => {
                let (ledger, known) = (ledger.clone(), known.clone());
                if died(server, move |server| first_life(server, "First life", &ledger, &known)) {
                    in_script += 1;
                } else {
                    completed += 1;
                }
            }
        }
        let mut known = std::mem::take(&mut *known.lock().unwrap());
        if let Some(client) = known.client.take() {
            known.made = client.made.lock().unwrap().clone();
        }
        objects += known.made.len();
        let server = Start::on(home.path()).ready();
        check_objects(&server, &known.made);
        // It is as good as new: the same script runs to its end.
        first_life(&server, "Second life", &ledger, &Mutex::default());
        drop(server);
    }
    eprintln!(
        "rounds {ROUNDS}: died at start {at_start}, in the script {in_script}, completed {completed}; \
         objects acknowledged {objects}, lost 0"
    );
    assert!(at_start > 0 && in_script > 0, "the crashes were not where they were meant to be");
}

/// Three times: posts until a segment rolled over, and waits until everything is committed.
fn later_life(server: &Server, senders: &[Sender]) {
    for _ in 0..3 {
        for sender in senders.iter().cycle().take(8) {
            assert_ne!(sender.send(), 0, "the server is gone");
        }
        server.settle();
    }
}

fn crash_at_every_sync(library: &str, binary: &str, fault: Option<&str>, rounds: u64) -> Option<Verdict> {
    let home = tempfile::tempdir().unwrap();
    let on = |environment| Start { binary, environment, settings: SMALL_SEGMENTS, ..Start::on(home.path()) };
    let (setup, inlet) = prepare(&on(Vec::new()).ready());
    let ledger = Arc::new(Ledger::default());
    let (mut at_start, mut in_script, mut completed) = (0, 0, 0);
    for nth in 1..=rounds {
        let mut environment = dying(library, nth);
        environment.extend(fault.map(|name| ("TRIBUTARY_FAULT", name.to_owned())));
        let start = on(environment);
        match start.try_ready() {
            Err(status) => {
                assert_eq!(status.signal(), Some(SIGKILL), "sync {nth}: {status}\n{}", start.log());
                at_start += 1;
            }
            Ok(server) => {
                let senders: Vec<Sender> = [false, false, true]
                    .into_iter()
                    .map(|single| Sender::new(&server, &inlet, &ledger, single, PADDING))
                    .collect();
                if died(server, move |server| later_life(server, &senders)) {
                    in_script += 1;
                } else {
                    completed += 1;
                }
            }
        }
    }
    eprintln!("rounds {rounds}: died at start {at_start}, in the script {in_script}, completed {completed}");
    let server = Start { binary: crate::support::binary(), ..on(Vec::new()) }.ready();
    server.settle();
    judge(&server, &setup, &ledger, rounds)
}

#[test]
fn a_crash_at_any_sync_of_a_later_start_loses_no_record() {
    let tools = tempfile::tempdir().unwrap();
    let Some(verdict) =
        preload(&tools).and_then(|library| crash_at_every_sync(&library, binary(), None, ROUNDS))
    else {
        return;
    };
    assert!(verdict.is_clean(), "{verdict:?}");
    assert!(verdict.acknowledged >= 500, "too few to mean anything: {verdict:?}");
}

#[test]
fn the_crash_at_every_sync_finds_an_early_answer() {
    let tools = tempfile::tempdir().unwrap();
    let Some(faulty) = faulty_binary().filter(|path| Path::new(path).exists()) else {
        skipped("TRIBUTARY_TEST_FAULTS is not set (`cargo xtask test` sets it)");
        return;
    };
    let Some(verdict) =
        preload(&tools).and_then(|library| crash_at_every_sync(&library, &faulty, Some("early-ack"), 20))
    else {
        return;
    };
    assert!(verdict.lost > 0, "an early answer was not seen: {verdict:?}");
}
