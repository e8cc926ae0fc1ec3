//! What the forms of shells have in common: a line for each variable, its value in single quotes.

use super::{Handed, Out, is_exportable, left_out};
use crate::ci::variables::Plan;

/// How a shell says it.
pub(super) struct Words {
    /// Before the name of a variable that is set.
    pub(super) set: &'static str,
    /// Between the name and the value.
    pub(super) then: &'static str,
    /// Before the name of one that is taken out.
    pub(super) unset: &'static str,
    /// Writes a character that stands in single quotes.
    pub(super) in_quotes: fn(&mut Out, char),
}

/// The lines, without the names that no shell can export: those are told.
pub(super) fn lines(words: &Words, plan: &Plan, stale: &[String]) -> Handed {
    let mut out = Out::default();
    let mut left = Vec::new();
    for one in &plan.set {
        if !is_exportable(&one.name) {
            left.push(one.name.as_str());
            continue;
        }
        for part in [words.set, &one.name, words.then, "'"] {
            out.push(part);
        }
        for c in one.value.expose().chars() {
            (words.in_quotes)(&mut out, c);
        }
        out.push("'\n");
    }
    for name in stale.iter().filter(|name| is_exportable(name)) {
        for part in [words.unset, name, "\n"] {
            out.push(part);
        }
    }
    Handed {
        stdout: out.done(),
        notes: left_out(&left),
        ..Handed::default()
    }
}
