//! How lines of a file are now and would be: secrets as `***`.

use std::ops::Range;

use zeroize::Zeroizing;

use super::finding::{Edit, Finding};
use crate::domain::text::shown;

const MASK: &str = "***";
/// A shorter secret is masked only where it stands: elsewhere it is a part of other words.
const LEAST: usize = 4;

/// Lines before and after a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// As they are.
    pub before: Vec<String>,
    /// As they would be.
    pub after: Vec<String>,
}

/// The text with these changes.
pub(super) fn edited(text: &str, edits: &[Edit]) -> Zeroizing<String> {
    Zeroizing::new(replaced(text, 0..text.len(), edits.to_vec()))
}

/// The lines that a finding's change touches; `all` are the findings of the file.
pub(super) fn of(text: &str, finding: &Finding, edits: &[Edit], all: &[Finding]) -> Preview {
    let (Some(first), Some(last)) = (
        edits.iter().map(|edit| edit.range.start).min(),
        edits.iter().map(|edit| edit.range.end).max(),
    ) else {
        return Preview::default();
    };
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let within = last.saturating_sub(1).max(start);
    let end = text.as_bytes()[within..]
        .iter()
        .position(|byte| *byte == b'\n');
    let lines = start..end.map_or(text.len(), |at| within + at + 1);
    let masks = || {
        let spans = all.iter().chain([finding]).flat_map(|one| &one.found.spans);
        spans.map(|span| Edit {
            range: span.clone(),
            new: MASK.to_owned(),
        })
    };
    let told = |edits: Vec<Edit>| {
        let text = Zeroizing::new(replaced(text, lines.clone(), edits));
        let text = scrubbed(&text, all.iter().chain([finding]));
        text.lines().map(shown).collect()
    };
    Preview {
        before: told(masks().collect()),
        after: told(edits.iter().cloned().chain(masks()).collect()),
    }
}

/// A part of a text with some of its parts replaced; of two that overlap, the first given.
fn replaced(text: &str, within: Range<usize>, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.range.start);
    let mut new = String::with_capacity(within.len() + MASK.len() * edits.len());
    let mut at = within.start;
    for edit in edits {
        if edit.range.start < at || edit.range.end > within.end {
            continue;
        }
        new.push_str(&text[at..edit.range.start]);
        new.push_str(&edit.new);
        at = edit.range.end;
    }
    new.push_str(&text[at..within.end]);
    new
}

/// A text in which none of the secrets stands, wherever else it was repeated.
fn scrubbed<'a>(text: &str, findings: impl Iterator<Item = &'a Finding>) -> String {
    let mut text = text.to_owned();
    for finding in findings {
        let secret = finding.found.secret.expose();
        if secret.len() >= LEAST {
            text = text.replace(secret, MASK);
        }
        if let (Some(name), None) = (&finding.found.username, &finding.username)
            && !name.is_empty()
        {
            text = text.replace(name, MASK);
        }
    }
    text
}
