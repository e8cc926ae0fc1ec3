//! Where the agent's socket is: which candidate is used, and which were passed over.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use credential_helper_protocol::address::{self, Rule};
use credential_helper_protocol::place::{self, Finding};
use credential_helper_protocol::surroundings::Surroundings;

use super::{Check, Outcome};
use crate::domain::text::{shell_word, shown_path};

/// A candidate.
pub(super) struct Candidate {
    socket: PathBuf,
    rule: Rule,
    state: State,
    /// Owner and mode of its folder, where that is there.
    folder: Option<(u32, u32)>,
    /// Owner and kind of the socket, where that is there.
    file: Option<(u32, bool)>,
}

/// What the rules say about a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Usable,
    Mounted,
    Skipped(String),
}

/// Looks at every candidate.
pub(super) fn collect(around: &Surroundings) -> Vec<Candidate> {
    let one = |(candidate, finding): (address::Candidate, Finding)| {
        let folder = candidate.socket.parent().and_then(|folder| {
            let meta = std::fs::symlink_metadata(folder).ok()?;
            Some((meta.uid(), meta.mode() & 0o777))
        });
        let file = std::fs::symlink_metadata(&candidate.socket).ok();
        Candidate {
            state: match finding {
                Finding::Ours(_) | Finding::Absent => State::Usable,
                Finding::Foreign(_) => State::Mounted,
                Finding::Skipped(reason) => State::Skipped(reason),
            },
            folder,
            file: file.map(|meta| (meta.uid(), meta.file_type().is_socket())),
            socket: candidate.socket,
            rule: candidate.rule,
        }
    };
    place::examine(around).into_iter().map(one).collect()
}

/// Judges them: the first usable one counts, what stands before it should not be skipped.
pub(super) fn checks(candidates: &[Candidate], uid: u32) -> Vec<Check> {
    let mut checks = Vec::new();
    for candidate in candidates {
        let subject = shown_path(&candidate.socket);
        let check =
            |result, message: String| Check::new("socket", result, message).about(&*subject);
        match &candidate.state {
            State::Skipped(reason) => {
                checks.extend(skipped(candidate, reason, uid).map(|found| found.about(&*subject)));
                continue;
            }
            State::Mounted => checks.push(check(
                Outcome::Ok,
                "a socket mounted from elsewhere: it is told neither variables nor folders".into(),
            )),
            State::Usable => checks.push(usable(candidate, uid).about(&*subject)),
        }
        return checks;
    }
    checks.push(
        Check::new(
            "socket",
            Outcome::Problem,
            "there is no place for the agent's socket: each command does the work by itself",
        )
        .fix("set XDG_RUNTIME_DIR, or CREDENTIAL_HELPER_SOCKET to a path in a folder of mode 0700"),
    );
    checks
}

/// A place that the system has not made is no fault; one that is there and cannot be used is.
fn skipped(candidate: &Candidate, reason: &str, uid: u32) -> Option<Check> {
    let chosen = candidate.rule == Rule::Variable;
    if !chosen && candidate.folder.is_none() {
        return None;
    }
    let result = if chosen {
        Outcome::Problem
    } else {
        Outcome::Warning
    };
    let check = Check::new("socket", result, format!("passed over: {reason}"));
    let folder = candidate.socket.parent().unwrap_or(Path::new("/"));
    Some(match candidate.folder {
        Some((owner, mode)) if owner == uid && mode & 0o077 != 0 => check.fix(format!(
            "chmod 700 {}",
            shell_word(&folder.to_string_lossy())
        )),
        _ if chosen => {
            check.fix("unset CREDENTIAL_HELPER_SOCKET, or name a path in a folder of your own")
        }
        _ => check.fix("see who made this folder; it should be yours alone"),
    })
}

fn usable(candidate: &Candidate, uid: u32) -> Check {
    let path = shell_word(&candidate.socket.to_string_lossy());
    match candidate.file {
        Some((_, false)) => {
            return Check::new(
                "socket",
                Outcome::Problem,
                "something else than a socket is there",
            )
            .fix(format!("rm {path}"));
        }
        Some((owner, true)) if owner != uid => {
            let message = format!("the socket belongs to user {owner}");
            return Check::new("socket", Outcome::Problem, message)
                .fix("end that user's agent, and remove the socket");
        }
        _ => {}
    }
    let length = candidate.socket.as_os_str().len();
    // `sun_path` of Linux and of the BSDs.
    let longest = if cfg!(target_os = "linux") { 107 } else { 103 };
    if length <= longest {
        return Check::new("socket", Outcome::Ok, "this is the agent's place");
    }
    let message = format!("the path has {length} bytes, more than the {longest} of a socket");
    if cfg!(target_os = "linux") {
        // Reached through /proc by the helper and its libraries.
        return Check::new("socket", Outcome::Warning, message)
            .fix("other programs need a shorter path: set CREDENTIAL_HELPER_SOCKET");
    }
    Check::new("socket", Outcome::Problem, message)
        .fix("set CREDENTIAL_HELPER_SOCKET to a shorter path")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use credential_helper_protocol::address::Rule;
    use credential_helper_protocol::surroundings::{Platform, Surroundings};

    use super::super::Outcome;
    use super::{Candidate, State, checks, collect};

    fn candidate(rule: Rule, state: State) -> Candidate {
        Candidate {
            socket: PathBuf::from("/run/a b/agent.sock"),
            rule,
            state,
            folder: Some((7, 0o700)),
            file: None,
        }
    }

    fn skipped(rule: Rule, folder: Option<(u32, u32)>) -> Candidate {
        Candidate {
            folder,
            ..candidate(rule, State::Skipped("reason".into()))
        }
    }

    #[test]
    fn one_place() {
        let usable = || candidate(Rule::Runtime, State::Usable);
        let long = PathBuf::from(format!("/{}/agent.sock", "x".repeat(120)));
        for (candidate, result) in [
            (usable(), Outcome::Ok),
            (candidate(Rule::Variable, State::Mounted), Outcome::Ok),
            (
                Candidate {
                    file: Some((7, true)),
                    ..usable()
                },
                Outcome::Ok,
            ),
            (
                Candidate {
                    file: Some((7, false)),
                    ..usable()
                },
                Outcome::Problem,
            ),
            (
                Candidate {
                    file: Some((8, true)),
                    ..usable()
                },
                Outcome::Problem,
            ),
            (
                Candidate {
                    socket: long,
                    ..usable()
                },
                if cfg!(target_os = "linux") {
                    Outcome::Warning
                } else {
                    Outcome::Problem
                },
            ),
        ] {
            let found = checks(&[candidate], 7);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].result, result, "{found:?}");
            assert_eq!(found[0].fix.is_some(), result != Outcome::Ok);
        }
    }

    #[test]
    fn what_is_passed_over_is_named_where_it_is_a_fault() {
        for (rule, folder, result, fix) in [
            (Rule::User, None, None, ""),
            (
                Rule::Runtime,
                Some((7, 0o755)),
                Some(Outcome::Warning),
                "chmod 700 '/run/a b'",
            ),
            (
                Rule::Runtime,
                Some((8, 0o700)),
                Some(Outcome::Warning),
                "see who",
            ),
            (Rule::Variable, None, Some(Outcome::Problem), "unset"),
            (
                Rule::Variable,
                Some((7, 0o777)),
                Some(Outcome::Problem),
                "chmod 700",
            ),
        ] {
            let all = [skipped(rule, folder), candidate(Rule::State, State::Usable)];
            let found = checks(&all, 7);
            assert_eq!(found.last().unwrap().result, Outcome::Ok);
            let first = (found.len() == 2).then(|| found[0].clone());
            assert_eq!(first.as_ref().map(|check| check.result), result);
            assert!(
                first
                    .and_then(|check| check.fix)
                    .unwrap_or_default()
                    .starts_with(fix)
            );
        }
        let none = checks(&[skipped(Rule::User, None)], 7);
        assert_eq!(none.len(), 1);
        assert_eq!(none[0].result, Outcome::Problem);
    }

    #[test]
    fn collected_from_folders() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let variables = [
            ("HOME", home.path().to_path_buf()),
            ("CREDENTIAL_HELPER_SOCKET", open.join("agent.sock")),
            ("XDG_RUNTIME_DIR", home.path().to_path_buf()),
        ];
        let around = Surroundings::given(variables, Platform::HERE, uid, "host");
        let found = checks(&collect(&around), uid);
        assert_eq!(found[0].result, Outcome::Problem);
        assert!(found[0].fix.as_ref().unwrap().starts_with("chmod 700 "));
        assert_eq!(found[1].result, Outcome::Ok);
        assert_eq!(found.len(), 2);
    }
}
