//! `helper index explain`: which sources were asked for a project, what each said, and which one
//! serves it.

use std::sync::Arc;

use credential_helper_protocol::Failure;
use serde::Serialize;

use super::package;
use crate::cli::Session;
use crate::cli::args_index::IndexExplainArgs;
use crate::cli::lookups::{self, Desk, Ground, given};
use crate::cli::table::{Cell, lines};
use crate::domain::text::shown;
use crate::index::fetch::Word;
use crate::index::lookup::Answered;
use crate::index::offers::Rule;
use crate::index::source::Source;

#[derive(Serialize)]
struct Answer {
    project: String,
    rule: &'static str,
    sources: Vec<Row>,
    served_by: Option<String>,
    why: String,
}

#[derive(Serialize)]
struct Row {
    name: Option<String>,
    url: String,
    priority: &'static str,
    answer: &'static str,
    status: Option<u16>,
    provider: Option<String>,
    /// The place in it.
    location: Option<String>,
    detail: Option<String>,
}

/// Tells the search; 0 whatever came out of it.
pub(super) fn run(session: &mut Session<'_>, args: &IndexExplainArgs) -> Result<u8, Failure> {
    let project = package(&args.package)?;
    let mut desk = Desk::default();
    let ground = Ground::find(session, &mut desk, &given(&args.sources), &args.sources)?;
    let rule = ground.sources.rule;
    let pin = ground.pin(&project);
    let work = async move |tools: lookups::Tools<Answer>| {
        let lookups = ground.lookups(&tools);
        let told = async {
            let told = lookups.explained(&project, pin.as_deref()).await?;
            let (served_by, why) = decided(&told, rule, pin.as_deref());
            Ok(Answer {
                project: project.to_string(),
                rule: rule.words(),
                sources: told.iter().map(row).collect(),
                served_by,
                why,
            })
        };
        tools.done(told.await);
        lookups.flush();
    };
    lookups::run(session, desk, work, |session, answer| {
        tell(session, &answer)
    })
}

fn row((source, answered): &(Arc<Source>, Arc<Answered>)) -> Row {
    let detail = match (&answered.detail, &answered.listing) {
        (None, Some(listing)) => {
            let newest = listing.project.versions().next_back();
            newest.map(|version| format!("its newest version is {version}"))
        }
        (detail, _) => detail.clone(),
    };
    // The word of the provider, then its place in brackets.
    let provider = answered
        .provider
        .as_deref()
        .map(|told| match told.split_once(" (") {
            Some((provider, place)) => (provider, place.strip_suffix(')')),
            None => (told, None),
        });
    Row {
        name: source.name.clone(),
        url: source.canonical.to_string(),
        priority: source.priority.word(),
        answer: answered.word.word(),
        status: answered.status,
        provider: provider.map(|(provider, _)| provider.to_owned()),
        location: provider.and_then(|(_, location)| location.map(str::to_owned)),
        detail,
    }
}

/// Which source serves the project, and why.
fn decided(
    told: &[(Arc<Source>, Arc<Answered>)],
    rule: Rule,
    pin: Option<&str>,
) -> (Option<String>, String) {
    let stopped = told.iter().find(|(_, answered)| answered.failure.is_some());
    if let Some((source, _)) = stopped {
        let why = format!(
            "{} could not be asked or refused, and nothing else is taken in its place",
            shown(source.label())
        );
        return (None, why);
    }
    let serving: Vec<_> = told
        .iter()
        .filter(|(_, answered)| answered.word == Word::Served)
        .collect();
    let newest = |answered: &Answered| {
        let listing = answered.listing.as_ref()?;
        listing.project.versions().next_back().cloned()
    };
    let Some((first, _)) = serving.first() else {
        return (None, "no source that was asked has it".to_owned());
    };
    let label = |source: &Arc<Source>| source.label().to_owned();
    if pin.is_some() {
        let why = format!("the project takes it from {} alone", shown(first.label()));
        return (Some(label(first)), why);
    }
    if rule == Rule::IndexPriority {
        let why = format!("{} is the first source that has it", shown(first.label()));
        return (Some(label(first)), why);
    }
    // Of equal versions the source that comes first; `max_by` would take the last.
    let mut best = (first, newest(&serving[0].1));
    for (source, answered) in &serving[1..] {
        let version = newest(answered);
        if version > best.1 {
            best = (source, version);
        }
    }
    let why = match serving.len() {
        1 => format!("{} is the only source that has it", shown(best.0.label())),
        count => format!(
            "{count} sources have it, and {} has the highest version",
            shown(best.0.label())
        ),
    };
    (Some(label(best.0)), why)
}

fn tell(session: &mut Session<'_>, answer: &Answer) -> Result<u8, Failure> {
    if session.out.is_json() {
        session.out.object(answer)?;
        return Ok(0);
    }
    let by = answer.served_by.as_deref().unwrap_or("nobody");
    let mut text = format!(
        "{} is served by {} ({}): {}\n",
        answer.project,
        shown(by),
        answer.rule,
        shown(&answer.why)
    );
    let rows: Vec<Vec<Cell>> = answer
        .sources
        .iter()
        .map(|row| {
            let mut more = Vec::new();
            if let Some(status) = row.status {
                more.push(format!("status {status}"));
            }
            if let Some(provider) = &row.provider {
                more.push(match &row.location {
                    Some(location) => format!("credential from {provider} ({location})"),
                    None => format!("credential from {provider}"),
                });
            }
            more.extend(row.detail.clone());
            vec![
                Cell::new("  "),
                Cell::new(row.name.as_deref().unwrap_or(&row.url)),
                Cell::new(row.priority),
                Cell::word(row.answer),
                Cell::new(&more.join("; ")),
            ]
        })
        .collect();
    text.push_str(&lines(rows.iter(), session.out.colours()));
    session.out.text(&text)?;
    Ok(0)
}
