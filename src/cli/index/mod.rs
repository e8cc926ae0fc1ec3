//! `helper index`: what the sources of a project offer.

mod audit;
mod explain;
mod files;
mod found;
mod hidden;
mod metadata;
mod rows;
mod versions;

use std::str::FromStr as _;

use credential_helper_protocol::{ErrorCode, Failure};

use super::Session;
use super::args_index::{IndexArgs, IndexCommand};
use crate::domain::text::shown;
use crate::package::{PackageName, Version};

/// Looks something up.
pub(crate) fn run(session: &mut Session<'_>, args: &IndexArgs) -> Result<u8, Failure> {
    match &args.command {
        IndexCommand::Versions(args) => versions::run(session, args),
        IndexCommand::Files(args) => files::run(session, args),
        IndexCommand::Metadata(args) => metadata::run(session, args),
        IndexCommand::Explain(args) => explain::run(session, args),
        IndexCommand::Audit(args) => audit::run(session, args),
    }
}

/// A package's name.
fn package(text: &str) -> Result<PackageName, Failure> {
    PackageName::from_str(text.trim()).map_err(|_| {
        let message = format!("\"{}\" is not the name of a package", shown(text));
        Failure::new(ErrorCode::Usage, message)
            .hint("a name has letters, digits, `-`, `_` and `.`, and begins and ends with one of the first two")
    })
}

/// A package's name, maybe with one version behind it.
fn package_and_version(text: &str) -> Result<(PackageName, Option<Version>), Failure> {
    let Some((name, version)) = text.split_once("==") else {
        return Ok((package(text)?, None));
    };
    let name = package(name)?;
    let version = Version::from_str(version.trim()).map_err(|_| {
        let message = format!("\"{}\" is not a version", shown(version));
        Failure::new(ErrorCode::Usage, message).hint(format!("as in {name}==1.2"))
    })?;
    Ok((name, Some(version)))
}
