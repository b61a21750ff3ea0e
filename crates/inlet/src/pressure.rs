//! What happens when the log, or memory, has no room: hold the request for a while, then refuse it. All bounds are counted
//! here, so that no load takes more memory than they say.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use journal::{AppendError, Appended};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vocab::Clock;

use crate::limits::{HOLD_PAUSE_MAX, HOLD_PAUSE_MIN, Limits, RETRY_AFTER};
use crate::outcome::Refusal;

/// The semaphores count kibibytes, since their permits are 32 bits wide.
const UNIT: usize = 1 << 10;

pub(crate) struct Pressure {
    clock: Arc<dyn Clock>,
    hold: Duration,
    hold_requests: Semaphore,
    hold_bytes: Semaphore,
    large_bodies: Arc<Semaphore>,
    large_bodies_units: usize,
}

/// Room for a large body, until dropped.
#[derive(Debug)]
pub struct Reservation {
    _room: OwnedSemaphorePermit,
}

impl Pressure {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        let units = units(limits.large_bodies_bytes.max(limits.body_bytes)) as usize;
        Self {
            clock,
            hold: limits.hold,
            hold_requests: Semaphore::new(limits.hold_requests),
            hold_bytes: Semaphore::new(limits.hold_bytes / UNIT),
            large_bodies: Arc::new(Semaphore::new(units)),
            large_bodies_units: units,
        }
    }

    /// Waits for room for a body of so many bytes: all of it at once, so that two half-read bodies never wait for each other.
    pub(crate) async fn reserve(&self, bytes: usize) -> Result<Reservation, Refusal> {
        let units = units(bytes).min(u32::try_from(self.large_bodies_units).unwrap_or(u32::MAX));
        let room = self.large_bodies.clone().acquire_many_owned(units);
        match tokio::time::timeout(self.hold, room).await {
            Ok(Ok(room)) => Ok(Reservation { _room: room }),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy { retry_after: RETRY_AFTER }),
        }
    }

    /// Appends, trying again while the log has no room. An attempt is never cut short: it may have been written.
    pub(crate) async fn append<F>(&self, bytes: usize, attempt: impl Fn() -> F) -> Result<Appended, Refusal>
    where
        F: Future<Output = Result<Appended, AppendError>>,
    {
        let first = attempt().await;
        let Err(AppendError::Busy | AppendError::Full) = first else {
            return first.map_err(refusal);
        };
        let held = (self.hold_requests.try_acquire(), self.hold_bytes.try_acquire_many(units(bytes)));
        let (Ok(_request), Ok(_bytes)) = held else {
            return first.map_err(refusal);
        };
        let begun = self.clock.elapsed();
        let mut pause = HOLD_PAUSE_MIN;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(HOLD_PAUSE_MAX);
            let last = attempt().await;
            let waited = self.clock.elapsed().saturating_sub(begun);
            match last {
                Err(AppendError::Busy | AppendError::Full) if waited < self.hold => {}
                last => return last.map_err(refusal),
            }
        }
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn refusal(error: AppendError) -> Refusal {
    match error {
        AppendError::Busy => Refusal::Busy { retry_after: RETRY_AFTER },
        AppendError::Full => Refusal::Full,
        AppendError::Failed => Refusal::Failed,
        AppendError::Closed => Refusal::Closed { retry_after: RETRY_AFTER },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use vocab::{Millis, SystemClock};

    use super::*;

    fn pressure(hold_ms: u64, requests: usize) -> Pressure {
        let limits = Limits {
            body_bytes: 4 * UNIT,
            large_bodies_bytes: 8 * UNIT,
            hold: Duration::from_millis(hold_ms),
            hold_requests: requests,
            hold_bytes: 1 << 20,
        };
        Pressure::new(Arc::new(SystemClock::new()), &limits)
    }

    fn name(result: Result<Appended, Refusal>) -> &'static str {
        match result {
            Ok(_) => "logged",
            Err(Refusal::Busy { .. }) => "busy",
            Err(Refusal::Full) => "full",
            Err(Refusal::Failed) => "failed",
            Err(Refusal::Closed { .. }) => "closed",
            Err(_) => "other",
        }
    }

    /// Runs through the answers of a log, the last of which it keeps giving; tells the outcome and the number of attempts.
    async fn append(pressure: &Pressure, answers: &[Result<(), AppendError>]) -> (&'static str, usize) {
        let attempts = Mutex::new(0);
        let result = pressure
            .append(100, || {
                let mut attempts = attempts.lock().unwrap();
                let answer = answers[(*attempts).min(answers.len() - 1)];
                *attempts += 1;
                std::future::ready(answer.map(|()| Appended { first_offset: 0, received: Millis(0) }))
            })
            .await;
        let attempts = *attempts.lock().unwrap();
        (name(result), attempts)
    }

    #[tokio::test]
    async fn what_becomes_of_a_request() {
        use AppendError::{Busy, Closed, Failed, Full};
        let pressure = pressure(5_000, 10);
        for (answers, expected) in [
            (&[Ok(())][..], ("logged", 1)),
            (&[Err(Busy), Ok(())], ("logged", 2)),
            (&[Err(Full), Err(Busy), Ok(())], ("logged", 3)),
            (&[Err(Failed), Ok(())], ("failed", 1)),
            (&[Err(Closed), Ok(())], ("closed", 1)),
            (&[Err(Busy), Err(Failed), Ok(())], ("failed", 2)),
            (&[Err(Full), Err(Closed)], ("closed", 2)),
        ] {
            assert_eq!(append(&pressure, answers).await, expected, "{answers:?}");
        }
    }

    #[tokio::test]
    async fn a_request_is_held_for_a_while_only() {
        let pressure = pressure(40, 10);
        let (outcome, attempts) = append(&pressure, &[Err(AppendError::Busy)]).await;
        assert!(outcome == "busy" && attempts > 2, "{outcome} after {attempts}");
        let (outcome, attempts) = append(&pressure, &[Err(AppendError::Full)]).await;
        assert!(outcome == "full" && attempts > 2, "{outcome} after {attempts}");
    }

    #[tokio::test]
    async fn bounded_number_of_held_requests() {
        let pressure = pressure(5_000, 1);
        let held = pressure.append(1, || std::future::ready(Err(AppendError::Busy)));
        let second = async {
            tokio::task::yield_now().await;
            append(&pressure, &[Err(AppendError::Busy)]).await
        };
        tokio::select! {
            biased;
            _ = held => panic!("the first is held for longer"),
            second = second => assert_eq!(second, ("busy", 1)),
        }
    }

    #[tokio::test]
    async fn bounded_bytes_of_large_bodies() {
        let pressure = pressure(40, 1);
        let first = pressure.reserve(5 * UNIT).await.ok();
        let second = pressure.reserve(3 * UNIT).await.ok();
        assert!(first.is_some() && second.is_some());
        assert!(matches!(pressure.reserve(1).await, Err(Refusal::Busy { .. })));
        drop(second);
        assert!(pressure.reserve(3 * UNIT).await.is_ok());
        drop(first);
        assert!(
            pressure.reserve(1 << 40).await.is_ok(),
            "one that is larger than all the room takes all of it"
        );
    }
}
