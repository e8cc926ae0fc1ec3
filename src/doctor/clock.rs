//! The wall clock: certificates, tokens and one-time uploads are refused where it is wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Check, Outcome};

/// 2026-01-01: no build of this program is older.
const BUILT: Duration = Duration::from_hours(490_896);
/// Files of another machine may be a time zone ahead, but not more.
const AHEAD: Duration = Duration::from_hours(24);

/// Judges the time now, also against files that were written before now.
pub(super) fn checks(now: SystemTime, written: impl Iterator<Item = SystemTime>) -> Vec<Check> {
    let fix = "set the clock: `timedatectl set-ntp true`, or the system's settings";
    if now < UNIX_EPOCH + BUILT {
        let message = "the clock is before the year in which this program was built";
        return vec![Check::new("clock", Outcome::Problem, message).fix(fix)];
    }
    let ahead = written
        .filter_map(|time| time.duration_since(now).ok())
        .max();
    if let Some(ahead) = ahead.filter(|ahead| *ahead > AHEAD) {
        let days = ahead.as_secs() / AHEAD.as_secs();
        let message = format!("a settings file is from the future, by {days} days or more");
        return vec![Check::new("clock", Outcome::Warning, message).fix(fix)];
    }
    vec![Check::new("clock", Outcome::Ok, "the clock is plausible")]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::Outcome;
    use super::{BUILT, checks};

    #[test]
    fn times() {
        let built = UNIX_EPOCH + BUILT;
        let day = Duration::from_hours(24);
        for (now, file, wanted) in [
            (UNIX_EPOCH, None, Outcome::Problem),
            (built, None, Outcome::Ok),
            (built, Some(UNIX_EPOCH), Outcome::Ok),
            (built, Some(built + day), Outcome::Ok),
            (built, Some(built + 3 * day), Outcome::Warning),
        ] {
            assert_eq!(checks(now, file.into_iter())[0].result, wanted);
        }
    }
}
