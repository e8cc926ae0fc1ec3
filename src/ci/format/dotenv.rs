//! `NAME=VALUE` lines, for the many readers of `.env` files.
//!
//! The readers (python-dotenv, dotenv for Node, Ruby and Go, docker compose, `sh`) agree on little:
//! a word of plain characters, and single quotes around what holds neither quotes, backslashes nor
//! line ends. Some expand `$` even there.

use credential_helper_protocol::Failure;

use super::{Handed, Out, refused};
use crate::ci::variables::Plan;

pub(super) fn text(plan: &Plan) -> Result<Handed, Failure> {
    let mut out = Out::default();
    let mut notes = Vec::new();
    for one in &plan.set {
        let value = one.value.expose();
        if !super::is_exportable(&one.name) {
            notes.push(one.name.as_str());
            continue;
        }
        let wrong = |why| Err(refused(&one.name, "a dotenv line", why));
        if value.chars().any(char::is_control) {
            return wrong("holds a control character or a line end");
        }
        if value.contains(['\'', '\\']) {
            return wrong("holds a single quote or a backslash, which readers take differently");
        }
        if expands(value) {
            return wrong("holds a dollar sign that some readers expand");
        }
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@+%,".contains(&b);
        let quote = if value.bytes().all(is_plain) { "" } else { "'" };
        for part in [&one.name, "=", quote, value, quote, "\n"] {
            out.push(part);
        }
    }
    Ok(Handed {
        stdout: out.done(),
        notes: super::left_out(&notes),
        ..Handed::default()
    })
}

fn expands(value: &str) -> bool {
    value.match_indices('$').any(|(at, _)| {
        let next = value[at + 1..].chars().next();
        next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '{' | '('))
    })
}
