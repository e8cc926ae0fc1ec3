//! `export` lines for POSIX shells.

use super::{Handed, Out, is_exportable, left_out};
use crate::ci::variables::Plan;

/// In single quotes everything is itself but the single quote (POSIX, Shell Command Language 2.2.2).
pub(super) fn text(plan: &Plan, stale: &[String]) -> Handed {
    let mut out = Out::default();
    let mut left = Vec::new();
    for one in &plan.set {
        if !is_exportable(&one.name) {
            left.push(one.name.as_str());
            continue;
        }
        out.push("export ");
        out.push(&one.name);
        out.push("='");
        for (at, part) in one.value.expose().split('\'').enumerate() {
            if at > 0 {
                out.push("'\\''");
            }
            out.push(part);
        }
        out.push("'\n");
    }
    for name in stale.iter().filter(|name| is_exportable(name)) {
        out.push("unset ");
        out.push(name);
        out.push("\n");
    }
    Handed {
        stdout: out.done(),
        notes: left_out(&left),
        ..Handed::default()
    }
}
