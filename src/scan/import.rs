//! Moves what was found into the keyring, one finding after the other: store, read back, compare,
//! and only then take it out of its file. Whatever fails leaves the file as it was.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{
    Changed, Context, Credential, ErrorCode, Explanation, Failure, Operation, Question, Set,
};
use serde::Serialize;

use super::finding::{Edit, Finding, Kind, Target, Way};
use super::places::{Place, Places};
use super::preview::{self, Preview};
use super::read::Text;
use super::{Skipped, path_text, rewrite, scan_text};
use crate::domain::text::shown;

/// The providers that are keyrings.
const KEYRINGS: [&str; 3] = ["secret-service", "keychain", "credential-manager"];
const TOKEN: &str = "__token__";

/// What is asked of the agent.
pub trait Store {
    /// Which repository a URL or service belongs to, and what is known of a name.
    ///
    /// # Errors
    /// Where that could not be told.
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure>;
    /// The credential that is stored.
    ///
    /// # Errors
    /// Where there is none, or it could not be told.
    fn get(&mut self, question: &Question) -> Result<Credential, Failure>;
    /// Stores one.
    ///
    /// # Errors
    /// Where it cannot be stored.
    fn set(&mut self, set: &Set) -> Result<Changed, Failure>;
}

/// How far a finding came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It can be moved; nothing was done.
    WouldMove,
    /// It is in the keyring and no longer in its file.
    Moved,
    /// A person has to do it.
    ByHand,
    /// It was left alone.
    Left,
    /// It could not be done.
    Failed,
}

/// What became of a finding.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// The file.
    pub path: PathBuf,
    /// The line of the secret.
    pub line: usize,
    /// Whose file it is.
    pub tool: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where the credential belongs.
    pub origin: Option<String>,
    /// The account.
    pub username: Option<String>,
    /// How far it came.
    pub result: Progress,
    /// The repository under whose name it is stored.
    pub name: Option<String>,
    /// The URL, host or other place under which it is stored.
    pub service: Option<String>,
    /// Why it was left or failed.
    pub message: Option<String>,
    /// What to do.
    pub fix: Option<String>,
    /// The lines of the file.
    #[serde(skip)]
    pub preview: Preview,
    /// What the tool needs afterwards.
    #[serde(skip)]
    pub needs: Option<&'static str>,
    /// The kind of failure.
    #[serde(skip)]
    pub code: Option<ErrorCode>,
}

/// Under what a secret is stored.
#[derive(Clone, Debug, Default)]
struct Destination {
    name: Option<String>,
    service: Option<String>,
    /// Binds the name.
    url: Option<String>,
    /// The keyring has it already.
    is_there: bool,
}

/// Why a finding stays where it is.
enum Stop {
    Left(String, String),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A run.
pub struct Import<'a> {
    /// The agent.
    pub store: &'a mut dyn Store,
    /// Who asks; without folder and variables, so that no project decides and nothing hides what
    /// was stored.
    pub context: Context,
    /// Changes something.
    pub apply: bool,
}

impl Import<'_> {
    /// Moves what stands in these files, or says what would be moved.
    pub fn run(&mut self, places: &Places) -> (Vec<Moved>, Vec<Skipped>) {
        let (mut moved, mut skipped) = (Vec::new(), places.skipped.clone());
        for place in &places.files {
            let read = Text::read(&place.path).and_then(|text| match text {
                Some(text) => scan_text(place, &text).map(|found| Some((text, found))),
                None => Ok(None),
            });
            match read {
                Ok(None) => {}
                Ok(Some((text, findings))) => {
                    let one = |finding| self.one(place, &text, finding, &findings);
                    moved.extend(findings.iter().map(one));
                }
                Err(reason) => skipped.push(Skipped {
                    path: place.path.clone(),
                    reason,
                }),
            }
        }
        (moved, skipped)
    }

    fn one(&mut self, place: &Place, text: &Text, finding: &Finding, all: &[Finding]) -> Moved {
        let mut moved = Moved {
            path: finding.path.clone(),
            line: finding.line,
            tool: finding.tool,
            kind: finding.kind,
            origin: finding.origin.clone(),
            username: finding.username.clone(),
            result: Progress::ByHand,
            name: None,
            service: None,
            message: None,
            fix: None,
            preview: Preview::default(),
            needs: place.form.needs,
            code: None,
        };
        let Way::Move { to, edits } = &finding.found.way else {
            moved.fix = Some(finding.fix.clone());
            return moved;
        };
        moved.preview = preview::of(&text.text, finding, edits, all);
        match self.moved(place, text, finding, to, edits, &mut moved) {
            Ok(progress) => moved.result = progress,
            Err(Stop::Left(message, fix)) => {
                moved.result = Progress::Left;
                moved.message = Some(message);
                moved.fix = Some(fix);
            }
            Err(Stop::Failed(failure)) => {
                moved.result = Progress::Failed;
                moved.code = Some(failure.code);
                moved.message = Some(failure.message);
                moved.fix = failure.hint;
            }
        }
        moved
    }

    fn moved(
        &mut self,
        place: &Place,
        text: &Text,
        finding: &Finding,
        to: &Target,
        edits: &[Edit],
        moved: &mut Moved,
    ) -> Result<Progress, Stop> {
        rewrite::check(&place.path)?;
        if self.apply && current(place, finding)?.is_none() {
            moved.message = Some("it went out of the file together with another".to_owned());
            return Ok(Progress::Moved);
        }
        let destination = self.destination(place, finding, to)?;
        moved.name.clone_from(&destination.name);
        moved.service.clone_from(&destination.service);
        if !self.apply {
            checked(place, text, finding, edits)?;
            return Ok(Progress::WouldMove);
        }
        if !destination.is_there {
            self.set(finding, &destination)?;
        }
        self.read_back(finding, &destination)?;
        take_out(place, finding)?;
        Ok(Progress::Moved)
    }

    /// Where the secret goes: to the repository that is known for the URL, else to the URL itself.
    fn destination(
        &mut self,
        place: &Place,
        finding: &Finding,
        to: &Target,
    ) -> Result<Destination, Stop> {
        let named = |name: &str| Destination {
            name: Some(name.to_owned()),
            ..Destination::default()
        };
        let service = |text: &str| Destination {
            service: Some(text.to_owned()),
            ..Destination::default()
        };
        let destination = match to {
            Target::Name(name) => named(name),
            Target::Service(text) => {
                if finding.tool == "netrc"
                    && !place.named
                    && self.name_of(None, Some(text), None)?.is_none()
                {
                    return Err(Stop::Left(
                        format!(
                            "{} is no repository's host that the helper knows, and other programs read this file",
                            shown(text)
                        ),
                        format!(
                            "to move it all the same: helper import {}",
                            path_text(&place.path)
                        ),
                    ));
                }
                service(text)
            }
            Target::Scope(url) => match self.name_of(Some(url), None, None)? {
                Some(name) => named(&name),
                None => {
                    let origin = finding.origin.as_deref().unwrap_or("the URL");
                    return Err(Stop::Left(
                        "it is for everything below its URL, which no repository that the helper knows has".to_owned(),
                        format!("give {} a name with `helper trust NAME URL`, then run the same again", shown(origin)),
                    ));
                }
            },
            Target::Url {
                url,
                operation,
                section,
            } => {
                match self.name_of(Some(url), None, *operation)? {
                    // Another account of that repository stays what it is.
                    Some(name) if self.fits(finding, &named(&name))?.is_some() => named(&name),
                    Some(_) => service(url),
                    None => match section {
                        Some(section) if place.own && self.is_free(section)? => Destination {
                            url: Some(url.clone()),
                            ..named(section)
                        },
                        _ => service(url),
                    },
                }
            }
        };
        match self.fits(finding, &destination)? {
            Some(is_there) => Ok(Destination {
                is_there,
                ..destination
            }),
            None => {
                let place = destination
                    .name
                    .as_deref()
                    .or(destination.service.as_deref())
                    .unwrap_or_default();
                Err(Stop::Left(
                    format!("another credential is stored for {}", shown(place)),
                    "see `helper explain` for it; remove one of both by hand".to_owned(),
                ))
            }
        }
    }

    /// The repository that is known at a URL or for a service.
    fn name_of(
        &mut self,
        url: Option<&str>,
        service: Option<&str>,
        operation: Option<Operation>,
    ) -> Result<Option<String>, Failure> {
        let question = Question {
            url: url.map(str::to_owned),
            service: service.map(str::to_owned),
            operation,
            context: self.context.clone(),
            ..Question::default()
        };
        Ok(self.store.explain(&question)?.name)
    }

    /// Whether nothing at all is known of a name: it may be bound to this URL then.
    fn is_free(&mut self, name: &str) -> Result<bool, Failure> {
        if name.contains("://") || name.is_empty() {
            return Ok(false);
        }
        let question = Question {
            name: Some(name.to_owned()),
            context: self.context.clone(),
            ..Question::default()
        };
        match self.store.explain(&question) {
            Ok(known) => Ok(known.result == "not-found"
                && known.origin.bound.is_empty()
                && known.url.is_none()),
            Err(failure) if failure.code == ErrorCode::Usage => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the secret can go there without taking another one's place, and whether it is there.
    fn fits(
        &mut self,
        finding: &Finding,
        destination: &Destination,
    ) -> Result<Option<bool>, Failure> {
        let mut question = self.question(finding, destination);
        if destination.name.is_some() && finding.found.username.as_deref() != Some(TOKEN) {
            // A name has one account.
            question.username = None;
        }
        let stored = match self.store.get(&question) {
            Ok(stored) => stored,
            Err(failure) if failure.code == ErrorCode::NotFound => return Ok(Some(false)),
            Err(failure) => return Err(failure),
        };
        let is_same = is_secret_of(&stored, finding)
            && stored.username.as_deref().unwrap_or_default()
                == finding.found.username.as_deref().unwrap_or_default();
        let in_keyring = KEYRINGS.contains(&stored.provider.as_str());
        if is_same || Path::new(&stored.location) == finding.path || stored.password.is_none() {
            return Ok(Some(is_same && in_keyring));
        }
        Ok(None)
    }

    /// What the tool will ask, put as a question.
    fn question(&self, finding: &Finding, destination: &Destination) -> Question {
        let username = finding
            .found
            .username
            .clone()
            .filter(|name| !name.is_empty());
        let operation = destination.name.is_some().then(|| {
            if username.as_deref() == Some(TOKEN) {
                Operation::Upload
            } else {
                Operation::Read
            }
        });
        Question {
            name: destination.name.clone(),
            service: destination.service.clone(),
            username,
            operation,
            context: self.context.clone(),
            ..Question::default()
        }
    }

    /// Stores it in the keyring, never in a file.
    fn set(&mut self, finding: &Finding, destination: &Destination) -> Result<(), Failure> {
        let no_keyring = || {
            Failure::new(
                ErrorCode::Unavailable,
                "there is no keyring to move it into",
            )
            .hint("see `helper doctor`")
        };
        if destination.name.is_some() {
            // Without a keyring a name's secret would go to another file.
            let known = self.store.explain(&self.question(finding, destination))?;
            let step = known
                .steps
                .iter()
                .find(|step| KEYRINGS.contains(&step.provider.as_str()));
            match step.map(|step| step.answer.as_str()) {
                Some("found" | "not-found" | "username-only") => {}
                Some("locked") => {
                    return Err(Failure::new(ErrorCode::Locked, "the keyring is locked")
                        .hint("unlock it with `helper agent unlock`, then run the same again"));
                }
                _ => return Err(no_keyring()),
            }
        }
        let changed = self.store.set(&Set {
            name: destination.name.clone().unwrap_or_default(),
            service: destination.service.clone(),
            username: finding
                .found
                .username
                .clone()
                .filter(|name| !name.is_empty()),
            secret: Some(finding.found.secret.clone()),
            operation: destination.url.is_some().then_some(Operation::Upload),
            url: destination.url.clone(),
            context: self.context.clone(),
        })?;
        let stored = changed
            .stored
            .iter()
            .any(|place| KEYRINGS.contains(&place.provider.as_str()));
        if stored { Ok(()) } else { Err(no_keyring()) }
    }

    /// Whether the keyring now gives what the file says.
    fn read_back(&mut self, finding: &Finding, destination: &Destination) -> Result<(), Failure> {
        // The file itself may answer, and would hide what is behind it.
        let context = Context {
            poetry: None,
            uv: None,
            uv_store: None,
            ..self.context.clone()
        };
        let stored = self.store.get(&Question {
            context,
            ..self.question(finding, destination)
        })?;
        if !is_secret_of(&stored, finding) || !KEYRINGS.contains(&stored.provider.as_str()) {
            return Err(Failure::new(
                ErrorCode::Unavailable,
                format!(
                    "it was stored, but {} answers in its place",
                    if stored.provider.is_empty() {
                        "another provider"
                    } else {
                        &stored.provider
                    }
                ),
            )
            .hint("see `helper explain`; the file is as it was"));
        }
        Ok(())
    }
}

fn is_secret_of(stored: &Credential, finding: &Finding) -> bool {
    stored
        .password
        .as_ref()
        .is_some_and(|secret| secret.same(&finding.found.secret))
}

/// The file as it is now, with the findings in it; `None` where this one is gone.
fn current(place: &Place, finding: &Finding) -> Result<Option<(Text, Vec<Finding>)>, Failure> {
    let wrong = |why: String| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("cannot read {} again: {why}", path_text(&place.path)),
        )
    };
    let Some(text) = Text::read(&place.path).map_err(wrong)? else {
        return Ok(None);
    };
    let findings = scan_text(place, &text).map_err(wrong)?;
    let is_there = findings.iter().any(|own| own.is_same(finding));
    Ok(is_there.then_some((text, findings)))
}

/// Takes the secret out of its file; storing it may have done that already.
fn take_out(place: &Place, finding: &Finding) -> Result<(), Failure> {
    let Some((text, findings)) = current(place, finding)? else {
        return Ok(());
    };
    let Some(Way::Move { edits, .. }) = findings
        .iter()
        .find(|own| own.is_same(finding))
        .map(|own| &own.found.way)
    else {
        return Ok(());
    };
    let new = checked(place, &text, finding, edits)?;
    rewrite::replace(&text, &new.text)
}

/// The new text of the file, looked at once more: this finding is gone, and nothing else.
fn checked(place: &Place, text: &Text, finding: &Finding, edits: &[Edit]) -> Result<Text, Failure> {
    let new = Text {
        path: text.path.clone(),
        text: preview::edited(&text.text, edits),
    };
    let count = |text: &Text| {
        let findings = scan_text(place, text).ok()?;
        let same = findings.iter().filter(|own| own.is_same(finding)).count();
        Some((findings.len(), same))
    };
    match (count(text), count(&new)) {
        (Some((all, same)), Some((left, other))) if left + 1 == all && other + 1 == same => Ok(new),
        _ => Err(Failure::new(
            ErrorCode::Unavailable,
            format!(
                "cannot take it out of {} without changing more",
                path_text(&text.path)
            ),
        )
        .hint("store it with `helper set`, then take it out by hand")),
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
