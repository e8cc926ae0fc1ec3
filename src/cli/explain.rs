//! `helper explain`: the whole search for a credential.

use credential_helper_protocol::{Explanation, Failure, Step};

use super::args::ExplainArgs;
use super::table::{Cell, Style, lines, table};
use super::{Session, get};

/// Prints the search, whatever came out.
pub(crate) fn run(session: &mut Session<'_>, args: ExplainArgs) -> Result<u8, Failure> {
    let question = get::question(
        session,
        &args.target,
        args.username,
        args.operation.map(Into::into),
    )?;
    let explanation = session.agent()?.explain(&question)?;
    if session.out.is_json() {
        session.out.object(&explanation)?;
        return Ok(0);
    }
    let colours = session.out.colours();
    session.out.text(&text(&explanation, colours))?;
    for warning in &explanation.warnings {
        session.out.warning(warning);
    }
    Ok(0)
}

fn text(explanation: &Explanation, colours: bool) -> String {
    let mut facts: Vec<Vec<Cell>> = Vec::new();
    let mut fact = |label: &str, value: Option<Cell>| {
        if let Some(value) = value {
            facts.push(vec![Cell::new(label), value]);
        }
    };
    let plain = |text: &Option<String>| text.as_deref().map(Cell::new);
    fact("name", plain(&explanation.name));
    fact("url", plain(&explanation.url));
    fact("scope", plain(&explanation.scope));
    fact(
        "operation",
        explanation
            .operation
            .map(|operation| Cell::new(operation.word())),
    );
    fact("result", Some(Cell::word(&explanation.result)));
    fact("provider", plain(&explanation.provider));
    fact("username", plain(&explanation.username));
    if explanation.provider.is_some() {
        let secret = if explanation.has_secret { "yes" } else { "no" };
        fact("secret", Some(Cell::new(secret)));
    }
    let origin = &explanation.origin;
    if !origin.result.is_empty() {
        fact("origin", Some(Cell::word(&origin.result)));
        fact("  wanted", plain(&origin.wanted));
        for bound in &origin.bound {
            fact("  bound", Some(Cell::new(bound)));
        }
    }
    let mut text = lines(facts.iter(), colours);
    if explanation.steps.is_empty() {
        return text;
    }
    text.push('\n');
    let rows: Vec<Vec<Cell>> = explanation.steps.iter().map(row).collect();
    let headings = ["PROVIDER", "KEY", "ANSWER", "TIME", "PLACE"];
    text.push_str(&table(&headings, &rows, colours));
    let mut said: Vec<String> = Vec::new();
    for step in &explanation.steps {
        if let Some(detail) = &step.detail {
            let line = crate::domain::text::shown(&format!("{}: {detail}", step.provider));
            // The same reason holds for several keys.
            if !said.contains(&line) {
                text.push_str(&Style::Dim.paint(&line, colours));
                text.push('\n');
                said.push(line);
            }
        }
    }
    text
}

fn row(step: &Step) -> Vec<Cell> {
    let mut place = step.location.clone().unwrap_or_default();
    if let Some(by) = &step.shadowed_by {
        if !place.is_empty() {
            place.push(' ');
        }
        place.extend(["(shadowed by ", by, ")"]);
    }
    vec![
        Cell::new(&step.provider),
        Cell::new(&step.key),
        Cell::word(&step.answer),
        Cell::new(&format!("{} ms", step.ms)),
        Cell::new(&place),
    ]
}
