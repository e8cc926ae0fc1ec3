//! The arguments of Python's keyring, read as its argument parser reads them (Python's `argparse`).
//!
//! Options stand anywhere, also between the words, where Python 3.11 refuses the next word. No text
//! says what was given: an argument too many may be a password.

use std::ffi::{OsStr, OsString};

/// What the arguments say.
pub(super) enum Read<'a> {
    /// Something to do.
    Wish(Wish<'a>),
    /// `-h`.
    Help,
    /// `--print-completion`.
    Completion,
    /// A usage error: why.
    Wrong(String),
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Wish<'a> {
    /// The first word.
    pub(super) operation: Option<Operation>,
    /// The second.
    pub(super) service: Option<&'a OsString>,
    /// The third.
    pub(super) username: Option<&'a OsString>,
    /// `--mode`.
    pub(super) mode: Mode,
    /// `--output json`.
    pub(super) json: bool,
    /// `--list-backends`.
    pub(super) list_backends: bool,
    /// `--disable`.
    pub(super) disable: bool,
}

/// The first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Prints a password.
    Get,
    /// Stores one.
    Set,
    /// Removes one.
    Del,
    /// Tells where things are.
    Diagnose,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Get, Self::Set, Self::Del, Self::Diagnose];

    /// As it is typed.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Del => "del",
            Self::Diagnose => "diagnose",
        }
    }
}

/// What `get` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// The password.
    #[default]
    Password,
    /// Username and password.
    Creds,
}

/// An option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Help,
    Path,
    Backend,
    ListBackends,
    Disable,
    Mode,
    Output,
    PrintCompletion,
}

/// Every option, under each of its names.
const OPTIONS: [(&str, Name); 11] = [
    ("-h", Name::Help),
    ("--help", Name::Help),
    ("-p", Name::Path),
    ("--keyring-path", Name::Path),
    ("-b", Name::Backend),
    ("--keyring-backend", Name::Backend),
    ("--list-backends", Name::ListBackends),
    ("--disable", Name::Disable),
    ("--mode", Name::Mode),
    ("--output", Name::Output),
    ("--print-completion", Name::PrintCompletion),
];

impl Name {
    fn takes_value(self) -> bool {
        !matches!(self, Self::Help | Self::ListBackends | Self::Disable)
    }

    /// Its long name.
    fn text(self) -> &'static str {
        let long = |(text, name): &&(&str, Self)| *name == self && text.starts_with("--");
        OPTIONS.iter().find(long).map_or("", |(text, _)| text)
    }
}

/// What one argument is.
enum Kind<'a> {
    /// A word.
    Word,
    /// An option with what stands behind it in the same argument; `short` after one dash.
    Option {
        name: Name,
        short: bool,
        rest: Option<&'a str>,
    },
    /// A beginning that several options have.
    Ambiguous,
    /// Nothing of ours.
    Unknown,
}

/// An end of the reading before its end.
enum Stop {
    Help,
    Completion,
    Wrong(String),
}

/// Reads the arguments.
pub(super) fn read(arguments: &[OsString]) -> Read<'_> {
    match wish(arguments) {
        Ok(wish) => Read::Wish(wish),
        Err(Stop::Help) => Read::Help,
        Err(Stop::Completion) => Read::Completion,
        Err(Stop::Wrong(reason)) => Read::Wrong(reason),
    }
}

fn wish(arguments: &[OsString]) -> Result<Wish<'_>, Stop> {
    let mut wish = Wish::default();
    let mut words = 0;
    let mut unknown = None;
    let mut only_words = false;
    let mut at = 0;
    while let Some(argument) = arguments.get(at) {
        at += 1;
        if !only_words && argument == "--" {
            only_words = true;
            continue;
        }
        let text = argument.to_string_lossy();
        let kind = if only_words { Kind::Word } else { kind(&text) };
        match kind {
            Kind::Word => {
                words += 1;
                match words {
                    1 => wish.operation = Some(operation(argument)?),
                    2 => wish.service = Some(argument),
                    3 => wish.username = Some(argument),
                    _ => {}
                }
            }
            Kind::Option { name, short, rest } => {
                let value = arguments.get(at).filter(|value| {
                    let text = value.to_string_lossy();
                    *value != "--" && matches!(self::kind(&text), Kind::Word)
                });
                if option(&mut wish, name, short, rest, value.map(OsString::as_os_str))? {
                    at += 1;
                }
            }
            Kind::Ambiguous => {
                return wrong(format!("argument {at} is short for more than one option"));
            }
            // Python tells of it last, after the help for instance.
            Kind::Unknown => unknown = unknown.or(Some(at)),
        }
    }
    if let Some(at) = unknown {
        return wrong(format!("argument {at} is no option of keyring"));
    }
    if words > 3 {
        return wrong(
            "there are more arguments than a service and a username; a password is never one",
        );
    }
    Ok(wish)
}

fn wrong<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Wrong(reason.into()))
}

fn operation(argument: &OsStr) -> Result<Operation, Stop> {
    let known = |operation: &Operation| argument == operation.word();
    match Operation::ALL.into_iter().find(known) {
        Some(operation) => Ok(operation),
        None => wrong("the first word is none of get, set, del, diagnose"),
    }
}

/// Tells words and options apart, as `ArgumentParser._parse_optional` does.
fn kind(text: &str) -> Kind<'_> {
    if !text.starts_with('-') || text == "-" {
        return Kind::Word;
    }
    let named = |name: &str| OPTIONS.iter().find(|(known, _)| *known == name);
    let (name, rest) = match text.split_once('=') {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    };
    let short = !text.starts_with("--");
    if let Some((_, name)) = named(name) {
        let name = *name;
        return Kind::Option { name, short, rest };
    }
    if short {
        // `-pPATH`: what stands behind the letter is its value, or are further letters.
        let letter = text
            .chars()
            .nth(1)
            .map_or(1, |letter| 1 + letter.len_utf8());
        let (name, rest) = text.split_at(letter);
        if let Some((_, name)) = named(name) {
            let (name, rest) = (*name, Some(rest));
            return Kind::Option { name, short, rest };
        }
    } else {
        let mut begun = OPTIONS.iter().filter(|(known, _)| known.starts_with(name));
        match (begun.next(), begun.next()) {
            (Some((_, name)), None) => {
                let name = *name;
                return Kind::Option { name, short, rest };
            }
            (Some(_), Some(_)) => return Kind::Ambiguous,
            (None, _) => {}
        }
    }
    if is_negative_number(text) || text.contains(' ') {
        return Kind::Word;
    }
    Kind::Unknown
}

/// No option looks like a number, so that these are words (`_negative_number_matcher`).
fn is_negative_number(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or_default();
    match number.split_once('.') {
        None => !number.is_empty() && digits(number),
        Some((whole, part)) => digits(whole) && !part.is_empty() && digits(part),
    }
}

/// Takes an option; whether the next argument was its value.
fn option(
    wish: &mut Wish<'_>,
    mut name: Name,
    short: bool,
    mut rest: Option<&str>,
    next: Option<&OsStr>,
) -> Result<bool, Stop> {
    let mut help = false;
    while !name.takes_value() {
        let letter = rest.and_then(|rest| rest.chars().next());
        help |= name == Name::Help;
        match (rest, letter) {
            (None, _) => {
                wish.list_backends |= name == Name::ListBackends;
                wish.disable |= name == Name::Disable;
                return if help { Err(Stop::Help) } else { Ok(false) };
            }
            // `-hp PATH` is `-h -p PATH`.
            (Some(more), Some(letter)) if short => {
                let Some(found) = OPTIONS.iter().find(|(known, _)| {
                    known
                        .strip_prefix('-')
                        .is_some_and(|one| one.chars().eq([letter]))
                }) else {
                    return wrong("a letter behind one dash is no option of keyring");
                };
                name = found.1;
                rest = Some(&more[letter.len_utf8()..]).filter(|more| !more.is_empty());
            }
            _ => return wrong(format!("{} takes no value", name.text())),
        }
    }
    let is_next = rest.is_none();
    let Some(value) = rest.map(OsStr::new).or(next) else {
        return wrong(format!("{} wants a value", name.text()));
    };
    let one_of = |words: &[&str]| match words.iter().position(|word| value == *word) {
        Some(position) => Ok(position),
        None => wrong(format!("{} is one of {}", name.text(), words.join(", "))),
    };
    match name {
        Name::Mode => {
            wish.mode = [Mode::Password, Mode::Creds][one_of(&["password", "creds"])?];
        }
        Name::Output => wish.json = one_of(&["plain", "json"])? == 1,
        Name::PrintCompletion => {
            one_of(&["bash", "zsh", "tcsh"])?;
            return Err(if help { Stop::Help } else { Stop::Completion });
        }
        _ => {}
    }
    if help { Err(Stop::Help) } else { Ok(is_next) }
}
