//! What is told of the work while it goes on, for people: lines of typed fields.
//!
//! A line takes no message, no value of a variable and no account, so that no secret can get into
//! it; what comes from outside is shown with its control characters escaped and is cut. Where the
//! lines go is the business of whoever makes the [`Log`]: nothing here prints.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::rc::Rc;

use super::credential::Key;
use super::name::RepositoryName;
use super::service::{Form, Service, told};
use super::text::shown;
use super::url::RepositoryUrl;

/// The longest value of a field, in characters.
const LONGEST: usize = 300;
/// Stands for what could not be read as a name or URL: it may be anything.
const UNREADABLE: &str = "(unreadable)";

/// How much a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One line a request; start, end, and who was passed over.
    Info,
    /// Every step as well.
    Debug,
}

impl Level {
    /// The word in front of a line, and in `CREDENTIAL_HELPER_LOG`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Where lines go; nowhere by default, at the cost of one comparison.
#[derive(Clone, Default)]
pub struct Log(Option<Rc<Sink>>);

type Write = dyn Fn(Level, &str);

struct Sink {
    level: Level,
    write: Box<Write>,
}

impl Log {
    /// Gives the lines up to this level to `write`.
    pub fn new(level: Level, write: impl Fn(Level, &str) + 'static) -> Self {
        let write = Box::new(write);
        Self(Some(Rc::new(Sink { level, write })))
    }

    /// Whether lines of this level go anywhere.
    pub fn takes(&self, level: Level) -> bool {
        self.0.as_ref().is_some_and(|sink| sink.level >= level)
    }

    /// Tells a line of [`Level::Info`]; it is only made where somebody wants it.
    pub fn info(&self, line: impl FnOnce() -> Line) {
        self.tell(Level::Info, line);
    }

    /// The same for [`Level::Debug`].
    pub fn debug(&self, line: impl FnOnce() -> Line) {
        self.tell(Level::Debug, line);
    }

    fn tell(&self, level: Level, line: impl FnOnce() -> Line) {
        if let Some(sink) = self.0.as_ref().filter(|sink| sink.level >= level) {
            (sink.write)(level, &line().0);
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.0.as_ref().map(|sink| sink.level);
        f.debug_tuple("Log").field(&level).finish()
    }
}

/// One line: what happened, then `key=value` for each field.
#[must_use]
pub struct Line(String);

impl Line {
    /// A line about this event.
    pub fn new(event: &'static str) -> Self {
        Self(event.to_owned())
    }

    /// A word of ours; left out where it is empty.
    pub fn word(mut self, key: &'static str, value: &'static str) -> Self {
        if !value.is_empty() {
            self.put(key, value);
        }
        self
    }

    /// A number.
    pub fn number(mut self, key: &'static str, value: u64) -> Self {
        // Writing into a string does not fail.
        let _ = write!(self.0, " {key}={value}");
        self
    }

    /// Text in our own words that holds no secret: a reason, a place, a provider's name.
    pub fn text(mut self, key: &'static str, value: &str) -> Self {
        self.put(key, value);
        self
    }

    /// A path.
    pub fn path(mut self, key: &'static str, value: &Path) -> Self {
        self.put(key, &value.to_string_lossy());
        self
    }

    /// What a question is about, as it came: only what can be read as a name or a URL is told, and
    /// of a URL neither userinfo nor query.
    pub fn about(mut self, name: Option<&str>, url: Option<&str>) -> Self {
        if let Some(name) = name {
            match RepositoryName::parse(name) {
                Ok(name) => self.put("name", name.as_str()),
                Err(_) => self.put("name", UNREADABLE),
            }
        }
        if let Some(url) = url {
            match RepositoryUrl::parse(url) {
                Ok((url, _)) => self.put("url", url.as_str()),
                Err(_) => self.put("url", UNREADABLE),
            }
        }
        self
    }

    /// What another tool calls the place. Of what is none of our forms nothing is told.
    pub fn service(mut self, text: &str) -> Self {
        match Service::parse(text).map(|service| (service.shown(), service.form)) {
            Ok((shown, Form::Name(..) | Form::Url { .. })) => self.put("service", &shown),
            Ok((shown, Form::Host(host))) if host.is_certain() => self.put("service", &shown),
            _ => self.put("service", "(other)"),
        }
        self
    }

    /// What a provider was asked for, without the account.
    pub fn key(mut self, key: &Key) -> Self {
        let without_account = match key {
            Key::Service { service, .. } => told(service).into_owned(),
            Key::Url { url, .. } => url.to_string(),
            Key::HttpBasic(_) | Key::Token(_) | Key::Repository(_) => key.to_string(),
        };
        self.put("key", &without_account);
        self
    }

    fn put(&mut self, key: &'static str, value: &str) {
        let mut value = shown(value);
        if let Some((end, _)) = value.char_indices().nth(LONGEST) {
            value.truncate(end);
            value.push_str("...");
        }
        let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '=' | '\\');
        // Writing into a string does not fail.
        let _ = if !value.is_empty() && value.chars().all(plain) {
            write!(self.0, " {key}={value}")
        } else {
            write!(self.0, " {key}=\"{}\"", value.replace('"', "\\\""))
        };
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Key, LONGEST, Level, Line, Log, RepositoryUrl};

    #[test]
    fn lines_go_where_they_are_wanted() {
        let lines: Rc<RefCell<Vec<String>>> = Rc::default();
        let sink = lines.clone();
        let log = Log::new(Level::Info, move |level, line| {
            sink.borrow_mut().push(format!("{} {line}", level.word()));
        });
        log.info(|| Line::new("it began").word("by", "hand").number("pid", 7));
        log.debug(|| panic!("made although nobody wants it"));
        Log::default().info(|| panic!("made although nobody wants it"));
        assert_eq!(*lines.borrow(), ["info it began by=hand pid=7"]);
        assert!(log.takes(Level::Info) && !log.takes(Level::Debug));
        assert_eq!(format!("{log:?}"), "Log(Some(Info))");
        let sink = lines.clone();
        let log = Log::new(Level::Debug, move |level, line| {
            sink.borrow_mut().push(format!("{} {line}", level.word()));
        });
        log.debug(|| Line::new("it asks"));
        assert_eq!(lines.borrow()[1..], ["debug it asks"]);
    }

    #[test]
    fn what_could_be_a_secret_has_no_way_in() {
        let url = "https://S3NTINEL:S3NTINEL@h.example/simple/?token=S3NTINEL#S3NTINEL";
        let account = || Some("S3NTINEL".to_owned());
        let service = Key::Service {
            service: "poetry-repository-foo".to_owned(),
            username: account(),
        };
        let by_url = Key::Url {
            url: RepositoryUrl::parse(url).unwrap().0,
            username: account(),
        };
        for (line, expected) in [
            (
                Line::new("a").about(Some("foo"), Some(url)),
                "a name=foo url=https://h.example/simple/",
            ),
            (
                Line::new("a").about(Some("S3NTINEL\n"), Some("ftp://S3NTINEL@h/")),
                "a name=(unreadable) url=(unreadable)",
            ),
            (
                Line::new("a").service(url),
                "a service=https://h.example/simple/",
            ),
            (Line::new("a").service("h.example"), "a service=h.example"),
            (Line::new("a").service("S3NTINEL"), "a service=(other)"),
            (Line::new("a").service("S3NTINEL\n"), "a service=(other)"),
            (Line::new("a").key(&service), "a key=poetry-repository-foo"),
            (
                Line::new("a").key(&by_url),
                "a key=https://h.example/simple/",
            ),
        ] {
            assert_eq!(line.0, expected);
        }
    }

    #[test]
    fn values_are_escaped_quoted_and_cut() {
        assert_eq!(
            Line::new("a").text("b", "x\u{1b}[2J \"y\"\n").0,
            "a b=\"x\\u{1b}[2J \\\"y\\\"\\u{a}\""
        );
        assert_eq!(Line::new("a").text("b", "").word("c", "").0, "a b=\"\"");
        let long = Line::new("a").text("b", &"é".repeat(LONGEST + 1)).0;
        assert_eq!(long.chars().count(), "a b=".len() + LONGEST + 3);
    }
}
