//! Files that Python's `configparser` reads: pip's `pip.conf`.

use credential_helper_protocol::{ErrorCode, Failure};

use super::super::change::Made;
use super::{Put, Take};

/// A line that means something.
struct Line<'a> {
    start: usize,
    end: usize,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Header(&'a str),
    /// Key and value.
    Pair(&'a str, &'a str),
    /// More of the value above.
    More,
}

/// pip takes `-` and `_` alike, and upper case too (`_normalize_name`).
fn same_key(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    plain(a) == plain(b)
}

/// # Errors
/// Where `configparser` would not read it either.
fn parse(text: &str) -> Result<Vec<Line<'_>>, Failure> {
    let mut all: Vec<Line<'_>> = Vec::new();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let (start, end) = (at, at + line.len());
        at = end;
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        let wrong = || {
            Failure::new(
                ErrorCode::Malformed,
                format!("line {} is no section and no key", number + 1),
            )
            .hint("correct that line by hand, then try again; nothing was changed")
        };
        let after_pair = matches!(
            all.last().map(|last| &last.kind),
            Some(Kind::Pair(..) | Kind::More)
        );
        let header = bare.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let kind = if line.starts_with([' ', '\t']) && after_pair {
            Kind::More
        } else if let Some((name, _)) = header {
            Kind::Header(name)
        } else {
            let (key, value) = bare.split_once(['=', ':']).ok_or_else(wrong)?;
            if all.is_empty() || key.trim().is_empty() {
                return Err(wrong());
            }
            Kind::Pair(key.trim(), value.trim())
        };
        if let Kind::Header(name) = kind {
            let twice = |one: &Line<'_>| matches!(one.kind, Kind::Header(other) if other == name);
            if all.iter().any(twice) {
                return Err(wrong());
            }
        }
        all.push(Line { start, end, kind });
    }
    Ok(all)
}

/// The lines of a section, its header first.
fn section<'a, 'b>(lines: &'b [Line<'a>], name: &str) -> Option<&'b [Line<'a>]> {
    let is = |line: &Line<'_>| matches!(line.kind, Kind::Header(other) if other == name);
    let first = lines.iter().position(is)?;
    let rest = &lines[first + 1..];
    let header = |line: &Line<'_>| matches!(line.kind, Kind::Header(_));
    let length = rest.iter().position(header).unwrap_or(rest.len());
    Some(&lines[first..=first + length])
}

/// The text with the key in its section.
///
/// # Errors
/// `malformed`.
pub fn put(text: &str, name: &str, key: &str, value: &str) -> Result<Put, Failure> {
    let lines = parse(text)?;
    let new = format!("{key} = {value}\n");
    let Some(lines) = section(&lines, name) else {
        let gap = if text.is_empty() { "" } else { "\n" };
        let made = Made {
            section: true,
            ..Made::default()
        };
        return Ok(Put::New(format!("{text}{gap}[{name}]\n{new}"), made));
    };
    for line in lines {
        if let Kind::Pair(other, held) = line.kind
            && same_key(other, key)
        {
            return Ok(if held == value {
                Put::Already
            } else {
                Put::Taken(format!("[{name}] {key} = {held}"))
            });
        }
    }
    let at = lines.last().map_or(text.len(), |line| line.end);
    let text = format!("{}{new}{}", &text[..at], &text[at..]);
    Ok(Put::New(text, Made::default()))
}

/// The text without the key, and without its section where that was made for it.
///
/// # Errors
/// `malformed`.
pub fn take(text: &str, name: &str, key: &str, value: &str, made: &Made) -> Result<Take, Failure> {
    let lines = parse(text)?;
    let Some(lines) = section(&lines, name) else {
        return Ok(Take::Gone);
    };
    let is = |line: &&Line<'_>| matches!(line.kind, Kind::Pair(other, _) if same_key(other, key));
    let Some(line) = lines.iter().find(is) else {
        return Ok(Take::Gone);
    };
    if !matches!(line.kind, Kind::Pair(_, held) if held == value) {
        return Ok(Take::Changed);
    }
    let header = &lines[0];
    // What stands between both may be the user's own comment.
    let alone = made.section && lines.len() == 2 && header.end == line.start;
    let start = if alone {
        let before = &text[..header.start];
        if before.ends_with("\n\n") {
            header.start - 1
        } else {
            header.start
        }
    } else {
        line.start
    };
    Ok(Take::New(format!(
        "{}{}",
        &text[..start],
        &text[line.end..]
    )))
}

#[cfg(test)]
mod tests {
    use super::super::{Put, Take};
    use super::{Made, put, take};

    const WANTED: (&str, &str, &str) = ("global", "keyring-provider", "subprocess");

    fn there_and_back(old: &str, expected: &str) {
        let (section, key, value) = WANTED;
        let Put::New(new, made) = put(old, section, key, value).unwrap() else {
            panic!("{old}")
        };
        assert_eq!(new, expected);
        assert_eq!(put(&new, section, key, value).unwrap(), Put::Already);
        let back = take(&new, section, key, value, &made).unwrap();
        assert_eq!(back, Take::New(old.to_owned()));
    }

    #[test]
    fn every_shape() {
        there_and_back("", "[global]\nkeyring-provider = subprocess\n");
        there_and_back(
            "# mine\n[install]\nno-index = true\n",
            "# mine\n[install]\nno-index = true\n\n[global]\nkeyring-provider = subprocess\n",
        );
        there_and_back(
            "[global]\nextra-index-url =\n    https://a/simple\n    https://b/simple\n\n# more\n[install]\nx: y\n",
            "[global]\nextra-index-url =\n    https://a/simple\n    https://b/simple\nkeyring-provider = subprocess\n\n# more\n[install]\nx: y\n",
        );
        there_and_back("[global]\n", "[global]\nkeyring-provider = subprocess\n");
    }

    #[test]
    fn what_the_user_set_stays() {
        let (section, key, value) = WANTED;
        let theirs = "[global]\nkeyring_provider: import\n";
        let taken = Put::Taken("[global] keyring-provider = import".to_owned());
        assert_eq!(put(theirs, section, key, value).unwrap(), taken);
        let made = Made::default();
        let taken = take(theirs, section, key, value, &made).unwrap();
        assert_eq!(taken, Take::Changed);
        let gone = take("[global]\n", section, key, value, &made).unwrap();
        assert_eq!(gone, Take::Gone);
        // A section that has become the user's too keeps its header.
        let more = "[global]\nkeyring-provider = subprocess\ntimeout = 3\n";
        let made = Made {
            section: true,
            ..made
        };
        let left = take(more, section, key, value, &made).unwrap();
        assert_eq!(left, Take::New("[global]\ntimeout = 3\n".to_owned()));
    }

    #[test]
    fn what_pip_could_not_read_is_refused() {
        for text in [
            "a = 1\n",
            "[global]\nwords\n",
            "[a]\n[a]\n",
            "[global]\n= 3\n",
        ] {
            assert!(put(text, "global", "k", "v").is_err(), "{text}");
        }
    }
}
