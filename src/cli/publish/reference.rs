//! Has PyPI's own libraries look at the files, where the interpreter here has them.

use std::time::Duration;

use crate::cli::{Session, python};
use crate::publish::distribution::Distribution;
use crate::publish::reference::{Question, SCRIPT};

/// Rendering takes less than a second; a cold disk and a slow machine take longer.
const TIME: Duration = Duration::from_secs(20);

/// Adds what they find; tells where nobody was there to look.
pub(super) fn look(
    session: &mut Session<'_>,
    runtime: &tokio::runtime::Runtime,
    ready: &mut [Distribution],
) {
    let Some(question) = Question::of(ready) else {
        return;
    };
    let builder = python::builder(&session.outside.surroundings());
    let input = question.json();
    let told = match runtime.block_on(builder.asked(SCRIPT, &input, TIME)) {
        Ok(Some(answer)) => question.answered(ready, &answer),
        Ok(None) => question.unknown("there is no Python here"),
        Err(why) => question.unknown(&format!("the Python here was asked, and {why}")),
    };
    if let Some(told) = told {
        session.out.note(&told);
    }
}
