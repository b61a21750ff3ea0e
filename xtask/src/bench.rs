//! `cargo xtask bench`: everything in one run on one machine, so that the ratios mean something. The server has one core, the
//! load another.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{Outcome, cargo, root, run, target};

/// The cores of the server and of the load.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    other: Option<Other>,
    /// Only the parts whose name holds this: bare, raw-log, paused, refining, latency, journal-to-parquet.
    #[arg(long, default_value = "")]
    filter: String,
    /// Length of each measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Events from the journal to Parquet.
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    /// Records where the product spends its time while it takes single posts: needs perf, and builds with the names of
    /// functions first. The stacks go to the target folder.
    #[arg(long)]
    profile: bool,
}

#[derive(Subcommand)]
enum Other {
    /// The control plane with many objects: requests one after the other, and start-up; writes docs/benchmarks-control.md.
    Control {
        /// Connections; each has a source connection and a flow.
        #[arg(long, default_value_t = 100_000)]
        objects: u32,
    },
    /// Records through the compiled schema, against other validators and decoders; writes docs/benchmarks-xdm.md.
    Xdm {
        /// A checkout of the public XDM repository, to compose the union of its event field groups.
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Raw records through a mapping set, against vrl and code by hand; writes docs/benchmarks-prep.md.
    Prep,
}

/// A measured part: its name, the kind of load, the figures.
struct Row {
    part: &'static str,
    load: &'static str,
    events: u64,
    figures: Value,
    cpu_seconds: f64,
    peak_kib: u64,
}

struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bench {
    pub(crate) fn run(&self) -> Outcome {
        match &self.other {
            Some(Other::Xdm { data }) => return xdm(data.as_deref()),
            Some(Other::Prep) => return prep(),
            Some(Other::Control { .. }) | None => {}
        }
        run(&mut cargo(&["build", "--release", "--package", "tributary", "--package", "bench"]))?;
        if self.profile {
            run(&mut cargo(&["build", "--profile", "profiling", "--package", "tributary"]))?;
        }
        let scratch = target().join("bench");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).map_err(text)?;
        let quiet = quiet(&scratch)?;
        println!("{quiet}");
        if let Some(Other::Control { objects }) = &self.other {
            let page = self.control(&scratch, &quiet, *objects)?;
            println!("{page}");
            fs::write(root().join("docs/benchmarks-control.md"), page).map_err(text)?;
            return fs::remove_dir_all(&scratch).map_err(text);
        }
        let bodies = scratch.join("bodies");
        // The bodies name objects of a server: one is set up first, and its folder is used by both runs of the product.
        let data = scratch.join("data");
        let setup = {
            let server = self.product(&data, false)?;
            let ready = data.with_extension("ready");
            let figures = bench(&["setup", "--ready", &show(&ready), "--dir", &show(&bodies)], None)?;
            drop(server);
            figures
        };
        let path = format!("/collection/{}", word(&setup, "inlet"));
        let batch_path = format!("/collection/batch/{}", word(&setup, "inlet"));
        let mut rows = Vec::new();
        if self.wants("bare") {
            let listen = free_address()?;
            let server = server(&["bare", "--listen", &listen], &listen)?;
            self.both("bare", &server, "/", "/", &bodies, &mut rows)?;
        }
        if self.wants("raw-log") {
            let listen = free_address()?;
            let log = show(&scratch.join("raw-log"));
            let server = server(&["raw-log", "--listen", &listen, "--dir", &log], &listen)?;
            self.both("raw-log", &server, "/", "/", &bodies, &mut rows)?;
        }
        let mut idle = None;
        for (part, paused) in [("paused", true), ("refining", false)] {
            if self.wants(part) {
                let server = self.product(&data, paused)?;
                idle.get_or_insert(peak_kib(server.child.id())?);
                if self.profile && paused {
                    self.flame(&server, &path, &bodies)?;
                }
                self.both(part, &server, &path, &batch_path, &bodies, &mut rows)?;
            }
        }
        if self.wants("latency") {
            let server = self.product(&data, false)?;
            for rate in ["1000", "5000", "10000"] {
                let figures = self.load(&server, &path, &bodies.join("single.json"), Some(rate))?;
                rows.push(Row {
                    part: "latency",
                    load: rate_name(rate),
                    events: 1,
                    figures,
                    cpu_seconds: 0.0,
                    peak_kib: 0,
                });
            }
        }
        let mut page = page(&quiet, idle, &rows);
        if self.wants("journal-to-parquet") {
            let dir = show(&scratch.join("refine"));
            let figures =
                bench(&["refine", "--dir", &dir, "--events", &self.events.to_string()], Some(SERVER_CORE))?;
            refine_section(&mut page, &figures);
        }
        println!("{page}");
        if self.filter.is_empty() {
            fs::write(root().join("docs/benchmarks.md"), page).map_err(text)?;
        }
        fs::remove_dir_all(&scratch).map_err(text)
    }

    /// The page of the control plane's results.
    #[expect(clippy::disallowed_methods, reason = "the time is what is reported")]
    fn control(&self, scratch: &Path, quiet: &str, objects: u32) -> Result<String, String> {
        let (data, template) = (scratch.join("data"), show(&scratch.join("template.json")));
        let (ready, database) = (show(&data.with_extension("ready")), show(&data.join("metadata.db")));
        let count = objects.to_string();
        let server = self.product(&data, false)?;
        bench(&["control", "setup", "--ready", &ready, "--template", &template], None)?;
        drop(server);
        let fill = ["control", "fill", "--database", &database, "--template", &template, "--objects", &count];
        bench(&fill, None)?;
        let start = Instant::now();
        let server = self.product(&data, false)?;
        let start = start.elapsed();
        let idle = peak_kib(server.child.id())?;
        let load = ["control", "load", "--ready", &ready, "--objects", &count];
        let figures = bench(&load, Some(LOAD_CORE))?;
        let mut page = format!(
            "# The control plane with {objects} connections and {objects} flows\n\nWritten by `cargo xtask bench control`. One \
             sandbox; requests one after the other, the server on one core. A hundred flows share a mapping set.\n\n{quiet}.\n\n\
             | request | p50 ms | p99 ms |\n| --- | --- | --- |\n"
        );
        for row in figures["rows"].as_array().into_iter().flatten() {
            let ms = |name: &str| number(row, name) / 1000.0;
            let _ =
                writeln!(page, "| {} | {:.2} | {:.2} |", word(row, "request"), ms("p50_us"), ms("p99_us"));
        }
        let peak = peak_kib(server.child.id())?;
        let _ = write!(
            page,
            "\n- start-up: {:.2} s\n- memory: {} MiB after start-up, {} MiB at most\n",
            start.as_secs_f64(),
            idle >> 10,
            peak >> 10
        );
        Ok(page)
    }

    fn wants(&self, part: &str) -> bool {
        part.contains(&self.filter)
    }

    fn product(&self, data: &Path, paused: bool) -> Result<Server, String> {
        let listen = free_address()?;
        let ready = data.with_extension("ready");
        let _ = fs::remove_file(&ready);
        let folder = target().join(if self.profile { "profiling" } else { "release" });
        let child = pinned(SERVER_CORE, &folder.join("tributary"))
            .args(["dev", "--no-samples", "--listen", &listen, "--data"])
            .arg(data)
            .arg("--ready-file")
            .arg(&ready)
            .env("TRIBUTARY__LAKE__PAUSED", paused.to_string())
            .env("TRIBUTARY__LOG__BYTES_MAX", (64_u64 << 30).to_string())
            .stdout(Stdio::null())
            .spawn()
            .map_err(text)?;
        let server = Server { child, url: format!("http://{listen}") };
        wait_for(|| ready.exists(), "the server to be ready")?;
        Ok(server)
    }

    /// Single messages, then batches of 100.
    fn both(
        &self,
        part: &'static str,
        server: &Server,
        single: &str,
        batch: &str,
        bodies: &Path,
        rows: &mut Vec<Row>,
    ) -> Outcome {
        for (load, path, file, events) in
            [("single", single, "single.json", 1), ("batches of 100", batch, "batch.json", 100)]
        {
            let before = cpu_seconds(server.child.id())?;
            let figures = self.load(server, path, &bodies.join(file), None)?;
            let cpu_seconds = cpu_seconds(server.child.id())? - before;
            let peak_kib = peak_kib(server.child.id())?;
            rows.push(Row { part, load, events, figures, cpu_seconds, peak_kib });
        }
        Ok(())
    }

    fn load(&self, server: &Server, path: &str, body: &Path, rate: Option<&str>) -> Result<Value, String> {
        let (url, body, seconds) = (format!("{}{path}", server.url), show(body), self.seconds.to_string());
        let mut arguments = vec!["load", "--url", &url, "--body", &body, "--seconds", &seconds];
        arguments.extend(rate.map(|rate| ["--rate", rate]).into_iter().flatten());
        bench(&arguments, Some(LOAD_CORE))
    }

    fn flame(&self, server: &Server, path: &str, bodies: &Path) -> Outcome {
        let record = target().join("perf.data");
        let perf = Command::new("perf")
            .args(["record", "-g", "-F", "997", "-p", &server.child.id().to_string(), "-o"])
            .arg(&record)
            .args(["--", "sleep", &self.seconds.to_string()])
            .spawn();
        let mut perf = perf.map_err(|_| "a profile needs perf (Debian: linux-perf)".to_owned())?;
        self.load(server, path, &bodies.join("single.json"), None)?;
        perf.wait().map_err(text)?;
        println!("perf script -i {} shows the stacks", record.display());
        Ok(())
    }
}

fn rate_name(rate: &str) -> &'static str {
    match rate {
        "1000" => "1,000/s open loop",
        "5000" => "5,000/s open loop",
        _ => "10,000/s open loop",
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn word<'a>(figures: &'a Value, name: &str) -> &'a str {
    figures.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(figures: &Value, name: &str) -> f64 {
    figures.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

fn pinned(core: &str, binary: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(binary);
    command
}

fn bench_binary() -> PathBuf {
    target().join("release/bench")
}

/// Runs a part to its end: the line of JSON that it prints.
fn bench(arguments: &[&str], core: Option<&str>) -> Result<Value, String> {
    let mut command = match core {
        Some(core) => pinned(core, &bench_binary()),
        None => Command::new(bench_binary()),
    };
    let output = command.args(arguments).stderr(Stdio::inherit()).output().map_err(text)?;
    if !output.status.success() {
        return Err(format!("bench {} failed ({})", arguments.join(" "), output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn server(arguments: &[&str], listen: &str) -> Result<Server, String> {
    let child = pinned(SERVER_CORE, &bench_binary()).args(arguments).spawn().map_err(text)?;
    let server = Server { child, url: format!("http://{listen}") };
    wait_for(|| std::net::TcpStream::connect(listen).is_ok(), "the server to listen")?;
    Ok(server)
}

fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    Ok(listener.local_addr().map_err(text)?.to_string())
}

fn wait_for(mut done: impl FnMut() -> bool, what: &str) -> Outcome {
    for _ in 0..6000 {
        if done() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("gave up waiting for {what}"))
}

/// Seconds of processor time: fields 14 and 15 of the line, in hundredths.
fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(text)?;
    let fields: Vec<&str> = line.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok(fields.get(11..13).into_iter().flatten().filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
        / 100.0)
}

fn peak_kib(pid: u32) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(text)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

/// Builds what measures in one process, and says how quiet the machine is.
fn built(more: &[&str]) -> Result<String, String> {
    run(cargo(&["build", "--release", "--package", "bench"]).args(more))?;
    let scratch = target().join("bench");
    fs::create_dir_all(&scratch).map_err(text)?;
    quiet(&scratch)
}

/// The page of what a record costs in the compiled schema.
fn xdm(data: Option<&Path>) -> Outcome {
    let quiet = built(&[])?;
    let mut arguments = vec!["xdm".to_owned()];
    arguments.extend(data.into_iter().flat_map(|data| ["--data".to_owned(), show(data)]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let figures = bench(&arguments, Some(LOAD_CORE))?;
    let mut page = format!(
        "# A record in the compiled schema\n\nWritten by `cargo xtask bench xdm`, on one core; microseconds a record, the best \
         of several turns. `columns` is all of it: parse, validate, fill the columns. `jsonschema` is `serde_json` and then \
         that crate; arrow-json validates nothing.\n\n{quiet}.\n\n\
         | records | bytes | parse | validate | columns | serde_json | jsonschema | arrow-json | validate, times as fast as \
         jsonschema | columns, of the time of arrow-json |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for row in figures["rows"].as_array().into_iter().flatten() {
        let micros = |name: &str| number(&row["nanos"], name) / 1000.0;
        let _ = write!(page, "| {} | {} |", word(row, "corpus"), number(row, "bytes"));
        for name in ["parse", "validate", "columns", "serde_json", "jsonschema", "arrow-json"] {
            let _ = write!(page, " {:.2} |", micros(name));
        }
        let faster = micros("jsonschema") / micros("validate");
        let _ = writeln!(page, " {faster:.1} | {:.0} % |", 100.0 * micros("columns") / micros("arrow-json"));
    }
    if let Some(union) = figures.get("union").filter(|union| union.is_object()) {
        let _ = write!(
            page,
            "\n- the union of {} event field groups, {} fields: composed in {:.0} ms\n",
            number(union, "groups"),
            number(union, "fields"),
            number(union, "compose_ms")
        );
    }
    println!("{page}");
    fs::write(root().join("docs/benchmarks-xdm.md"), page).map_err(text)
}

/// The page of what a raw record costs in a mapping set.
fn prep() -> Outcome {
    let quiet = built(&["--features", "vrl"])?;
    let figures = bench(&["prep"], Some(LOAD_CORE))?;
    let nanos = |name: &str| number(&figures["nanos"], name);
    let mut page = format!(
        "# A raw record through a mapping set\n\nWritten by `cargo xtask bench prep`, on one core; the best of several turns. Ten \
         items (paths, concat, date, iif, lower, a list) on raw events of {} bytes. `prep` parses, maps, validates and fills \
         columns; the others parse, map and write JSON, and `prep, to JSON` does so too. By hand it is `serde_json`: over its \
         values, and over structs that borrow and skip what the mapping does not read.\n\n{quiet}.\n\n\
         | | µs a record | records/s | prep, times as fast |\n| --- | --- | --- | --- |\n",
        number(&figures, "bytes")
    );
    for name in ["prep", "prep, to JSON", "vrl", "values by hand", "structs by hand"] {
        let (micros, faster) = (nanos(name) / 1000.0, nanos(name) / nanos("prep"));
        let _ = writeln!(page, "| {name} | {micros:.2} | {:.0} | {faster:.2} |", 1e6 / micros);
    }
    page.push_str(
        "\n| items in the set | µs a record | ns an item | compiles in ms |\n| --- | --- | --- | --- |\n",
    );
    for row in figures["sizes"].as_array().into_iter().flatten() {
        let (items, nanos) = (number(row, "items"), number(&row["nanos"], "prep"));
        let _ = writeln!(
            page,
            "| {items} | {:.2} | {:.0} | {:.2} |",
            nanos / 1000.0,
            nanos / items,
            number(row, "compile_ms")
        );
    }
    println!("{page}");
    fs::write(root().join("docs/benchmarks-prep.md"), page).map_err(text)
}

/// What the machine is, and how quiet it is.
fn quiet(scratch: &Path) -> Result<String, String> {
    let load = fs::read_to_string("/proc/loadavg").map_err(text)?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let cpus = fs::read_to_string("/proc/cpuinfo").map_err(text)?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let disk = bench(&["disk", "--dir", &show(scratch)], None)?;
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().map_err(text)?;
    let noisy =
        if load.parse().is_ok_and(|load: f64| load > 0.5) { " (the machine was not quiet)" } else { "" };
    Ok(format!(
        "{} on {cores} cores of {}; load {load}{noisy}; one write and fdatasync of 4 KiB takes {} µs",
        String::from_utf8_lossy(&date.stdout).trim(),
        model.trim_start_matches([' ', '\t', ':']).trim(),
        number(&disk, "fdatasync_us"),
    ))
}

/// The page of results, without the part of refine.
fn page(quiet: &str, idle: Option<u64>, rows: &[Row]) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`. The server has one core, the load the other; an event is an XDM message \
         of about 1.5 KB. Ratios carry over to other machines, absolute figures do not.\n\n",
    );
    let _ = write!(page, "{quiet}.\n\n");
    page.push_str("| part | load | requests/s | events/s | MB/s | p50 ms | p99 ms | p99.9 ms | CPU s per million events | peak MiB |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for row in rows {
        let per_second = number(&row.figures, "per_second");
        let events = number(&row.figures, "requests") * row.events as f64;
        let ms = |name: &str| number(&row.figures, name) / 1000.0;
        let _ = writeln!(
            page,
            "| {} | {} | {:.0} | {:.0} | {:.1} | {:.2} | {:.2} | {:.2} | {:.1} | {} |",
            row.part,
            row.load,
            per_second,
            per_second * row.events as f64,
            per_second * number(&row.figures, "bytes") / 1e6,
            ms("p50_us"),
            ms("p99_us"),
            ms("p999_us"),
            row.cpu_seconds * 1e6 / events.max(1.0),
            row.peak_kib >> 10
        );
    }
    let rate = |part: &str, load: &str| {
        let row = rows.iter().find(|row| row.part == part && row.load == load)?;
        Some(number(&row.figures, "per_second")).filter(|rate| *rate > 0.0)
    };
    page.push('\n');
    for (name, part, of, load) in [
        ("single posts, refine paused, of bare", "paused", "bare", "single"),
        ("batches of 100, refine paused, of raw-log", "paused", "raw-log", "batches of 100"),
        ("single posts, refining, of paused", "refining", "paused", "single"),
        ("batches of 100, refining, of paused", "refining", "paused", "batches of 100"),
    ] {
        if let (Some(part), Some(of)) = (rate(part, load), rate(of, load)) {
            let _ = writeln!(page, "- {name}: {:.0} %", part / of * 100.0);
        }
    }
    if let Some(idle) = idle {
        let _ = writeln!(page, "- memory of the product at rest: {} MiB", idle >> 10);
    }
    page
}

fn refine_section(page: &mut String, figures: &Value) {
    page.push_str("\n## From the journal to committed Parquet\n\nOne core; against arrow-json and a Parquet file alone.\n\n");
    page.push_str(
        "| | events/s | CPU s per million events | bytes of Parquet per event |\n| --- | --- | --- | --- |\n",
    );
    let millions = number(figures, "events") / 1e6;
    for (name, prefix) in [("refine", "refine"), ("arrow-json and Parquet", "least")] {
        let get = |rest: &str| number(figures, &format!("{prefix}_{rest}"));
        let _ = writeln!(
            page,
            "| {name} | {:.0} | {:.1} | {:.0} |",
            get("per_second"),
            get("cpu_seconds") / millions,
            get("file_bytes_per_event")
        );
    }
    let ratio = number(figures, "refine_per_second") / number(figures, "least_per_second").max(1.0);
    let _ = writeln!(
        page,
        "\n- refine of arrow-json and Parquet: {:.0} %\n- events: {} of {} bytes; peak memory {} MiB",
        ratio * 100.0,
        number(figures, "events"),
        number(figures, "bytes_per_event"),
        number(figures, "peak_kib") as u64 >> 10
    );
}
