//! `$env:` lines for `PowerShell`.

use super::{Handed, Out};
use crate::ci::variables::Plan;

/// Plain ASCII on one line each: what PowerShell reads from a program goes through the console's
/// code page and is split into lines. Everything else is written by its number.
pub(super) fn text(plan: &Plan, stale: &[String]) -> Handed {
    let mut out = Out::default();
    for one in &plan.set {
        // In braces a name may hold dots (about_Variables).
        out.push("${env:");
        out.push(&one.name);
        out.push("} = ");
        string(&mut out, one.value.expose());
        out.push("\n");
    }
    for name in stale {
        out.push("Remove-Item -ErrorAction SilentlyContinue -LiteralPath 'env:");
        out.push(name);
        out.push("'\n");
    }
    Handed {
        stdout: out.done(),
        ..Handed::default()
    }
}

fn string(out: &mut Out, value: &str) {
    out.push("'");
    for c in value.chars() {
        match c {
            '\'' => out.push("''"),
            ' '..='~' => out.char(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push(&format!("'+[char]0x{unit:04x}+'"));
                }
            }
        }
    }
    out.push("'");
}
