//! The load generator: keep-alive connections, one request in flight on each. Closed loop, or open loop at a constant rate,
//! where a request that leaves late counts from the time at which it was due.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;

#[derive(Args)]
pub(crate) struct Load {
    /// `http://host:port/path`.
    #[arg(long)]
    url: String,
    /// The file with the body.
    #[arg(long)]
    body: PathBuf,
    /// A header, `name: value`.
    #[arg(long)]
    header: Vec<String>,
    #[arg(long, default_value_t = 64)]
    connections: u64,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Requests a second for an open loop; a closed loop without.
    #[arg(long)]
    rate: Option<f64>,
}

#[derive(Default)]
struct Seen {
    micros: Vec<u32>,
    good: u64,
    other: u64,
}

impl Load {
    #[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
    pub(crate) async fn run(self) -> Outcome {
        let rest = self.url.strip_prefix("http://").ok_or("the url begins with http://")?;
        let (host, path) = rest.split_once('/').ok_or("the url has a path")?;
        let body = fs::read(&self.body)?;
        let headers: String = self.header.iter().map(|header| format!("{header}\r\n")).collect();
        let mut request = format!(
            "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(&body);
        let request: &'static [u8] = request.leak();
        let start = Instant::now();
        let end = start + Duration::from_secs_f64(self.seconds);
        let mut tasks = JoinSet::new();
        for number in 0..self.connections {
            let host = host.to_owned();
            let interval = self.rate.map(|rate| Duration::from_secs_f64(self.connections as f64 / rate));
            let offset = interval
                .map_or(Duration::ZERO, |interval| interval.mul_f64(number as f64 / self.connections as f64));
            tasks.spawn(connection(host, request, start + offset, end, interval));
        }
        let mut seen = Seen::default();
        while let Some(done) = tasks.join_next().await {
            let one = done??;
            seen.micros.extend(one.micros);
            seen.good += one.good;
            seen.other += one.other;
        }
        let seconds = start.elapsed().as_secs_f64();
        seen.micros.sort_unstable();
        let at =
            |share: f64| seen.micros.get((seen.micros.len() as f64 * share) as usize).copied().unwrap_or(0);
        print(&json!({
            "requests": seen.good, "refused": seen.other, "seconds": seconds,
            "per_second": seen.good as f64 / seconds, "bytes": body.len(),
            "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999)
        }))
    }
}

#[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
async fn connection(
    host: String,
    request: &'static [u8],
    mut due: Instant,
    end: Instant,
    interval: Option<Duration>,
) -> Outcome<Seen> {
    let mut stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let (mut seen, mut buffer) = (Seen::default(), Vec::with_capacity(64 << 10));
    loop {
        let from = match interval {
            None => Instant::now(),
            Some(interval) => {
                tokio::time::sleep_until(due.into()).await;
                let from = due;
                due += interval;
                from
            }
        };
        if from >= end {
            return Ok(seen);
        }
        stream.write_all(request).await?;
        let status = answer(&mut stream, &mut buffer).await?;
        if status == 200 || status == 207 {
            seen.good += 1;
            seen.micros.push(u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX));
        } else {
            seen.other += 1;
        }
    }
}

/// Reads one answer; its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Outcome<u16> {
    buffer.clear();
    let mut whole = None;
    while whole.is_none_or(|whole| buffer.len() < whole) {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the server closed a connection".into());
        }
        if whole.is_none()
            && let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end])?.to_ascii_lowercase();
            let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
            whole = Some(end + 4 + length.ok_or("an answer without a length")?.trim().parse::<usize>()?);
        }
    }
    Ok(std::str::from_utf8(&buffer[9..12])?.parse()?)
}

/// One line of JSON on the standard output.
pub(crate) fn print(figures: &Value) -> Outcome {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}
