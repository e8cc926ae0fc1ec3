//! Moves what was found into the keyring, one finding after the other: store, read back, compare,
//! and only then take it out of its file. Whatever fails leaves the file as it was.

use std::path::PathBuf;

use credential_helper_protocol::{
    Changed, Context, Credential, ErrorCode, Explanation, Failure, Operation, Question, Set,
};
use serde::Serialize;

use super::destination::{Destination, Stop, is_secret_of};
use super::finding::{Edit, Finding, Kind, Target, Way};
use super::places::{Place, Places};
use super::preview::{self, Preview};
use super::read::Text;
use super::{Skipped, as_text, rewrite, scan_text};
use crate::domain::text::shown_path;
use crate::edit;

/// The providers that are keyrings.
pub(super) const KEYRINGS: [&str; 3] = ["secret-service", "keychain", "credential-manager"];

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
    #[serde(serialize_with = "as_text")]
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
        edit::check(&place.path)?;
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

    /// Stores it in the keyring, never in a file.
    fn set(&mut self, finding: &Finding, destination: &Destination) -> Result<(), Failure> {
        let no_keyring = || {
            Failure::new(
                ErrorCode::Unavailable,
                "there is no keyring to move it into",
            )
            .hint("see `helper doctor`")
        };
        // Without a keyring a name's secret would go to another file.
        let known = self.store.explain(&self.question(finding, destination))?;
        let says = |words: &[&str]| {
            let mut keyrings = known
                .steps
                .iter()
                .filter(|step| KEYRINGS.contains(&step.provider.as_str()));
            keyrings.any(|step| words.contains(&step.answer.as_str()))
        };
        if says(&["locked"]) {
            return Err(Failure::new(ErrorCode::Locked, "the keyring is locked")
                .hint("unlock it with `helper agent unlock`, then run the same again"));
        }
        if !says(&["found", "not-found", "username-only"]) {
            return Err(no_keyring());
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

/// The file as it is now, with the findings in it; `None` where this one is gone.
fn current(place: &Place, finding: &Finding) -> Result<Option<(Text, Vec<Finding>)>, Failure> {
    let wrong = |why: String| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("cannot read {} again: {why}", shown_path(&place.path)),
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
    // The same may also stand where only a person takes it out, a comment say.
    let mut same = findings.iter().filter(|own| own.is_same(finding));
    let Some(edits) = same.find_map(|own| match &own.found.way {
        Way::Move { edits, .. } => Some(edits),
        Way::ByHand(_) => None,
    }) else {
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
                shown_path(&text.path)
            ),
        )
        .hint("store it with `helper set`, then take it out by hand")),
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
