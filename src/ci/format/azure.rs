//! Azure Pipelines: logging commands on standard output; secrets reach later steps only by a mapping.
//!
//! The agent's reader is azure-pipelines-agent `Command.cs` and `StringUtil.cs`: `%0D`, `%0A`, `%3B`
//! and `%5D` are decoded, `%AZP25` depending on a setting.

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use super::{Handed, Out, Surroundings, refused, stays};
use crate::ci::variables::Plan;

pub(super) fn text(plan: &Plan, around: &Surroundings<'_>) -> Result<Handed, Failure> {
    let mut out = Out::default();
    // Before anything: a secret variable is masked as it is, not in its other spellings.
    for mask in around.masks {
        if !mask.chars().any(char::is_control) && !is_decoded(mask) {
            out.push("##vso[task.setsecret]");
            out.push(mask);
            out.push("\n");
        }
    }
    let mut mapping = vec!["secrets reach a later step only by its `env:`".to_owned()];
    for one in &plan.set {
        let value = one.value.expose();
        let wrong = |why| Err(refused(&one.name, "an Azure Pipelines variable", why));
        if value.chars().any(char::is_control) {
            return wrong("holds a control character or a line end");
        }
        if value.trim() != value {
            return wrong("begins or ends with a blank");
        }
        if is_decoded(value) {
            return wrong("holds a percent code that the agent decodes");
        }
        // `$(NAME)` is replaced where the mapping is read.
        if value.contains("$(") {
            return wrong("holds `$(`, which a pipeline expands");
        }
        // The command's own end is the first `]`; names have none.
        out.push("##vso[task.setvariable variable=");
        out.push(&one.name);
        if one.secret {
            out.push(";issecret=true");
            mapping.push(format!("  {0}: $({0})", one.name));
        }
        out.push("]");
        out.push(value);
        out.push("\n");
    }
    let mut notes = mapping;
    notes.extend(stays(around.stale));
    Ok(Handed {
        stdout: out.done(),
        notes,
        ..Handed::default()
    })
}

/// Whether the agent, or one of its versions, would decode something in this text.
fn is_decoded(text: &str) -> bool {
    let upper = Zeroizing::new(text.to_ascii_uppercase());
    ["%0D", "%0A", "%3B", "%5D", "%AZP25", "%25"]
        .iter()
        .any(|code| upper.contains(code))
}
