//! The programs on the PATH: which `helper` and which `keyring` other tools will run.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use credential_helper_protocol::program::PROGRAM;

use super::{Check, Options, Outcome};
use crate::domain::text::shown_path;

/// What is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    /// The folder of the running program, without links.
    own: Option<PathBuf>,
    /// The first `helper` on the PATH.
    helper: Option<Found>,
    /// Every `keyring` on the PATH, in order.
    pub(super) keyrings: Vec<Found>,
}

/// A program on the PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As it stands on the PATH.
    pub(super) path: PathBuf,
    /// Without links.
    pub(super) resolved: PathBuf,
    /// Whether it is the helper, or the agent's program, under whatever name.
    pub(super) ours: bool,
    /// The agent's program that it would run.
    agent: Option<PathBuf>,
}

/// Looks through the PATH.
pub(super) fn collect(options: &Options) -> Programs {
    let path = options.around.variable("PATH").unwrap_or_default();
    let all = |name: &str| {
        let name = format!("{name}{EXE_SUFFIX}");
        let mut found: Vec<Found> = Vec::new();
        // A relative entry means another program in each folder; it is none of ours to run.
        for folder in std::env::split_paths(&path).filter(|folder| folder.is_absolute()) {
            let path = folder.join(&name);
            if !is_program(&path) {
                continue;
            }
            let resolved = path.canonicalize().unwrap_or_else(|_| path.clone());
            if found.iter().any(|other| other.resolved == resolved) {
                continue;
            }
            let file = resolved.file_name().and_then(|name| name.to_str());
            let ours = ["helper", PROGRAM]
                .iter()
                .any(|own| file == Some(&format!("{own}{EXE_SUFFIX}")));
            let agent = resolved.parent().and_then(agent_of);
            found.push(Found {
                path,
                resolved,
                ours,
                agent,
            });
        }
        found
    };
    let own = options.executable.as_ref().and_then(|program| {
        let resolved = program.canonicalize().unwrap_or_else(|_| program.clone());
        Some(resolved.parent()?.to_owned())
    });
    Programs {
        own,
        helper: all("helper").into_iter().next(),
        keyrings: all("keyring"),
    }
}

/// The agent's program of the helper in this folder, as the helper looks for it.
fn agent_of(folder: &Path) -> Option<PathBuf> {
    let name = format!("{PROGRAM}{EXE_SUFFIX}");
    let beside = folder.join(&name);
    let apart = folder
        .parent()?
        .join("libexec/credential-helper")
        .join(name);
    [beside, apart].into_iter().find(|path| path.is_file())
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Judges them.
pub(super) fn checks(programs: &Programs) -> Vec<Check> {
    let mut checks = vec![helper(programs)];
    checks.extend(programs.helper.as_ref().and_then(agent));
    checks.extend(keyring(&programs.keyrings));
    checks
}

fn helper(programs: &Programs) -> Check {
    let Some(first) = &programs.helper else {
        let check = Check::new("path", Outcome::Warning, "helper is not on the PATH");
        return match &programs.own {
            Some(own) => check.fix(format!("add {} to the PATH", shown_path(&typed(own)))),
            None => check,
        };
    };
    let runs = first.resolved.parent();
    let agent = first.agent.as_deref().and_then(Path::parent);
    let same = programs.own.is_none()
        || runs == programs.own.as_deref()
        || agent == programs.own.as_deref();
    if same {
        return Check::new("path", Outcome::Ok, "this helper is the first on the PATH")
            .about(shown_path(&first.path));
    }
    Check::new(
        "path",
        Outcome::Warning,
        "tools will run another helper than this one",
    )
    .about(shown_path(&first.path))
    .fix(format!(
        "put {} before it on the PATH",
        shown_path(
            &programs
                .own
                .as_deref()
                .map_or_else(|| "this one's folder".into(), typed)
        )
    ))
}

/// The folder of `helper`, by that of the running program: packages have `helperd` apart from it.
fn typed(own: &Path) -> PathBuf {
    let prefix = own.parent().and_then(Path::parent);
    match prefix {
        Some(prefix) if own.ends_with("libexec/credential-helper") => prefix.join("bin"),
        _ => own.to_owned(),
    }
}

fn agent(helper: &Found) -> Option<Check> {
    if helper.agent.is_some() || !helper.ours {
        return None;
    }
    let message = format!("{PROGRAM} is neither beside it nor in ../libexec/credential-helper");
    Some(
        Check::new("path", Outcome::Problem, message)
            .about(shown_path(&helper.resolved))
            .fix("install helper and helperd into the same folder"),
    )
}

/// pip and uv run the first `keyring`.
fn keyring(keyrings: &[Found]) -> Option<Check> {
    let first = keyrings.first()?;
    let check = |result, message: String| {
        Check::new("path", result, message).about(shown_path(&first.path))
    };
    if first.ours {
        let message = "the first keyring on the PATH is the helper's".to_owned();
        return Some(check(Outcome::Ok, message));
    }
    Some(match keyrings.iter().find(|other| other.ours) {
        Some(ours) => check(
            Outcome::Warning,
            format!("it hides the helper's keyring, {}", shown_path(&ours.path)),
        )
        .fix(format!(
            "put {} first on the PATH",
            shown_path(ours.path.parent().unwrap_or(&ours.path))
        )),
        None => check(
            Outcome::Ok,
            "the first keyring on the PATH is another program: pip and uv ask it, not the helper"
                .to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Outcome::{self, Ok as Good, Problem, Warning};
    use super::{Found, Programs, checks};

    fn found(path: &str, ours: bool, agent: Option<&str>) -> Found {
        Found {
            path: path.into(),
            resolved: path.into(),
            ours,
            agent: agent.map(PathBuf::from),
        }
    }

    #[test]
    fn what_to_put_on_the_path() {
        for (own, wanted) in [
            ("/a/bin", "add /a/bin to the PATH"),
            ("/usr/libexec/credential-helper", "add /usr/bin to the PATH"),
        ] {
            let programs = Programs {
                own: Some(own.into()),
                ..Programs::default()
            };
            let fix = checks(&programs).into_iter().find_map(|check| check.fix);
            assert_eq!(fix.as_deref(), Some(wanted));
        }
    }

    #[test]
    fn order_on_the_path() {
        let here = || Some(found("/a/helper", true, Some("/a/helperd")));
        let lib = "/usr/libexec/credential-helper";
        let keyring = |path, ours| found(path, ours, None);
        for (own, helper, keyrings, wanted) in [
            ("/a", None, vec![], vec![Warning]),
            ("/a", here(), vec![], vec![Good]),
            ("/b", here(), vec![], vec![Warning]),
            (
                lib,
                Some(found(
                    "/usr/bin/helper",
                    true,
                    Some("/usr/libexec/credential-helper/helperd"),
                )),
                vec![],
                vec![Good],
            ),
            (
                "/a",
                Some(found("/a/helper", true, None)),
                vec![],
                vec![Good, Problem],
            ),
            (
                "/a",
                here(),
                vec![keyring("/s/keyring", true)],
                vec![Good, Good],
            ),
            (
                "/a",
                here(),
                vec![keyring("/v/keyring", false)],
                vec![Good, Good],
            ),
            (
                "/a",
                here(),
                vec![keyring("/v/keyring", false), keyring("/s/keyring", true)],
                vec![Good, Warning],
            ),
        ] {
            let programs = Programs {
                own: Some(own.into()),
                helper,
                keyrings,
            };
            let seen: Vec<Outcome> = checks(&programs).iter().map(|check| check.result).collect();
            assert_eq!(seen, wanted, "{programs:?}");
        }
    }
}
