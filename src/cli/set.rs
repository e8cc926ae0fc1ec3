//! `helper set`: stores a credential.

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{Changed, ErrorCode, Failure, Place, Set, TOKEN_USERNAME};
use serde::Serialize;

use super::Session;
use super::args::SetArgs;
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;

#[derive(Serialize)]
struct Answer<'a> {
    name: Option<&'a str>,
    username: Option<&'a str>,
    stored: &'a [Place],
}

/// Asks for the secret, or reads it, and stores it.
pub(crate) fn run(session: &mut Session<'_>, args: SetArgs) -> Result<u8, Failure> {
    RepositoryName::parse(&args.name)?;
    if let Some(url) = &args.url
        && RepositoryUrl::parse(url)?.1.is_some()
    {
        return Err(
            Failure::new(ErrorCode::Usage, "the URL holds a username or a password").hint(
                "give the URL without them; the secret is asked for or read from standard input",
            ),
        );
    }
    let username = if args.token {
        Some(TOKEN_USERNAME.to_owned())
    } else {
        args.username.filter(|name| !name.is_empty())
    };
    let context = session.context(About::Name(&args.name))?;
    let secret = session
        .outside
        .secret(&label(&args.name, username.as_deref()), session.may_ask())?;
    let changed = session.agent()?.set(&Set {
        name: args.name,
        service: None,
        username,
        secret: Some(secret),
        url: args.url,
        operation: args.operation.map(Into::into),
        context,
    })?;
    if session.out.is_json() {
        session.out.object(&Answer {
            name: changed.name.as_deref(),
            username: changed.username.as_deref(),
            stored: &changed.stored,
        })?;
    }
    tell(session, &changed);
    Ok(0)
}

/// What a secret is called when it is asked for.
pub(crate) fn label(name: &str, username: Option<&str>) -> String {
    match username {
        Some(TOKEN_USERNAME) => format!("token for {name}"),
        Some(username) if !username.is_empty() => format!("password of {username} for {name}"),
        _ => format!("password for {name}"),
    }
}

/// Says where something was stored or removed, and what answers instead.
pub(crate) fn tell(session: &mut Session<'_>, changed: &Changed) {
    let what = changed.name.as_deref().map_or_else(
        || "the setting".to_owned(),
        |name| match changed.username.as_deref() {
            Some(username) if !username.is_empty() => format!("{name} ({username})"),
            _ => name.to_owned(),
        },
    );
    for place in &changed.stored {
        session
            .out
            .note(&format!("stored {what} in {}", place_text(place)));
    }
    for place in &changed.removed {
        session
            .out
            .note(&format!("removed {what} from {}", place_text(place)));
    }
    for place in &changed.left {
        session.out.warning(&format!(
            "{} still answers for {what} and was left alone",
            place_text(place)
        ));
    }
    for warning in &changed.warnings {
        session.out.warning(warning);
    }
}

fn place_text(place: &Place) -> String {
    if place.location.is_empty() || place.location == place.provider {
        place.provider.clone()
    } else {
        format!("{} ({})", place.provider, place.location)
    }
}
