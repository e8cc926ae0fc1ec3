//! The agent's clock: it counts suspend, and a wall clock that is set cannot fool it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The time from `earlier` to this; zero where it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This moment and so much more.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// Where moments come from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    Real,
    /// One that a test sets forward.
    Manual(Rc<Cell<Duration>>),
}

impl Clock {
    /// A clock for tests.
    pub fn manual() -> Self {
        Self::Manual(Rc::new(Cell::new(Duration::from_secs(1000))))
    }

    /// Sets a manual clock forward.
    pub fn advance(&self, time: Duration) {
        if let Self::Manual(now) = self {
            now.set(now.get() + time);
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        match self {
            Self::Real => Moment(since_boot()),
            Self::Manual(now) => Moment(now.get()),
        }
    }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Seconds since 1970 by the wall clock: only for times that a server gave.
pub fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// A time in seconds since 1970, as RFC 3339 in UTC.
pub fn rfc3339(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
