//! `helper token`: what a stored token says about itself.

use credential_helper_protocol::{ErrorCode, Failure, Operation};
use serde::Serialize;

use super::args_token::{InspectArgs, TokenCommand};
use super::table::{Cell, lines};
use super::{Session, get};
use crate::agent::clock;
use crate::domain::text::shown;
use crate::domain::token::{Kind, Token};

/// What is told of a token: nothing that could be used.
#[derive(Serialize)]
struct Inspected<'a> {
    name: Option<&'a str>,
    kind: &'static str,
    host: Option<&'a str>,
    user_wide: Option<bool>,
    projects: Vec<&'a str>,
    expires: Option<String>,
}

/// Runs a command about tokens.
pub(crate) fn run(session: &mut Session<'_>, command: &TokenCommand) -> Result<u8, Failure> {
    match command {
        TokenCommand::Inspect(args) => inspect(session, args),
    }
}

fn inspect(session: &mut Session<'_>, args: &InspectArgs) -> Result<u8, Failure> {
    let question = get::question(session, &args.target, None, Some(Operation::Upload))?;
    let credential = session.agent()?.get(&question)?;
    let Some(secret) = &credential.password else {
        let target = shown(&args.target);
        return Err(Failure::new(
            ErrorCode::NotFound,
            format!("no token to inspect for {target}: only a username is known"),
        )
        .hint(format!("store one with `helper set {target} --token`")));
    };
    let token = Token::read(secret);
    let told = Inspected {
        name: credential.name.as_deref(),
        kind: token.kind.word(),
        host: token.host.as_deref(),
        user_wide: token.user_wide,
        projects: token.projects().collect(),
        expires: token.expires.map(clock::rfc3339),
    };
    if session.out.is_json() {
        session.out.object(&told)?;
        return Ok(0);
    }
    let text = text(&told, token.kind, session.out.colours());
    session.out.text(&text)?;
    for warning in &credential.warnings {
        session.out.warning(warning);
    }
    Ok(0)
}

fn text(told: &Inspected<'_>, kind: Kind, colours: bool) -> String {
    let mut facts: Vec<Vec<Cell>> = Vec::new();
    let mut fact = |label: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.push(vec![Cell::new(label), Cell::new(value)]);
        }
    };
    fact("name", told.name);
    fact("kind", Some(told.kind));
    // A host and a time are what every token can tell: that one says nothing is told too.
    let or_unknown = |value| (kind != Kind::Opaque).then_some(value);
    fact("host", or_unknown(told.host.unwrap_or("it does not say")));
    if kind == Kind::Pypi {
        let projects = match (told.user_wide, told.projects.as_slice()) {
            (Some(true), _) => "all of its account".to_owned(),
            (_, []) => "it does not say".to_owned(),
            (_, projects) => projects.join(", "),
        };
        fact("projects", Some(&projects));
    }
    let expires = told.expires.as_deref();
    fact(
        "expires",
        or_unknown(expires.unwrap_or("never, as far as it says")),
    );
    lines(facts.iter(), colours)
}
