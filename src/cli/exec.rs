//! `helper exec`: runs a command with the credentials in the variables of every tool.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

use credential_helper_protocol::{ErrorCode, Failure};
use zeroize::Zeroizing;

use super::Session;
use super::args_exec::ExecArgs;
use super::chosen::{Chosen, chosen};
use crate::ci::child::Program;
use crate::ci::variables::{self, Plan};
use crate::ci::{netrc, spellings};
use crate::domain::text::shown;

/// What `--pristine` keeps.
const KEPT: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR"];
/// What is read of a netrc at most: as of any other file.
const NETRC_SIZE: u64 = 4 * 1024 * 1024;

/// Runs it.
pub(crate) fn run(session: &mut Session<'_>, args: &ExecArgs) -> Result<u8, Failure> {
    let chosen = chosen(session, &args.chosen)?;
    let plan = variables::plan(&chosen.repositories, chosen.wishes)?;
    for warning in &plan.warnings {
        session.out.warning(warning);
    }
    let mut environment = environment(&plan, args.pristine);
    if !args.no_netrc
        && let Some(path) = hold_netrc(session, &chosen)
    {
        environment.retain(|(name, _)| name != "NETRC");
        environment.push(("NETRC".into(), path.into()));
    }
    let program = Program {
        words: args.command.clone(),
        environment,
        folder: session.global.directory.clone(),
    };
    if args.mask {
        masked(session, &program, &chosen)
    } else {
        Ok(direct(session, &program))
    }
}

/// The command's environment.
fn environment(plan: &Plan, pristine: bool) -> Vec<(OsString, OsString)> {
    let is_ours = |name: &OsStr| {
        let set = plan.set.iter().any(|one| name == one.name.as_str());
        set || plan.unset.iter().any(|one| name == one.as_str())
    };
    let keeps = |name: &OsStr| !pristine || KEPT.iter().any(|kept| name == *kept);
    std::env::vars_os()
        .filter(|(name, _)| keeps(name) && !is_ours(name))
        .chain(plan.set.iter().map(|one| {
            let value = one.value.expose();
            (OsString::from(&one.name), OsString::from(value))
        }))
        .collect()
}

/// The user's own netrc, which `NETRC` would hide; `None` where there is none.
pub(super) fn own_netrc(session: &mut Session<'_>) -> Option<Zeroizing<String>> {
    let path = std::env::var_os("NETRC")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| {
            let home = std::env::home_dir()?;
            [".netrc", "_netrc"]
                .into_iter()
                .map(|name| home.join(name))
                .find(|path| path.is_file())
        })?;
    let read = || {
        let file = std::fs::File::open(&path)?;
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > NETRC_SIZE {
            return Err(std::io::Error::from(ErrorKind::InvalidInput));
        }
        let room = usize::try_from(meta.len()).unwrap_or(0) + 1;
        let mut text = Zeroizing::new(String::with_capacity(room));
        file.take(NETRC_SIZE).read_to_string(&mut text)?;
        Ok(text)
    };
    match read() {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            session.out.warning(&format!(
                "your own netrc {} is left out: it could not be read ({})",
                shown(&path.to_string_lossy()),
                error.kind()
            ));
            None
        }
    }
}

/// The path of a netrc that is in memory only.
#[cfg(target_os = "linux")]
fn hold_netrc(session: &mut Session<'_>, chosen: &Chosen) -> Option<PathBuf> {
    let own = own_netrc(session);
    let own = own.as_ref().map(|text| text.as_str());
    let netrc = netrc::text(&chosen.repositories, own);
    for warning in &netrc.warnings {
        session.out.warning(warning);
    }
    if netrc.text.is_empty() {
        return None;
    }
    match crate::ci::holder::hold(&netrc.text) {
        Ok(path) => Some(path),
        Err(error) => {
            session.out.warning(&format!(
                "NETRC is not set: it could not be held in memory ({})",
                error.kind()
            ));
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn hold_netrc(session: &mut Session<'_>, chosen: &Chosen) -> Option<PathBuf> {
    let own = own_netrc(session);
    let own = own.as_ref().map(|text| text.as_str());
    if !netrc::text(&chosen.repositories, own).text.is_empty() {
        session
            .out
            .warning("NETRC is not set: this system cannot hold a file in memory for others");
    }
    None
}

/// What the hidden `exec-netrc` does.
#[cfg(target_os = "linux")]
pub(super) fn hold(args: &super::args::HolderArgs) -> Result<u8, Failure> {
    match crate::ci::holder::run(args.memory, args.life) {
        Ok(()) => Ok(0),
        Err(error) => Err(Failure::new(
            ErrorCode::Usage,
            format!("holding a netrc failed ({})", error.kind()),
        )
        .hint("this is started by `helper exec`")),
    }
}

#[cfg(unix)]
fn direct(session: &mut Session<'_>, program: &Program) -> u8 {
    let error = program.become_it();
    not_started(session, program, &error)
}

#[cfg(not(unix))]
fn direct(session: &mut Session<'_>, program: &Program) -> u8 {
    match program.run() {
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX),
        Err(error) => not_started(session, program, &error),
    }
}

#[cfg(target_os = "linux")]
fn masked(session: &mut Session<'_>, program: &Program, chosen: &Chosen) -> Result<u8, Failure> {
    use std::os::fd::AsFd as _;
    let all: Vec<_> = chosen
        .repositories
        .iter()
        .flat_map(|one| [&one.read, &one.upload])
        .flatten()
        .flat_map(spellings::of)
        .collect();
    if all.iter().any(|one| one.len() < 4) {
        session
            .out
            .warning("a secret of fewer than 4 bytes is masked wherever its letters stand");
    }
    let mask = crate::ci::mask::Mask::new(all)
        .map_err(|_| Failure::new(ErrorCode::Internal, "the secrets are too many to be masked"))?;
    let (out, err) = (std::io::stdout(), std::io::stderr());
    match program.run_masked(&mask, [out.as_fd(), err.as_fd()]) {
        Err(error) => Ok(not_started(session, program, &error)),
        Ok(ended) => {
            let status = ended.status;
            if let Some(error) = ended.lost {
                let failure = Failure::new(
                    ErrorCode::Unavailable,
                    format!("passing the command's output on failed ({})", error.kind()),
                );
                session.out.failure(&failure);
                if status.success() {
                    return Ok(ErrorCode::Unavailable.exit_status());
                }
            }
            Ok(crate::ci::child::end_like(status))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn masked(_session: &mut Session<'_>, _program: &Program, chosen: &Chosen) -> Result<u8, Failure> {
    let _ = chosen
        .repositories
        .iter()
        .filter_map(|one| one.read.as_ref())
        .map(spellings::of);
    Err(Failure::new(
        ErrorCode::Unavailable,
        "masking what a command prints is not possible on this system yet",
    )
    .hint("run it without --mask"))
}

/// As `env` and the shells have it: 127 for a command that is not there, 126 for one that cannot
/// be run.
fn not_started(session: &mut Session<'_>, program: &Program, error: &std::io::Error) -> u8 {
    let name = program.words.first().map(|word| word.to_string_lossy());
    let failure = Failure::new(
        ErrorCode::Unavailable,
        format!(
            "running {} failed ({})",
            shown(&name.unwrap_or_default()),
            error.kind()
        ),
    );
    session.out.failure(&failure);
    if error.kind() == ErrorKind::NotFound {
        127
    } else {
        126
    }
}
