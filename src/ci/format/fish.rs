//! `set -gx` lines for fish.

use super::Handed;
use super::shell::{Words, lines};
use crate::ci::variables::Plan;

pub(super) fn text(plan: &Plan, stale: &[String]) -> Handed {
    let words = Words {
        set: "set -gx ",
        then: " ",
        unset: "set -e ",
        // In single quotes fish knows `\'` and `\\` only (fish, "Quotes").
        in_quotes: |out, c| {
            if matches!(c, '\'' | '\\') {
                out.push("\\");
            }
            out.char(c);
        },
    };
    lines(&words, plan, stale)
}
