//! `helper import`: moves credentials in plain text into the keyring.

use credential_helper_protocol::{
    Changed, Context, Credential, Explanation, Failure, Question, Set,
};
use serde::Serialize;

use super::Session;
use super::args_scan::ImportArgs;
use super::scan::{places, tell_skipped};
use super::table::Style;
use crate::connect::Agent;
use crate::domain::text::{shown, shown_path};
use crate::scan::Skipped;
use crate::scan::import::{Import, Moved, Progress, Store};

#[derive(Serialize)]
struct Answer<'a> {
    applied: bool,
    results: &'a [Moved],
    skipped: &'a [Skipped],
}

struct Through(Box<dyn Agent>);

impl Store for Through {
    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        self.0.explain(question)
    }
    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        self.0.get(question)
    }
    fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        self.0.set(set)
    }
}

/// Shows what would be moved, or moves it.
pub(crate) fn run(session: &mut Session<'_>, args: &ImportArgs) -> Result<u8, Failure> {
    let (places, _) = places(session, &args.paths)?;
    // No project decides where a secret goes.
    let context = Context {
        folder: None,
        ..session.context_alone(session.global.prompt)?
    };
    let mut store = Through(session.agent()?);
    let mut import = Import {
        store: &mut store,
        context,
        apply: args.apply,
    };
    let (results, skipped) = import.run(&places);
    if session.out.is_json() {
        session.out.object(&Answer {
            applied: args.apply,
            results: &results,
            skipped: &skipped,
        })?;
    } else {
        let text = text(&results, session.out.colours());
        session.out.text(&text)?;
        tell_skipped(session, &skipped);
        tell_needs(session, &results);
        session.out.note(&summary(&results, args.apply));
    }
    Ok(status(&results, &skipped))
}

/// The worst that happened: what failed, then what is left for a person.
fn status(results: &[Moved], skipped: &[Skipped]) -> u8 {
    let failed = results
        .iter()
        .filter_map(|moved| moved.code)
        .map(|code| code.exit_status().max(3));
    let unread = (!skipped.is_empty()).then_some(3);
    let left = |moved: &Moved| matches!(moved.result, Progress::ByHand | Progress::Left);
    failed
        .min()
        .or(unread)
        .unwrap_or_else(|| u8::from(results.iter().any(left)))
}

fn text(results: &[Moved], colours: bool) -> String {
    let mut text = String::new();
    for moved in results {
        let place = format!("{}:{}", shown_path(&moved.path), moved.line);
        text.push_str(&Style::Strong.paint(&place, colours));
        for word in [Some(moved.tool), moved.username.as_deref()]
            .into_iter()
            .flatten()
        {
            if !word.is_empty() {
                text.extend(["  ", &shown(word)]);
            }
        }
        text.push('\n');
        let (word, style) = match moved.result {
            Progress::WouldMove => ("would store it", Style::Plain),
            Progress::Moved => ("stored it", Style::Good),
            Progress::ByHand => ("by hand", Style::Warning),
            Progress::Left => ("left", Style::Warning),
            Progress::Failed => ("failed", Style::Problem),
        };
        let destination = match (&moved.name, &moved.service) {
            (Some(name), _) => format!(" in the keyring for {}", shown(name)),
            (None, Some(service)) => format!(" in the keyring under {}", shown(service)),
            (None, None) => String::new(),
        };
        let is_move = matches!(moved.result, Progress::WouldMove | Progress::Moved);
        text.extend(["  ", &style.paint(word, colours)]);
        if is_move {
            text.push_str(&destination);
        }
        if let Some(message) = &moved.message {
            text.extend([": ", &shown(message)]);
        }
        text.push('\n');
        if let Some(fix) = &moved.fix {
            text.extend([
                "  ",
                &Style::Strong.paint("fix:", colours),
                " ",
                &shown(fix),
                "\n",
            ]);
        }
        if is_move {
            for (mark, style, lines) in [
                ("-", Style::Problem, &moved.preview.before),
                ("+", Style::Good, &moved.preview.after),
            ] {
                for line in lines {
                    text.extend([
                        "    ",
                        &style.paint(&format!("{mark} {line}"), colours),
                        "\n",
                    ]);
                }
            }
        }
    }
    text
}

/// What the tools need to ask for what no longer stands in their files.
fn tell_needs(session: &mut Session<'_>, results: &[Moved]) {
    let moved = |moved: &&Moved| matches!(moved.result, Progress::WouldMove | Progress::Moved);
    let mut told: Vec<&str> = Vec::new();
    for needs in results.iter().filter(moved).filter_map(|moved| moved.needs) {
        if !told.contains(&needs) {
            told.push(needs);
            session.out.note(needs);
        }
    }
}

fn summary(results: &[Moved], applied: bool) -> String {
    let count = |wanted: &[Progress]| {
        results
            .iter()
            .filter(|moved| wanted.contains(&moved.result))
            .count()
    };
    let failed = count(&[Progress::Failed]);
    let left = count(&[Progress::ByHand, Progress::Left]);
    let (moved, word) = if applied {
        (count(&[Progress::Moved]), "moved")
    } else {
        (count(&[Progress::WouldMove]), "can be moved")
    };
    let mut line = format!("{moved} {word}");
    if left > 0 {
        line.extend([", ", &left.to_string(), " left for you"]);
    }
    if failed > 0 {
        line.extend([", ", &failed.to_string(), " failed"]);
    }
    if !applied && moved > 0 {
        line.push_str("; nothing was changed: --apply does it");
    }
    line
}
