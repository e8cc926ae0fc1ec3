//! netrc (Python's `netrc` module): `machine HOST login USER password SECRET`.
//!
//! Python's netrc takes an entry without a password for one with an empty password, so an entry
//! goes as a whole.

use std::ops::Range;

use credential_helper_protocol::Secret;

use crate::domain::netrc::{Machine, parse};
use crate::scan::finding::{Edit, Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::value::is_reference;

/// # Errors
/// With the line, where it cannot be read as netrc; nothing of the line is repeated.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let machines =
        parse(&text.text).map_err(|(line, _)| format!("line {line} is not as netrc has it"))?;
    Ok(machines
        .into_iter()
        .filter_map(|machine| found(&text.text, machine))
        .collect())
}

fn found(text: &str, machine: Machine) -> Option<Found> {
    let (secret, span) = (machine.password?, machine.password_at?);
    if is_reference(&secret) {
        return None;
    }
    let host = machine.name.map(|name| name.to_string());
    let login = machine.login.map(|login| login.to_string());
    let way = match (&host, &login) {
        (Some(host), Some(_)) => Way::Move {
            to: Target::Service(host.clone()),
            edits: machine
                .words
                .iter()
                .map(|word| Edit::cut(with_space(text, word)))
                .collect(),
        },
        (None, _) => Way::ByHand("`default` is sent to every host: remove the entry"),
        (Some(_), None) => Way::ByHand("name the account with `login`, then look again"),
    };
    Some(Found {
        kind: Kind::HttpBasic,
        spans: vec![span],
        secret: Secret::from(secret.as_str()),
        username: login,
        origin: host,
        way,
    })
}

/// A word with the space behind it: all of its line, where nothing else stands there.
fn with_space(text: &str, word: &Range<usize>) -> Range<usize> {
    let rest = &text[word.end..];
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let mut end = word.end + blank;
    // The last word of a line takes the line's end along; a comment behind it keeps its line.
    if text[end..].starts_with("\r\n") {
        end += 2;
    } else if text[end..].starts_with('\n') {
        end += 1;
    }
    let line = text[..word.start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..word.start];
    let start = if before.trim().is_empty() {
        line
    } else {
        word.start
    };
    start..end
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use zeroize::Zeroizing;

    use super::{find, found};
    use crate::domain::netrc::parse;
    use crate::scan::finding::Way;
    use crate::scan::read::Text;

    fn without(text: &str, nth: usize) -> String {
        let machine = parse(text).ok().unwrap().remove(nth);
        let Way::Move { mut edits, .. } = found(text, machine).unwrap().way else {
            panic!("{text}");
        };
        let mut new = text.to_owned();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.range.start));
        for edit in edits {
            new.replace_range(edit.range, "");
        }
        new
    }

    #[test]
    fn an_entry_goes_and_all_else_stays() {
        for (text, nth, left) in [
            (
                "machine a login u password p\nmachine b login v password q\n",
                0,
                "machine b login v password q\n",
            ),
            (
                "machine a login u password p\nmachine b login v password q\n",
                1,
                "machine a login u password p\n",
            ),
            (
                "# c\nmachine a\n  login u\n  password p\n\n# d\n",
                0,
                "# c\n\n# d\n",
            ),
            ("machine a login u password p # why\n", 0, "# why\n"),
            (
                "machine a login u password p machine b login v password q",
                0,
                "machine b login v password q",
            ),
            (
                "macdef x\nmachine no\n\nmachine a login u password \"p w\"\r\n",
                0,
                "macdef x\nmachine no\n\n",
            ),
        ] {
            assert_eq!(without(text, nth), left, "{text}");
        }
    }

    #[test]
    fn what_is_no_netrc_is_told_without_its_words() {
        for text in [
            "machine",
            "login u",
            "machine a password \"p",
            "machine a login u password p w",
        ] {
            let text = Text {
                path: PathBuf::new(),
                text: Zeroizing::new(text.to_owned()),
            };
            let error = find(&text).err().unwrap();
            assert!(error.starts_with("line 1 "), "{error}");
        }
    }
}
