//! What the log tells of a request: one line at its end, and the steps of a search.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use credential_helper_protocol::{
    Ask, Asked, Configure, Delete, ErrorCode, Failure, INTERFACE_NAME, Nothing, OpenSocket, Report,
    Set, Trust, Unlock,
};

use crate::domain::log::{Level, Line, Log};
use crate::domain::resolution::TraceStep;

/// The methods; another word is not repeated, because it may be anything.
const METHODS: [&str; 19] = [
    "Get",
    "Explain",
    "List",
    "Set",
    "Delete",
    "Configure",
    "Settings",
    "Trust",
    "Untrust",
    "Bindings",
    "Report",
    "Lock",
    "Unlock",
    "Status",
    "OpenSocket",
    "Reload",
    "Stop",
    "GetInfo",
    "GetInterfaceDescription",
];

/// A method's own name, by its name in a call; `(unknown)` for any other.
pub fn method_word(method: &str) -> &'static str {
    let known = |known: &&&str| {
        let interface = method.strip_suffix(**known).unwrap_or_default();
        matches!(
            interface.strip_suffix('.'),
            Some(INTERFACE_NAME | "org.varlink.service")
        )
    };
    METHODS.iter().find(known).copied().unwrap_or("(unknown)")
}

/// One request, as the log will tell it.
pub(super) struct Told<'a> {
    log: &'a Log,
    begun: Option<Instant>,
    line: RefCell<Option<Line>>,
    outcome: Cell<&'static str>,
    /// Who had the answer, where there is one.
    pub(super) provider: Cell<&'static str>,
}

impl<'a> Told<'a> {
    /// A request that begins.
    pub(super) fn begin(log: &'a Log, method: &str, pid: u32) -> Self {
        let wanted = log.takes(Level::Info);
        let line = || {
            let line = Line::new("request").word("method", method_word(method));
            line.number("pid", pid.into())
        };
        Self {
            log,
            begun: wanted.then(Instant::now),
            line: RefCell::new(wanted.then(line)),
            outcome: Cell::new("not-understood"),
            provider: Cell::default(),
        }
    }

    /// What it is about.
    pub(super) fn about(&self, parameters: &impl Subject) {
        let mut line = self.line.borrow_mut();
        if let Some(begun) = line.take() {
            let (name, url) = parameters.subject();
            let begun = begun.about(name, url);
            *line = Some(match parameters.service() {
                Some(service) => begun.service(service),
                None => begun,
            });
        }
    }

    /// How it ended.
    pub(super) fn ended<T>(&self, result: &Result<T, Failure>) {
        let failed = result.as_ref().err().map(|failure| failure.code);
        self.outcome.set(failed.map_or("ok", ErrorCode::word));
    }

    /// Tells it.
    pub(super) fn end(self) {
        if let (Some(line), Some(begun)) = (self.line.take(), self.begun) {
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.log.info(|| {
                line.word("outcome", self.outcome.get())
                    .word("provider", self.provider.get())
                    .number("ms", ms)
            });
        }
    }
}

/// Tells the steps of a search, and once each who was passed over.
pub(super) fn steps(log: &Log, steps: &[TraceStep]) {
    let mut passed_over = Vec::new();
    for step in steps {
        log.debug(|| {
            let line = Line::new("step").word("provider", step.provider.word());
            let line = line.key(&step.key).word("answer", step.answer);
            line.number("ms", step.ms)
        });
        let asked = matches!(step.answer, "found" | "username-only" | "not-found");
        let Some(reason) = step.detail.as_deref().filter(|_| !asked) else {
            continue;
        };
        if !passed_over.contains(&step.provider) {
            passed_over.push(step.provider);
            log.info(|| {
                let line = Line::new("passed over").word("provider", step.provider.word());
                line.word("answer", step.answer).text("reason", reason)
            });
        }
    }
}

/// Parameters that are about a repository.
pub(super) trait Subject {
    /// Its name and URL, as they came.
    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (None, None)
    }

    /// What another tool calls it, as it came.
    fn service(&self) -> Option<&str> {
        None
    }
}

impl Subject for Ask {
    fn service(&self) -> Option<&str> {
        self.question.service.as_deref()
    }

    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (self.question.name.as_deref(), self.question.url.as_deref())
    }
}

impl Subject for Report {
    fn service(&self) -> Option<&str> {
        self.question.service.as_deref()
    }

    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (self.question.name.as_deref(), self.question.url.as_deref())
    }
}

/// The name of a call that has one.
fn named(name: &str) -> Option<&str> {
    (!name.is_empty()).then_some(name)
}

impl Subject for Set {
    fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (named(&self.name), self.url.as_deref())
    }
}

impl Subject for Delete {
    fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (named(&self.name), None)
    }
}

impl Subject for Trust {
    fn subject(&self) -> (Option<&str>, Option<&str>) {
        (self.name.as_deref(), self.url.as_deref())
    }
}

impl Subject for Configure {
    /// The name in Poetry's key: `http-basic.NAME`, `repositories.NAME.url`.
    fn subject(&self) -> (Option<&str>, Option<&str>) {
        let of = |section| self.key.strip_prefix(section);
        let certificates = || {
            let rest = of("certificates.")?;
            let name = rest.strip_suffix(".client-cert");
            Some(name.or_else(|| rest.strip_suffix(".cert")).unwrap_or(rest))
        };
        let repositories = || {
            let rest = of("repositories.")?;
            Some(rest.strip_suffix(".url").unwrap_or(rest))
        };
        let name = of("http-basic.")
            .or_else(|| of("pypi-token."))
            .or_else(repositories)
            .or_else(certificates);
        (name, None)
    }
}

impl Subject for Asked {}
impl Subject for OpenSocket {}
impl Subject for Unlock {}
impl Subject for Nothing {}

#[cfg(test)]
mod tests {
    use super::{Configure, Subject, method_word};

    #[test]
    fn only_known_methods_are_named() {
        for (method, word) in [
            ("io.credentialhelper.Agent1.Get", "Get"),
            ("org.varlink.service.GetInfo", "GetInfo"),
            ("io.credentialhelper.Agent1.S3NTINEL", "(unknown)"),
            ("org.example.Get", "(unknown)"),
            ("Get", "(unknown)"),
        ] {
            assert_eq!(method_word(method), word, "{method}");
        }
    }

    #[test]
    fn the_name_in_a_key() {
        for (key, name) in [
            ("http-basic.foo", Some("foo")),
            ("pypi-token.my.repo", Some("my.repo")),
            ("repositories.my.repo.url", Some("my.repo")),
            ("certificates.foo.client-cert", Some("foo")),
            ("keyring.enabled", None),
            ("S3NTINEL", None),
        ] {
            let key = key.to_owned();
            let configure = Configure {
                key: key.clone(),
                ..Configure::default()
            };
            assert_eq!(configure.subject().0, name, "{key}");
        }
    }
}
