//! `set -gx` lines for fish.

use super::{Handed, Out, is_exportable, left_out};
use crate::ci::variables::Plan;

/// In single quotes fish knows `\'` and `\\` only (fish, "Quotes").
pub(super) fn text(plan: &Plan, stale: &[String]) -> Handed {
    let mut out = Out::default();
    let mut left = Vec::new();
    for one in &plan.set {
        if !is_exportable(&one.name) {
            left.push(one.name.as_str());
            continue;
        }
        out.push("set -gx ");
        out.push(&one.name);
        out.push(" '");
        for c in one.value.expose().chars() {
            if matches!(c, '\'' | '\\') {
                out.push("\\");
            }
            out.char(c);
        }
        out.push("'\n");
    }
    for name in stale.iter().filter(|name| is_exportable(name)) {
        out.push("set -e ");
        out.push(name);
        out.push("\n");
    }
    Handed {
        stdout: out.done(),
        notes: left_out(&left),
        ..Handed::default()
    }
}
