//! netrc (Python's `netrc` module): `machine HOST login USER password SECRET`.
//!
//! Python's netrc takes an entry without a password for one with an empty password, so an entry
//! goes as a whole.

use std::ops::Range;

use credential_helper_protocol::Secret;

use crate::domain::text::line_at;
use crate::scan::finding::{Edit, Found, Kind, Target, Way};
use crate::scan::read::Text;
use crate::scan::value::is_reference;

/// One entry, by the places of its words.
#[derive(Default)]
struct Machine {
    /// Unset for `default`.
    host: Option<String>,
    login: Option<String>,
    password: Option<(Range<usize>, Secret)>,
    /// Every word of it, keywords and values.
    words: Vec<Range<usize>>,
}

/// # Errors
/// With the line, where it cannot be read as netrc; nothing of the line is repeated.
pub(in crate::scan) fn find(text: &Text) -> Result<Vec<Found>, String> {
    let machines = parse(&text.text)?;
    Ok(machines
        .into_iter()
        .filter_map(|machine| found(&text.text, machine))
        .collect())
}

fn found(text: &str, machine: Machine) -> Option<Found> {
    let (span, secret) = machine.password?;
    if is_reference(secret.expose()) {
        return None;
    }
    let way = match (&machine.host, &machine.login) {
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
        secret,
        username: machine.login,
        origin: machine.host,
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

fn parse(text: &str) -> Result<Vec<Machine>, String> {
    let mut lexer = Lexer { text, at: 0 };
    let mut machines: Vec<Machine> = Vec::new();
    while let Some((span, word)) = lexer.word()? {
        let wrong = || {
            format!(
                "line {} is not as netrc has it",
                line_at(text.as_bytes(), span.start)
            )
        };
        if word.starts_with('#') {
            lexer.skip_line();
            continue;
        }
        let mut value = || lexer.word()?.ok_or_else(wrong);
        match word.as_str() {
            "default" => machines.push(Machine {
                words: vec![span],
                ..Machine::default()
            }),
            "machine" => {
                let (at, host) = value()?;
                machines.push(Machine {
                    host: Some(host),
                    words: vec![span, at],
                    ..Machine::default()
                });
            }
            "macdef" => {
                value()?;
                lexer.skip_macro();
            }
            "login" | "user" | "account" | "password" => {
                let (at, text) = value()?;
                let machine = machines.last_mut().ok_or_else(wrong)?;
                machine.words.extend([span, at.clone()]);
                match word.as_str() {
                    "password" => machine.password = Some((at, Secret::new(text))),
                    "account" => {}
                    _ => machine.login = Some(text),
                }
            }
            _ => return Err(wrong()),
        }
    }
    Ok(machines)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    /// The next word and where it stands, with its quotes.
    fn word(&mut self) -> Result<Option<(Range<usize>, String)>, String> {
        let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let rest = &self.text[self.at..];
        let start = self.at + rest.len() - rest.trim_start_matches(space).len();
        self.at = start;
        let rest = &self.text[start..];
        let quoted = rest.starts_with('"');
        let mut word = String::with_capacity(rest.find(space).unwrap_or(rest.len()));
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(usize::from(quoted)) {
            match c {
                c if escaped => {
                    word.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' if quoted => {
                    self.at = start + at + 1;
                    return Ok(Some((start..self.at, word)));
                }
                c if !quoted && space(c) => {
                    self.at = start + at;
                    return Ok(Some((start..self.at, word)));
                }
                c => word.push(c),
            }
        }
        if quoted {
            return Err(format!(
                "line {} opens a quote that is not closed",
                line_at(self.text.as_bytes(), start)
            ));
        }
        self.at = self.text.len();
        Ok((!rest.is_empty()).then_some((start..self.at, word)))
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find('\n').map_or(rest.len(), |at| at + 1);
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            let empty = rest.starts_with('\n') || rest.starts_with("\r\n");
            self.skip_line();
            if empty {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{found, parse};
    use crate::scan::finding::Way;

    fn without(text: &str, nth: usize) -> String {
        let machine = parse(text).unwrap().remove(nth);
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
            let error = parse(text).err().unwrap();
            assert!(error.starts_with("line 1 "), "{error}");
        }
    }
}
