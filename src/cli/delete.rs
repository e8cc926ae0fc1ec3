//! `helper delete`: removes what is stored for a repository.

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{Delete, ErrorCode, Failure, Place};
use serde::Serialize;

use super::args::DeleteArgs;
use super::{Session, set};
use crate::domain::name::RepositoryName;

#[derive(Serialize)]
struct Answer<'a> {
    name: Option<&'a str>,
    username: Option<&'a str>,
    removed: &'a [Place],
}

/// Removes it, and says what still answers.
pub(crate) fn run(session: &mut Session<'_>, args: DeleteArgs) -> Result<u8, Failure> {
    RepositoryName::parse(&args.name)?;
    let context = session.context(About::Name(&args.name))?;
    let changed = session.agent()?.delete(&Delete {
        name: args.name.clone(),
        service: None,
        username: args.username,
        context,
    })?;
    if changed.removed.is_empty() {
        if !session.out.is_json() {
            set::tell(session, &changed);
        }
        return Err(Failure::new(
            ErrorCode::NotFound,
            format!("nothing is stored for {}", args.name),
        )
        .hint(format!("run `helper explain {}`", args.name)));
    }
    if session.out.is_json() {
        session.out.object(&Answer {
            name: changed.name.as_deref(),
            username: changed.username.as_deref(),
            removed: &changed.removed,
        })?;
    }
    set::tell(session, &changed);
    Ok(0)
}
