//! When a credential ends, as tools count it.

/// The Unix time of an RFC 3339 time in UTC, as the agent writes them (`2030-01-01T00:00:00Z`, with
/// or without a fraction); `None` for anything else.
pub(super) fn unix(time: &str) -> Option<i64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    number(fraction, fraction.len())?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let within = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        // A leap second counts as the next one.
        && second <= 60;
    if !within {
        return None;
    }
    // Years that begin in March end with the leap day; 400 of them have 146,097 days.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (found, digits) in found.iter_mut().zip(digits) {
        *found = number(parts.next()?, digits)?;
    }
    parts.next().is_none().then_some(found)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits
        && (1..=9).contains(&digits)
        && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::unix;

    #[test]
    fn times() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2000-02-29T12:34:56Z", Some(951_827_696)),
            ("2024-12-31T23:59:60Z", Some(1_735_689_600)),
            ("2026-11-26T20:18:00.123456Z", Some(1_795_724_280)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400)),
            ("2030-01-01T00:00:00", None),
            ("2030-01-01T00:00:00+00:00", None),
            ("2030-13-01T00:00:00Z", None),
            ("2030-1-01T00:00:00Z", None),
            ("2030-01-01T24:00:00Z", None),
            ("2030-01-01T00:00:00.Z", None),
            ("2030-01-01-01T00:00:00Z", None),
            ("+030-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(unix(text), expected, "{text}");
        }
    }
}
