//! git's global configuration, changed by git itself.

use std::ffi::OsStr;
use std::path::Path;

use credential_helper_protocol::program::on_own_path;
use credential_helper_protocol::{ErrorCode, Failure};

use super::apply::{Look, Undone};
use super::change::Made;
use super::run::output;

const KEY: &str = "credential.helper";

/// The value that makes git run a program: a bare absolute path, or a line for the shell where the
/// path holds what a shell would read otherwise (gitcredentials, "custom helpers").
pub(super) fn value(program: &Path) -> String {
    let text = program.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("!'{}'", text.replace('\'', r"'\''"))
    }
}

async fn git(arguments: &[&str]) -> Result<(Option<i32>, String), Failure> {
    let words: Vec<&OsStr> = ["config", "--global"]
        .iter()
        .chain(arguments)
        .map(OsStr::new)
        .collect();
    let program = on_own_path("git").ok_or_else(|| {
        Failure::new(
            ErrorCode::Unavailable,
            "could not set up git: it is not on the PATH",
        )
        .hint("install git, or add its folder (an absolute one) to PATH")
    })?;
    let ended = output(&program, &words, "set up git").await?;
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    Ok((ended.status.code(), text))
}

fn refused(what: &str) -> Failure {
    Failure::new(
        ErrorCode::Unavailable,
        format!("git could not {what} its global configuration"),
    )
    .hint("see `git config --global --list --show-origin`")
}

pub(super) async fn look(helper: &str) -> Result<Look, Failure> {
    let (status, text) = git(&["--get-all", KEY]).await?;
    // 1: the key is not there. Without a file of its own git says the same.
    match status {
        Some(0 | 1) if text.lines().any(|line| line == helper) => Ok(Look::Already),
        Some(0 | 1) => {
            // Without any global file git cannot list it.
            let (listed, _) = git(&["--list"]).await?;
            Ok(Look::Needed(Made {
                file: listed != Some(0),
                ..Made::default()
            }))
        }
        _ => Err(refused("read")),
    }
}

pub(super) async fn make(helper: &str) -> Result<(), Failure> {
    match git(&["--add", KEY, helper]).await? {
        (Some(0), _) => Ok(()),
        _ => Err(refused("write")),
    }
}

pub(super) async fn take(helper: &str, made: &Made) -> Result<Undone, Failure> {
    if !matches!(look(helper).await?, Look::Already) {
        return Ok(Undone::Gone);
    }
    let (_, origins) = git(&["--show-origin", "--get-all", KEY]).await?;
    // The value is a regular expression there, in every version of git.
    let mut pattern = String::from("^");
    for c in helper.chars() {
        if !c.is_ascii_alphanumeric() && c != '/' && c != '_' && c != '-' {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('$');
    match git(&["--unset-all", KEY, &pattern]).await? {
        (Some(0), _) => {
            if made.file {
                remove_empty(&origins);
            }
            Ok(Undone::Taken)
        }
        _ => Err(refused("write")),
    }
}

/// Removes the file that git made for our value, where nothing else came into it. It would do no
/// harm, so an error is none.
fn remove_empty(origins: &str) {
    let files = origins
        .lines()
        .filter_map(|line| line.strip_prefix("file:"));
    for (file, _) in files.filter_map(|line| line.split_once('\t')) {
        if std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() == 0) {
            let _ = std::fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::value;

    #[test]
    fn a_path_as_git_runs_it() {
        let plain = "/home/a/.local/share/b/git-credential-helper";
        assert_eq!(value(Path::new(plain)), plain);
        assert_eq!(value(Path::new("/a b/it's")), r"!'/a b/it'\''s'");
    }
}
