//! `export` lines for POSIX shells.

use super::Handed;
use super::shell::{Words, lines};
use crate::ci::variables::Plan;

pub(super) fn text(plan: &Plan, stale: &[String]) -> Handed {
    let words = Words {
        set: "export ",
        then: "=",
        unset: "unset ",
        // In single quotes everything is itself but the single quote (POSIX, Shell Command Language
        // 2.2.2).
        in_quotes: |out, c| match c {
            '\'' => out.push("'\\''"),
            other => out.char(other),
        },
    };
    lines(&words, plan, stale)
}
