//! Time. Everything that needs the time of day or an elapsed time takes a [`Clock`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A time of day: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time of day. Never jumps: a step of the machine's clock is caught up with slowly.
    fn now(&self) -> Millis;

    /// Time since some fixed instant, suspended time included. For durations.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock: wall time at start plus elapsed boot time, slewed towards the wall clock by at most
/// [`SLEW_PER_SECOND_MS`] so that a jump of the wall clock expires no token early and reorders nothing.
#[derive(Debug)]
pub struct SystemClock {
    /// Wall time minus boot time, milliseconds.
    offset_ms: AtomicI64,
    /// Boot time at which the offset last moved, milliseconds.
    slewed_at_ms: AtomicI64,
}

/// How fast the slewed clock may approach the wall clock: 5 ms for each second.
const SLEW_PER_SECOND_MS: i64 = 5;

impl SystemClock {
    pub fn new() -> Self {
        let boot = boot_ms();
        Self { offset_ms: AtomicI64::new(wall_ms() - boot), slewed_at_ms: AtomicI64::new(boot) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let boot = boot_ms();
        let offset = self.offset_ms.load(Ordering::Relaxed);
        let last = self.slewed_at_ms.load(Ordering::Relaxed);
        let seconds = (boot - last) / 1000;
        // One thread moves the offset, at most once a second; the others go on with what they read.
        if seconds > 0
            && self.slewed_at_ms.compare_exchange(last, boot, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let most = seconds.min(3600) * SLEW_PER_SECOND_MS;
            let step = (wall_ms() - boot - offset).clamp(-most, most);
            self.offset_ms.fetch_add(step, Ordering::Relaxed);
            return Millis(boot + offset + step);
        }
        Millis(boot + offset)
    }

    fn elapsed(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

fn wall_ms() -> i64 {
    ms(ClockId::Realtime)
}

fn boot_ms() -> i64 {
    ms(ClockId::Boottime)
}

fn ms(id: ClockId) -> i64 {
    let time = clock_gettime(id);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// A clock that moves only when told to, for tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now.0))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_follows_the_wall() {
        let clock = SystemClock::new();
        assert!((clock.now().0 - wall_ms()).abs() < 1000);
    }

    #[test]
    fn a_jump_of_the_wall_is_slewed() {
        let clock = SystemClock::new();
        // As if the wall clock had been an hour ahead at start, and two seconds had passed.
        clock.offset_ms.fetch_add(3_600_000, Ordering::Relaxed);
        clock.slewed_at_ms.fetch_sub(2000, Ordering::Relaxed);
        let drift = clock.now().0 - wall_ms();
        assert!((3_600_000 - 20..=3_600_000).contains(&drift), "moved by more than the slew: {drift}");
    }
}
