//! Contenders in turns, so that what else the machine does meets all of them.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::Outcome;

/// Turns of all contenders; of each the best counts, since other work on the machine only ever adds.
pub(crate) const TURNS: usize = 7;

/// The best turn of each contender so far, in nanoseconds a record.
pub(crate) struct Best {
    /// Of one turn of one contender.
    seconds: f64,
    nanos: Map<String, Value>,
}

impl Best {
    pub(crate) fn new(seconds: f64) -> Self {
        Self { seconds, nanos: Map::new() }
    }

    /// One turn of one contender: the work on that many records, again and again.
    #[expect(clippy::disallowed_methods, reason = "the times are what is reported")]
    pub(crate) fn turn(&mut self, name: &str, records: usize, mut work: impl FnMut() -> Outcome) -> Outcome {
        let (start, least) = (Instant::now(), Duration::from_secs_f64(self.seconds));
        let mut done = 0;
        while start.elapsed() < least {
            work()?;
            done += records;
        }
        let nanos = start.elapsed().as_nanos() as f64 / done as f64;
        let before = self.nanos.get(name).and_then(Value::as_f64).unwrap_or(f64::INFINITY);
        self.nanos.insert(name.to_owned(), json!(nanos.min(before)));
        Ok(())
    }

    pub(crate) fn into_nanos(self) -> Value {
        Value::Object(self.nanos)
    }
}
