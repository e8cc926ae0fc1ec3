//! Limits to the age of files.

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// What a source says of `exclude-newer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutoff {
    /// Its files count whatever their age.
    Off,
    /// Files that were uploaded later do not exist.
    At(Timestamp),
}

impl Cutoff {
    /// The limit that holds for a source's files: its own goes before the one for all, as with uv.
    pub fn over(own: Option<Self>, all: Option<Timestamp>) -> Option<Timestamp> {
        match own {
            None => all,
            Some(Self::Off) => None,
            Some(Self::At(time)) => Some(time),
        }
    }
}

/// Reads a limit: a date stands for its whole day in UTC, a duration (`7 days`, `P7D`) for the time
/// before now.
///
/// # Errors
/// What it should be.
pub fn cutoff(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let wrong =
        || "a date, as 2026-01-31, a time in RFC 3339, or a time before now, as 7 days".to_owned();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let next = day.tomorrow().map_err(|_| wrong())?;
        return format!("{next}T00:00:00Z").parse().map_err(|_| wrong());
    }
    let before = duration(text).ok_or_else(wrong)?;
    Timestamp::now().checked_sub(before).map_err(|_| wrong())
}

/// A duration without months and years, whose lengths differ.
fn duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let days = SpanRelativeTo::days_are_24_hours();
    Some(span.to_duration(days).ok()?.abs())
}

#[cfg(test)]
mod tests {
    use super::{Cutoff, cutoff, duration};

    #[test]
    fn a_date_is_its_whole_day() {
        for (text, time) in [
            ("2026-01-31", Some("2026-02-01T00:00:00Z")),
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00Z")),
            ("2026-01-31T12:00:00+02:00", Some("2026-01-31T10:00:00Z")),
            ("yesterday", None),
            ("2026-02-30", None),
            ("3 months", None),
            ("P1Y", None),
            ("7", None),
            ("100000000000 days", None),
        ] {
            let read = cutoff(text).ok().map(|time| time.to_string());
            assert_eq!(read.as_deref(), time, "{text}");
        }
    }

    #[test]
    fn durations_are_before_now() {
        let hours = |text| duration(text).map(|one| one.as_hours());
        for (text, count) in [
            ("7 days", 168),
            ("1 week", 168),
            ("P3D", 72),
            ("PT24H", 24),
            ("-1d", 24),
        ] {
            assert_eq!(hours(text), Some(count), "{text}");
        }
        let before = jiff::Timestamp::now();
        let time = cutoff("24 hours").unwrap();
        assert!(time < before && before.duration_since(time).as_hours() <= 24);
    }

    #[test]
    fn a_source_goes_before_all() {
        let [early, late] = ["2026-01-01", "2026-02-01"].map(|text| cutoff(text).unwrap());
        assert_eq!(Cutoff::over(None, Some(late)), Some(late));
        assert_eq!(Cutoff::over(Some(Cutoff::Off), Some(late)), None);
        assert_eq!(
            Cutoff::over(Some(Cutoff::At(early)), Some(late)),
            Some(early)
        );
        assert_eq!(Cutoff::over(Some(Cutoff::At(late)), None), Some(late));
    }
}
