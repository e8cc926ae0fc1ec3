//! `helper get`: the credential of a repository.

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{ErrorCode, Failure, Operation, Question, render};

use super::args::{Format, GetArgs};
use super::{Session, target};
use crate::domain::log::Line;

/// Prints it in the format that was asked for.
pub(crate) fn run(session: &mut Session<'_>, args: GetArgs) -> Result<u8, Failure> {
    let format = match (args.format, session.out.is_json()) {
        (None | Some(Format::Json), true) => Format::Json,
        (Some(_), true) => {
            return Err(Failure::new(
                ErrorCode::Usage,
                "--json cannot be used together with another --format",
            ));
        }
        (format, false) => format.unwrap_or(Format::Lines),
    };
    if format == Format::Json {
        session.out.errors_as_json();
    }
    let question = question(
        session,
        &args.target,
        args.username,
        args.operation.map(Into::into),
    )?;
    let credential = session.agent()?.get(&question)?;
    let printed = render::credential(&credential, format.into())?;
    // The object has them itself.
    if format != Format::Json {
        for warning in &credential.warnings {
            session.out.warning(warning);
        }
    }
    session.log.info(|| {
        Line::new("answered")
            .text("provider", &credential.provider)
            .text("location", &credential.location)
    });
    session.out.secret(&printed)?;
    Ok(0)
}

/// The question that `NAME|URL`, account and operation ask.
pub(crate) fn question(
    session: &Session<'_>,
    text: &str,
    username: Option<String>,
    operation: Option<Operation>,
) -> Result<Question, Failure> {
    let about = target(text)?;
    let (name, url) = match about {
        About::Url(url) => (None, Some(url.to_owned())),
        _ => (Some(text.to_owned()), None),
    };
    Ok(Question {
        name,
        url,
        username,
        operation,
        upload: None,
        service: None,
        context: session.context(about)?,
    })
}
