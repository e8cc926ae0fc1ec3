//! What bridges have in common about the agent's answers.

use credential_helper_protocol::{Credential, ErrorCode, Failure, Question, render};

use super::{Outside, Trouble};

/// The agent's answer as a tool sees it.
pub(super) enum Answer {
    /// A credential.
    Found(Credential),
    /// None: also one that a rule keeps back, with the line that says so to people.
    Miss(String),
    /// It could not be told.
    Failed(Failure),
}

/// Asks the agent. A refusal is a miss: the tool may do without.
///
/// # Errors
/// Where another program has to answer.
pub(super) fn ask(outside: &mut dyn Outside, question: Question) -> Result<Answer, Trouble> {
    match outside.get(question) {
        Ok(credential) => Ok(Answer::Found(credential)),
        Err(Trouble::Failed(failure)) => Ok(match failure.code {
            ErrorCode::NotFound => Answer::Miss(String::new()),
            ErrorCode::OriginChanged | ErrorCode::Policy | ErrorCode::InsecureTransport => {
                Answer::Miss(render::failure_text(&failure))
            }
            _ => Answer::Failed(failure),
        }),
        Err(other) => Err(other),
    }
}

/// Whether a credential is made anew each time or ends by itself: such a one is never stored.
pub(super) fn is_made(credential: &Credential) -> bool {
    credential.expires.is_some() || credential.provider == "command"
}
