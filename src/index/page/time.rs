//! When a file was uploaded. Thousands of times stand on a page, all in one form, which is read here
//! at sight; the general reader, that knows dozens, takes ten times as long.

use jiff::Timestamp;

/// The days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// A time (PEP 700) in microseconds since 1970; none where it is no time.
pub(super) fn read(text: &str) -> Option<i64> {
    at_sight(text.as_bytes()).or_else(|| Some(text.parse::<Timestamp>().ok()?.as_microsecond()))
}

/// `yyyy-mm-ddThh:mm:ss[.ffffff]Z`; none for every other form, and for what is no time.
fn at_sight(text: &[u8]) -> Option<i64> {
    let (head, fraction) = text.split_at_checked(19)?;
    let number = |from: usize, to: usize| {
        head[from..to].iter().try_fold(0_i64, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then(|| number * 10 + i64::from(digit))
        })
    };
    let marks = [head[4], head[7], head[10], head[13], head[16]];
    if marks != *b"--T::" {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fraction = match fraction {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            let mut value = 0;
            for place in 0..6 {
                let digit = digits
                    .get(place)
                    .map_or(0, |digit| digit.wrapping_sub(b'0'));
                if digit > 9 {
                    return None;
                }
                value = value * 10 + i64::from(digit);
            }
            value
        }
        _ => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // A leap second, and the first and last years that the general reader knows, are its own.
    if !(1..=length).contains(&day)
        || !(1..=9998).contains(&year)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds = ((days - EPOCH) * 24 + hour) * 3600 + minute * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::{at_sight, read};

    fn general(text: &str) -> Option<i64> {
        Some(text.parse::<Timestamp>().ok()?.as_microsecond())
    }

    #[test]
    fn times_of_indexes_are_read_at_sight() {
        for text in [
            "2024-05-01T10:11:12.345678Z",
            "2024-02-29T23:59:59.9Z",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.5Z",
            "2000-02-29T00:00:00Z",
        ] {
            let found = at_sight(text.as_bytes());
            assert!(found.is_some(), "{text}");
            assert_eq!(found, general(text), "{text}");
        }
        for text in [
            "2023-02-29T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T10:11:12.Z",
            "2024-05-01 10:11:12",
            "2024-05-0/T10:11:12Z",
            "",
        ] {
            assert_eq!(at_sight(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            read("2024-05-01T12:11:12+02:00"),
            read("2024-05-01T10:11:12Z")
        );
    }

    proptest! {
        /// At sight or not, a time is the same.
        #[test]
        fn both_readers_agree(
            date in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]",
            time in "[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?",
            zone in "Z|z|\\+01:00|",
        ) {
            let text = format!("{date}T{time}{zone}");
            prop_assert_eq!(read(&text), general(&text));
        }
    }
}
