//! What the clients of a fault test know of each record they sent, the load itself, and the oracle that compares it with
//! what another program finds in the lake.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, Inlet, Server, Setup, reader, rest};

const BATCH: u64 = 25;

/// Longest wait for an answer: longer than the server holds a request.
const ANSWER: Duration = Duration::from_secs(40);

/// What the clients know of each id they sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Acknowledged,
    Refused,
    Unknown,
}

/// Every id that was sent, and its fate.
#[derive(Default)]
pub(crate) struct Ledger {
    known: Mutex<HashMap<String, Fate>>,
    sent: AtomicU64,
}

impl Ledger {
    /// Ids that nobody has used.
    fn fresh(&self, count: u64) -> Vec<String> {
        let first = self.sent.fetch_add(count, Ordering::Relaxed);
        (first..first + count).map(|id| format!("id-{id}")).collect()
    }

    fn note(&self, id: String, fate: Fate) {
        self.known.lock().unwrap().insert(id, fate);
    }

    pub(crate) fn count(&self, fate: Fate) -> usize {
        self.known.lock().unwrap().values().filter(|known| **known == fate).count()
    }

    pub(crate) fn acknowledged(&self) -> HashSet<String> {
        let known = self.known.lock().unwrap();
        known.iter().filter(|(_, fate)| **fate == Fate::Acknowledged).map(|(id, _)| id.clone()).collect()
    }

    /// Forgets the acknowledgements outside `stable`: the machine had lost power before they were given.
    pub(crate) fn only_stable(&self, stable: &HashSet<String>) {
        let mut known = self.known.lock().unwrap();
        for (id, fate) in known.iter_mut() {
            if *fate == Fate::Acknowledged && !stable.contains(id) {
                *fate = Fate::Unknown;
            }
        }
    }
}

/// What the oracle found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) rounds: u64,
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) duplicates: usize,
    pub(crate) refused_but_present: usize,
    pub(crate) never_sent: usize,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost + self.duplicates + self.refused_but_present + self.never_sent == 0
    }
}

/// A small generator of pseudo-random numbers, so that a run can be repeated by its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

pub(crate) fn seed() -> u64 {
    let given = std::env::var("TRIBUTARY_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    eprintln!("seed {seed} (set TRIBUTARY_TEST_SEED to repeat)");
    seed
}

/// Clients that post until they are stopped or the server is gone.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Half of the clients post single records, half batches; each record carries `padding` more bytes.
    pub(crate) fn start(
        server: &Server,
        inlet: &Inlet,
        ledger: &Arc<Ledger>,
        clients: usize,
        padding: usize,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients)
            .map(|client| {
                let sender = Sender::new(server, inlet, ledger, client % 2 == 0, padding);
                let stop = stop.clone();
                std::thread::spawn(move || while !stop.load(Ordering::Relaxed) && sender.send() != 0 {})
            })
            .collect();
        Self { stop, clients }
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().unwrap());
    }
}

/// One client and what it posts.
pub(crate) struct Sender {
    agent: ureq::Agent,
    url: String,
    flow: String,
    single: bool,
    padding: String,
    ledger: Arc<Ledger>,
}

impl Sender {
    pub(crate) fn new(
        server: &Server,
        inlet: &Inlet,
        ledger: &Arc<Ledger>,
        single: bool,
        padding: usize,
    ) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER));
        // The inlet's URL carries the port of the start that made it.
        let form = if single { "" } else { "batch/" };
        Self {
            agent: agent.build().into(),
            url: format!("{}/collection/{form}{}", server.url(), inlet.id),
            flow: inlet.flow.clone(),
            single,
            padding: "x".repeat(padding),
            ledger: ledger.clone(),
        }
    }

    /// Posts once and notes the fate of each record; the status, 0 when the answer was not read whole.
    pub(crate) fn send(&self) -> u16 {
        let names = self.ledger.fresh(if self.single { 1 } else { BATCH });
        let records: Vec<Value> =
            names.iter().map(|name| json!({ "id": name, "n": 1, "padding": self.padding })).collect();
        let body = if self.single { records[0].clone() } else { json!({ "messages": records }) };
        let answer = self.agent.post(&self.url).header("x-adobe-flow-id", &self.flow).send_json(&body);
        let read = answer.and_then(|mut answer| {
            let status = answer.status().as_u16();
            Ok((status, answer.body_mut().read_json::<Value>()?))
        });
        for (at, name) in names.into_iter().enumerate() {
            self.ledger.note(name, fate(&read, self.single, at));
        }
        read.map_or(0, |(status, _)| status)
    }
}

fn fate(read: &Result<(u16, Value), ureq::Error>, single: bool, at: usize) -> Fate {
    match read {
        Ok((200, body)) if single && body["xactionId"].is_string() => Fate::Acknowledged,
        Ok((207, body)) if !single => match &body["responses"][at] {
            entry if entry["xactionId"].is_string() && entry["status"].is_null() => Fate::Acknowledged,
            entry if entry["status"].is_number() => Fate::Refused,
            _ => Fate::Unknown,
        },
        Ok((400..=599, _)) => Fate::Refused,
        _ => Fate::Unknown,
    }
}

/// A dataset, and an inlet without authentication that feeds it.
pub(crate) fn prepare(server: &Server) -> (Setup, Inlet) {
    prepare_with(&server.client(), server.tenant(), "Crash loop")
}

pub(crate) fn prepare_with(client: &Client, tenant: &str, name: &str) -> (Setup, Inlet) {
    let setup = Setup::profile(client, tenant, name);
    let number = format!("_{}.number", setup.tenant);
    let mapping = setup.mapping(client, &[("ATTRIBUTE", "id", "_id"), ("ATTRIBUTE", "n", &number)]);
    let inlet = setup.inlet(client, "raw", false, Some(&mapping));
    (setup, inlet)
}

/// Counts twice; both counts must agree.
pub(crate) fn judge(server: &Server, setup: &Setup, ledger: &Ledger, rounds: u64) -> Option<Verdict> {
    let count = || -> Option<Vec<String>> {
        let mut ids = Vec::new();
        for (namespace, column) in [("data", "_id"), ("failed", "original")] {
            let table = format!("{namespace}.{}", setup.table);
            let mut arguments = vec!["pyiceberg-rest"];
            arguments.extend(rest(server, &table));
            arguments.push(column);
            ids.extend(reader("read.py", &arguments)?.lines().map(str::to_owned));
        }
        ids.sort_unstable();
        Some(ids)
    };
    let found = count()?;
    std::thread::sleep(Duration::from_secs(1));
    let again = count()?;
    assert!(found == again, "the second count differs: {} rows, then {}", found.len(), again.len());
    let known = ledger.known.lock().unwrap();
    let distinct: HashSet<&String> = found.iter().collect();
    let is = |id: &str, fate: Fate| known.get(id) == Some(&fate);
    let mut verdict = Verdict { rounds, ..Verdict::default() };
    verdict.acknowledged = known.values().filter(|fate| **fate == Fate::Acknowledged).count();
    verdict.lost =
        known.iter().filter(|(id, fate)| **fate == Fate::Acknowledged && !distinct.contains(id)).count();
    verdict.duplicates = found.len() - distinct.len();
    verdict.refused_but_present = distinct.iter().filter(|id| is(id, Fate::Refused)).count();
    verdict.never_sent = distinct.iter().filter(|id| !known.contains_key(id.as_str())).count();
    drop(known);
    eprintln!("{verdict:?}; unknown {}", ledger.count(Fate::Unknown));
    Some(verdict)
}
