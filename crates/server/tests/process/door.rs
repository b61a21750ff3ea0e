//! R6, R15: a door that cannot be held open. Slow, silent and greedy clients cost themselves their connection; a good
//! request goes through all the while, and memory stays bounded.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Inlet, Server, Setup, Start, collect, wait_for};

/// The time-outs of the tests' servers; the defaults are longer.
const LIMITS: [(&str, &str); 3] = [
    ("TRIBUTARY__LIMITS__HEADER_READ_MS", "1500"),
    ("TRIBUTARY__LIMITS__BODY_READ_MS", "2000"),
    ("TRIBUTARY__LIMITS__IDLE_MS", "2500"),
];

/// A good request must be answered within this time whatever the others do.
const PATIENCE: Duration = Duration::from_secs(1);

struct Door {
    server: Server,
    inlet: Inlet,
    good: Vec<u8>,
    _home: tempfile::TempDir,
}

fn door(extra: &[(&'static str, &str)]) -> Door {
    let home = tempfile::tempdir().unwrap();
    let environment = LIMITS.iter().chain(extra).map(|(name, value)| (*name, (*value).to_owned())).collect();
    let server = Start { environment, ..Start::on(home.path()) }.ready();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Door");
    let mapping = setup.mapping(&client, &[("ATTRIBUTE", "id", "_id")]);
    let inlet = setup.inlet(&client, "raw", false, Some(&mapping));
    Door { server, inlet, good: json!({ "id": "good" }).to_string().into_bytes(), _home: home }
}

impl Door {
    fn address(&self) -> String {
        self.server.url().trim_start_matches("http://").to_owned()
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).unwrap()
    }

    /// The head of a post that announces that many bytes.
    fn head(&self, length: usize) -> String {
        format!(
            "POST /collection/{} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-adobe-flow-id: {}\r\ncontent-length: {length}\r\n\r\n",
            self.inlet.id, self.inlet.flow
        )
    }

    /// A good request on a connection of its own, within [`PATIENCE`].
    fn still_open(&self) {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(self.head(self.good.len()).as_bytes()).unwrap();
        stream.write_all(&self.good).unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer in time");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// Whether the server has closed the connection: everything it said is read first.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut scratch = [0; 4096];
    loop {
        match stream.read(&mut scratch) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

#[test]
fn r15_slow_clients_lose_their_connection_and_nobody_elses() {
    let door = door(&[]);
    let mut slow: Vec<TcpStream> = Vec::new();
    for at in 0..1000 {
        let mut stream = door.connect();
        let start = match at % 4 {
            // Silent; half a head; a head and no body; a head and half a body.
            0 => String::new(),
            1 => "POST /collection/x HTTP/1.1\r\nhost: localhost\r\nx-a: ".to_owned(),
            2 => door.head(100),
            _ => door.head(100) + "{\"id\":",
        };
        stream.write_all(start.as_bytes()).unwrap();
        slow.push(stream);
    }
    door.still_open();
    // One byte now and then does not keep a connection alive: head and body have a time as a whole.
    let dripping = Arc::new(AtomicBool::new(true));
    let mut drips: Vec<TcpStream> =
        slow.iter().skip(1).step_by(2).map(|stream| stream.try_clone().unwrap()).collect();
    let drip = {
        let dripping = dripping.clone();
        thread::spawn(move || {
            while dripping.load(Ordering::Relaxed) {
                drips.retain_mut(|stream| stream.write_all(b" ").is_ok());
                thread::sleep(Duration::from_millis(250));
            }
        })
    };
    let closed = wait_for("every slow connection to be closed", || {
        door.still_open();
        let closed = slow.iter_mut().filter_map(|stream| is_closed(stream).then_some(())).count();
        (closed == slow.len()).then_some(closed)
    });
    dripping.store(false, Ordering::Relaxed);
    drip.join().unwrap();
    eprintln!(
        "slow clients: {} connections, {closed} closed by the server, peak {} KiB",
        slow.len(),
        door.memory_kib()
    );
    door.still_open();
}

/// Clients that send and never read their answers.
#[test]
fn r15_readers_that_stop_reading_are_cut_off() {
    let door = door(&[]);
    let request = "GET /data/foundation/catalog/dataSets HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(2000);
    const DEAF: usize = 10;
    let mut deaf: Vec<TcpStream> = (0..DEAF).map(|_| door.connect()).collect();
    for stream in &mut deaf {
        stream.set_nonblocking(true).unwrap();
        // As much as the sockets take.
        while stream.write(request.as_bytes()).is_ok_and(|written| written > 0) {}
    }
    door.still_open();
    wait_for("the deaf connections to be cut off", || {
        door.still_open();
        deaf.retain_mut(|stream| match stream.write(b"x") {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        deaf.is_empty().then_some(())
    });
    eprintln!("deaf clients: {DEAF} connections cut off, peak {} KiB", door.memory_kib());
}

/// Many connections with large bodies: answers are 200, or 503 that asks to come again; memory stays bounded.
#[test]
fn r06_overload_is_answered_and_bounded() {
    let door = Arc::new(door(&[("TRIBUTARY__LIMITS__MEMORY_BYTES", "268435456")]));
    let body = Arc::new(json!({ "id": "x".repeat(900 << 10) }).to_string().into_bytes());
    let (good, busy, other) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let silent: Vec<TcpStream> = (0..2000).map(|_| door.connect()).collect();
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let (door, body) = (door.clone(), body.clone());
            let (good, busy, other) = (good.clone(), busy.clone(), other.clone());
            thread::spawn(move || {
                for _ in 0..15 {
                    let flow = [("x-adobe-flow-id", door.inlet.flow.as_str())];
                    let (status, answer): (u16, Value) = collect(&door.inlet.url, &flow, &body);
                    match status {
                        200 => &good,
                        429 | 503 => &busy,
                        _ => {
                            eprintln!("{status} {answer}");
                            &other
                        }
                    }
                    .fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    drop(silent);
    let (good, busy, other) =
        (good.load(Ordering::Relaxed), busy.load(Ordering::Relaxed), other.load(Ordering::Relaxed));
    let peak = door.memory_kib();
    eprintln!("overload: {good} taken, {busy} asked to come again, {other} otherwise; peak {peak} KiB");
    assert_eq!(other, 0);
    assert!(good > 0);
    assert!(peak < 900 << 10, "peak {peak} KiB");
    door.still_open();
}
