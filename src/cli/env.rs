//! `helper env`: the variables of `exec`, printed or handed over to a CI system.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use credential_helper_protocol::program::on_own_path;
use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::Session;
use super::args_exec::{EnvArgs, EnvFormat};
use super::chosen::chosen;
use super::exec::own_netrc;
use crate::ci::format::{Format, Surroundings, hand_over};
use crate::ci::{netrc, spellings, variables};
use crate::domain::text::shown;

/// Prints them.
pub(crate) fn run(session: &mut Session<'_>, args: &EnvArgs) -> Result<u8, Failure> {
    let format = match (args.format, session.out.is_json()) {
        (None | Some(EnvFormat::Json), true) => EnvFormat::Json,
        (Some(_), true) => {
            return Err(Failure::new(
                ErrorCode::Usage,
                "--json cannot be used together with another --format",
            ));
        }
        (format, false) => format.unwrap_or(EnvFormat::Sh),
    };
    if format == EnvFormat::Gitlab && session.out.goes_to_a_file() {
        return Err(Failure::new(
            ErrorCode::Policy,
            "writing secrets for GitLab into a file was refused: a dotenv report is stored as an artifact",
        )
        .hint("use `helper exec`, or `eval \"$(helper env --format gitlab)\"` in the same script"));
    }
    let chosen = chosen(session, &args.chosen)?;
    let Some(format) = form(format) else {
        let own = own_netrc(session);
        let netrc = netrc::text(&chosen.repositories, own.as_ref().map(|text| text.as_str()));
        for warning in &netrc.warnings {
            session.out.warning(warning);
        }
        if netrc.text.is_empty() {
            return Err(Failure::new(
                ErrorCode::NotFound,
                "there is nothing to write into a netrc: no repository has a secret and a known URL",
            )
            .hint("bind a name to its URL with `helper trust NAME URL`"));
        }
        session.out.secret(&netrc.text)?;
        return Ok(0);
    };
    let plan = variables::plan(&chosen.repositories, chosen.wishes)?;
    for warning in &plan.warnings {
        session.out.warning(warning);
    }
    let mut masks = Vec::new();
    for mask in chosen
        .repositories
        .iter()
        .flat_map(|one| [&one.read, &one.upload])
        .flatten()
        .flat_map(spellings::for_masks)
    {
        if !masks.contains(&mask) {
            masks.push(mask);
        }
    }
    let is_set = |name: &&String| std::env::var_os(name).is_some();
    let stale: Vec<String> = plan.unset.iter().filter(is_set).cloned().collect();
    let around = Surroundings {
        masks: &masks,
        stale: &stale,
        random: &random(),
    };
    let handed = hand_over(format, &plan, &around)?;
    if let Some(redactions) = &handed.redactions {
        redact(redactions)?;
    }
    for note in &handed.notes {
        // What is to be copied stands alone on its line.
        let label = if note.starts_with(' ') {
            ""
        } else {
            "helper: "
        };
        session.out.note(&format!("{label}{note}"));
    }
    // What masks a value stands before the value.
    session.out.secret(&handed.stdout)?;
    if let Some((variable, text)) = &handed.file {
        let path = std::env::var_os(variable).filter(|path| Path::new(path).is_absolute());
        let path = path.ok_or_else(|| {
            Failure::new(
                ErrorCode::Usage,
                format!("handing over the variables failed: {variable} names no file"),
            )
            .hint("this format is for a job of that CI system; see `helper env --help`")
        })?;
        append(Path::new(&path), text)?;
    }
    Ok(0)
}

/// The form of a word; a netrc has no variables.
fn form(word: EnvFormat) -> Option<Format> {
    Some(match word {
        EnvFormat::Sh => Format::Sh,
        EnvFormat::Fish => Format::Fish,
        EnvFormat::PowerShell => Format::PowerShell,
        EnvFormat::Dotenv => Format::Dotenv,
        EnvFormat::Json => Format::Json,
        EnvFormat::Github => Format::Github,
        EnvFormat::Gitlab => Format::Gitlab,
        EnvFormat::Azure => Format::Azure,
        EnvFormat::CircleCi => Format::CircleCi,
        EnvFormat::Buildkite => Format::Buildkite,
        EnvFormat::Netrc => return None,
    })
}

/// Digits that nobody can guess: the standard library keys its hashes from the system's random
/// numbers, anew in each process.
fn random() -> String {
    let one = || {
        let hasher = std::hash::RandomState::new().build_hasher();
        format!("{:016x}", hasher.finish())
    };
    one() + &one()
}

/// Appends in one write, so that nobody else's lines stand in between.
fn append(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            ErrorCode::Unavailable,
            format!(
                "writing the variables to {} failed ({})",
                shown(&path.to_string_lossy()),
                error.kind()
            ),
        )
    };
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    // A line that somebody has left open would swallow our first one.
    let mut last = [b'\n'];
    if file.metadata().map_err(failed)?.len() > 0 {
        file.seek(SeekFrom::End(-1)).map_err(failed)?;
        file.read_exact(&mut last).map_err(failed)?;
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(text.len() + 1));
    if last != [b'\n'] {
        whole.push(b'\n');
    }
    whole.extend_from_slice(text);
    file.write_all(&whole).map_err(failed)
}

/// Tells Buildkite's agent what to take out of the log, before anything is printed.
pub(super) fn redact(secrets: &[u8]) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::new(
            ErrorCode::Unavailable,
            format!("telling Buildkite what to redact failed: {why}"),
        )
        .hint("this format is for a job of Buildkite's, where `buildkite-agent` is on PATH")
    };
    let program = on_own_path("buildkite-agent")
        .ok_or_else(|| failed("buildkite-agent is not on the PATH".to_owned()))?;
    let mut child = Command::new(program)
        .args(["redactor", "add", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            failed(format!(
                "buildkite-agent could not be run ({})",
                error.kind()
            ))
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it all ends with another status.
        let _ = stdin.write_all(secrets);
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("buildkite-agent ended with {status}"))),
        Err(error) => Err(failed(error.kind().to_string())),
    }
}
