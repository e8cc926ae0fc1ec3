//! Values from outside: what a secret, an account and a time must look like, wherever they were
//! read.

use std::time::{Duration, SystemTime};

use credential_helper_protocol::{Secret, limits};

use crate::domain::text::has_control;

/// The text without one line end: files and commands end their only line with one.
pub fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// A secret, copied once into a buffer that is wiped.
///
/// # Errors
/// What is wrong with it, as the end of a sentence; never the text.
pub fn secret(text: &str) -> Result<Secret, String> {
    fits(text, limits::SECRET)?;
    Ok(Secret::from(text))
}

/// An account.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn username(text: &str) -> Result<String, String> {
    fits(text, limits::USERNAME)?;
    Ok(text.to_owned())
}

fn fits(text: &str, limit: usize) -> Result<(), String> {
    if text.len() > limit {
        Err(format!("is longer than {limit} bytes"))
    } else if has_control(text) {
        Err("holds a control character".to_owned())
    } else {
        Ok(())
    }
}

/// A time as RFC 3339 writes it, in whole seconds since 1970. `humantime` reads UTC only, so an
/// offset is taken off before and subtracted after.
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let (utc, offset) = if text.ends_with('Z') {
        (text, 0)
    } else {
        let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
        let (sign, clock) = match offset.split_at_checked(1)? {
            ("+", clock) => (1, clock),
            ("-", clock) => (-1, clock),
            _ => return None,
        };
        let (hours, minutes) = clock.split_once(':')?;
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return None;
        }
        (format!("{local}Z"), sign * (hours * 3600 + minutes * 60))
    };
    let time = humantime::parse_rfc3339(&utc).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    since.checked_add_signed(-offset)
}

/// The wall clock, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// A time as messages have it: in seconds, rounded up to a tenth.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).ceil() / 10.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{moment, seconds, secret, username, without_line_end};

    #[test]
    fn times_in_messages_are_short() {
        for (nanos, expected) in [
            (2_000_000_000, "2"),
            (500_000_000, "0.5"),
            (768_381_190, "0.8"),
        ] {
            let shown = seconds(Duration::from_nanos(nanos)).to_string();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn one_line_end_goes() {
        for (text, expected) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a", "a"),
            ("", ""),
            (" a ", " a "),
        ] {
            assert_eq!(without_line_end(text), expected);
        }
    }

    #[test]
    fn limits_hold() {
        assert!(secret(&"x".repeat(32 * 1024)).is_ok());
        assert!(secret(&"x".repeat(32 * 1024 + 1)).is_err());
        assert!(secret("a\u{1b}b").is_err());
        assert!(username(&"x".repeat(1025)).is_err());
        assert!(username("a\nb").is_err());
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("1970-01-01T00:00:10Z", Some(10)),
            ("1970-01-01t00:00:10.9z", Some(10)),
            ("1970-01-01T02:00:00+02:00", Some(0)),
            ("1969-12-31T23:00:00-01:30", None),
            ("1970-01-01T00:00:00-01:30", Some(5400)),
            ("1970-01-01T00:00:00+01:30", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00+9:00", None),
            ("2026-01-01T00:00:00+25:00", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }
}
