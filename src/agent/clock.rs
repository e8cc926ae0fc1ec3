//! The clock of everything that expires: not the wall clock, which anyone may set back, and not
//! one that stands still while the machine sleeps.

use std::cell::Cell;
use std::ops::Add;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, counted from an arbitrary start that lies before the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The time from `earlier` to here; nothing where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The kernel.
    #[default]
    Real,
    /// A test, which moves it by hand.
    Manual(Rc<Cell<Duration>>),
}

impl Clock {
    /// A clock that stands still, and the hand that moves it.
    pub fn manual() -> (Self, Rc<Cell<Duration>>) {
        let hand = Rc::new(Cell::new(Duration::ZERO));
        (Self::Manual(hand.clone()), hand)
    }

    /// Now.
    pub fn now(&self) -> Moment {
        match self {
            Self::Real => Moment(since_boot()),
            Self::Manual(hand) => Moment(hand.get()),
        }
    }
}

/// `CLOCK_MONOTONIC` counts the time asleep on macOS and stops for it on Linux, where
/// `CLOCK_BOOTTIME` is the one that goes on (`clock_gettime(2)` of both).
#[cfg(unix)]
fn since_boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
}

/// The performance counter of Windows goes on while asleep.
#[cfg(not(unix))]
fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Seconds since 1970 by the wall clock: only for times that a server gave, and for records.
pub fn wall() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// A time in seconds since 1970, as RFC 3339 in UTC.
pub fn rfc3339(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;

    #[test]
    fn real_time_does_not_go_back() {
        let first = Clock::Real.now();
        assert!(Clock::Real.now() >= first);
    }

    #[test]
    fn manual_time_moves_by_hand_only() {
        let (clock, hand) = Clock::manual();
        let first = clock.now();
        assert_eq!(clock.now(), first);
        hand.set(Duration::from_secs(7));
        assert_eq!(clock.now().since(first), Duration::from_secs(7));
        assert_eq!(first.since(clock.now()), Duration::ZERO);
        assert_eq!(first + Duration::from_secs(7), clock.now());
    }
}
