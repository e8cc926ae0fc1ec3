//! The words of a netrc file, read as Python's `netrc` module reads them (quotes, backslashes,
//! comments, macros), because pip, Poetry and twine do.

use std::ops::Range;

use zeroize::Zeroizing;

use super::url::Origin;

/// One entry.
#[derive(Default)]
pub struct Machine {
    /// The host, with a port or without; unset for the `default` entry.
    pub name: Option<Zeroizing<String>>,
    /// The `login`.
    pub login: Option<Zeroizing<String>>,
    /// The `account`.
    pub account: Option<Zeroizing<String>>,
    /// The `password`.
    pub password: Option<Zeroizing<String>>,
    /// Where the password stands, with its quotes.
    pub password_at: Option<Range<usize>>,
    /// Where all its words stand, keywords and values.
    pub words: Vec<Range<usize>>,
    /// The line it begins on.
    pub line: usize,
}

impl Machine {
    /// Whether it is for this origin: by host and port, or by the host alone.
    pub fn is_for(&self, origin: &Origin, with_port: bool) -> bool {
        let Some(name) = &self.name else {
            return false;
        };
        let host = if with_port {
            origin.host_port()
        } else {
            origin.host().to_owned()
        };
        // An IPv6 address stands in brackets in a URL and without them in most netrc files.
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let name = name.strip_suffix('.').unwrap_or(name);
        name.eq_ignore_ascii_case(&host) || bare.is_some_and(|bare| name.eq_ignore_ascii_case(bare))
    }

    /// The login, or where that is missing the account, as requests has it (`get_netrc_auth`).
    pub fn account(&self) -> Option<&str> {
        [&self.login, &self.account]
            .into_iter()
            .flatten()
            .map(|text| text.as_str())
            .find(|text| !text.is_empty())
    }

    /// Whether it has an account or a secret.
    pub fn says_anything(&self) -> bool {
        self.account().is_some() || self.password.as_ref().is_some_and(|text| !text.is_empty())
    }
}

/// The line of what is wrong, and what it is, without a word of the file.
pub type Wrong = (usize, &'static str);

/// Every entry, in the order of the file.
///
/// # Errors
/// Where Python would refuse the file.
pub fn parse(text: &str) -> Result<Vec<Machine>, Wrong> {
    let mut lexer = Lexer {
        text,
        rest: text,
        line: 1,
    };
    let mut machines: Vec<Machine> = Vec::new();
    while let Some(word) = lexer.word()? {
        let line = word.line;
        if !word.quoted && word.text.starts_with('#') {
            lexer.skip_line();
            continue;
        }
        match word.text.as_str() {
            "machine" => {
                let name = lexer.value("machine without a name")?;
                machines.push(Machine {
                    name: Some(name.text),
                    words: vec![word.at, name.at],
                    line,
                    ..Machine::default()
                });
            }
            "default" => machines.push(Machine {
                words: vec![word.at],
                line,
                ..Machine::default()
            }),
            "macdef" => {
                lexer.value("macdef without a name")?;
                lexer.skip_macro();
            }
            keyword @ ("login" | "user" | "account" | "password") => {
                let Some(machine) = machines.last_mut() else {
                    return Err((line, "login or password before the first machine"));
                };
                let value = lexer.value("login, account or password without a value")?;
                machine.words.extend([word.at, value.at.clone()]);
                match keyword {
                    "account" => machine.account = Some(value.text),
                    "password" => {
                        machine.password = Some(value.text);
                        machine.password_at = Some(value.at);
                    }
                    _ => machine.login = Some(value.text),
                }
            }
            // The word itself may be half of a password.
            _ => {
                return Err((
                    line,
                    "a word that is no keyword of netrc; quote values with spaces",
                ));
            }
        }
    }
    Ok(machines)
}

struct Word {
    text: Zeroizing<String>,
    quoted: bool,
    line: usize,
    /// Where it stands, with its quotes.
    at: Range<usize>,
}

struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn word(&mut self) -> Result<Option<Word>, Wrong> {
        let space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        while self.rest.starts_with(space) {
            self.take();
        }
        let (line, quoted) = (self.line, self.rest.starts_with('"'));
        let start = self.at();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if quoted {
            self.take();
        }
        // Room for all of it: a buffer that grows leaves copies behind.
        let room = if quoted {
            self.quoted_length()
        } else {
            self.rest.find(space).unwrap_or(self.rest.len())
        };
        let mut text = Zeroizing::new(String::with_capacity(room));
        let ends = |c: char| if quoted { c == '"' } else { space(c) };
        while !self.rest.is_empty() && !self.rest.starts_with(ends) {
            match self.take() {
                Some('\\') => text.extend(self.take()),
                other => text.extend(other),
            }
        }
        if quoted && self.take().is_none() {
            return Err((line, "a quote that is not closed"));
        }
        let at = start..self.at();
        Ok(Some(Word {
            text,
            quoted,
            line,
            at,
        }))
    }

    /// The bytes up to the closing quote.
    fn quoted_length(&self) -> usize {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return at,
                _ => {}
            }
        }
        self.rest.len()
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn value(&mut self, missing: &'static str) -> Result<Word, Wrong> {
        let line = self.line;
        self.word()?.ok_or((line, missing))
    }

    fn skip_line(&mut self) {
        while !matches!(self.take(), None | Some('\n')) {}
    }

    /// A macro ends at an empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.rest.is_empty() {
            let empty = self.rest.starts_with('\n') || self.rest.starts_with("\r\n");
            self.skip_line();
            if empty {
                break;
            }
        }
    }
}

#[cfg(test)]
#[path = "netrc_tests.rs"]
mod tests;
