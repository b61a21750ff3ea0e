//! What `cargo xtask bench` measures against, and with: a bare server, a server that only logs, the path from the journal to
//! committed Parquet by itself, and a load generator. Each prints its figures as one line of JSON.

#[cfg(feature = "vrl")]
mod by_hand;
mod control;
mod corpus;
mod load;
#[cfg(feature = "vrl")]
mod mapping;
mod refining;
mod servers;
mod setup;
mod turns;
mod validating;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use journal::HandOver;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The allocator of the product, so that all who are compared have the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Parts of `cargo xtask bench`")]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Reads the body and answers.
    Bare {
        #[arg(long)]
        listen: String,
    },
    /// Reads the body, appends it to a journal and answers after the sync; parses nothing.
    RawLog {
        #[arg(long)]
        listen: String,
        #[arg(long)]
        dir: PathBuf,
    },
    /// Posts over keep-alive connections and reports what came back.
    Load(load::Load),
    /// Makes schema, dataset, connection and flow on a running server, and writes the bodies to post.
    Setup {
        /// The server's ready-file.
        #[arg(long)]
        ready: PathBuf,
        #[arg(long)]
        dir: PathBuf,
    },
    /// From a journal of that many events to committed Parquet, and the same events through arrow-json and Parquet alone.
    Refine {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long, default_value_t = 2_000_000)]
        events: u64,
    },
    /// Records through the compiled schema, against other validators and decoders.
    Xdm(validating::Validating),
    /// Raw records through a mapping set, against vrl and code by hand.
    #[cfg(feature = "vrl")]
    Prep(mapping::Mapping),
    /// The control plane with many objects.
    #[command(subcommand)]
    Control(control::Step),
    /// Median time of one write and fdatasync of 4 KiB, in microseconds.
    Disk {
        #[arg(long)]
        dir: PathBuf,
    },
}

fn main() -> Outcome {
    let part = Cli::parse().part;
    match part {
        Part::Bare { listen } => block_on(servers::bare(&listen)),
        Part::RawLog { listen, dir } => {
            let hand_over = HandOver::default();
            block_on_with(hand_over.clone(), servers::raw_log(&listen, dir, hand_over))
        }
        Part::Load(load) => block_on(load.run()),
        Part::Setup { ready, dir } => setup::run(&ready, &dir),
        Part::Refine { dir, events } => refining::run(&dir, events),
        Part::Xdm(validating) => validating.run(),
        #[cfg(feature = "vrl")]
        Part::Prep(mapping) => mapping.run(),
        Part::Control(step) => control::run(step),
        Part::Disk { dir } => servers::disk(&dir),
    }
}

fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    block_on_with(HandOver::default(), future)
}

fn block_on_with(hand_over: HandOver, future: impl Future<Output = Outcome>) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().on_thread_park(move || hand_over.idle()).build()?.block_on(future)
}
