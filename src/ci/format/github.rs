//! GitHub, Forgejo and Gitea Actions: masks on standard output, then variables for later steps in
//! the file that `GITHUB_ENV` names.
//!
//! The runner's reader is actions/runner `FileCommandManager.cs` (`NAME<<DELIMITER`), its commands
//! `ActionCommand.cs` (`%`, CR and LF are encoded).

use credential_helper_protocol::Failure;

use super::{Handed, Out, Surroundings, refused, stays};
use crate::ci::variables::Plan;

pub(super) fn text(plan: &Plan, around: &Surroundings<'_>) -> Result<Handed, Failure> {
    let mut masks = Out::default();
    for line in around.masks.iter().flat_map(|mask| mask.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        masks.push("::add-mask::");
        for c in line.chars() {
            match c {
                '%' => masks.push("%25"),
                '\r' => masks.push("%0D"),
                other => masks.char(other),
            }
        }
        masks.push("\n");
    }
    let delimiter = format!("delimiter_{}", around.random);
    let mut file = Out::default();
    for one in &plan.set {
        let value = one.value.expose();
        if value.contains(&delimiter) {
            return Err(refused(
                &one.name,
                "a GitHub variable",
                "holds the delimiter",
            ));
        }
        // The runner would take it for a part of the line end.
        if value.ends_with('\r') {
            return Err(refused(&one.name, "a GitHub variable", "ends with CR"));
        }
        for part in [
            &one.name, "<<", &delimiter, "\n", value, "\n", &delimiter, "\n",
        ] {
            file.push(part);
        }
    }
    Ok(Handed {
        stdout: masks.done(),
        file: Some(("GITHUB_ENV", file.done())),
        notes: stays(around.stale),
        ..Handed::default()
    })
}
