//! The bridges in a folder of their own, and that folder first on the PATH.
//!
//! Never the `bin` folder of an environment: pip passes over a `keyring` there, and Python's own
//! would be overwritten.

use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};

use super::change::{Change, Edit};
use super::{Around, Plan};

/// A line of a start file.
#[derive(Clone, Copy)]
pub enum Say<'a> {
    /// A folder comes first on the PATH.
    First(&'a Path),
    /// A variable.
    Export(&'a str, &'a str),
    /// A command of ours that has to have run, unless the file is there; by its program.
    Unless(&'a Path, &'a Path),
}

/// The folder of the bridges: that of the packages, where they brought one.
///
/// # Errors
/// `usage` where there is no home.
pub fn folder(around: &Around) -> Result<PathBuf, Failure> {
    let beside = around.helper.parent().and_then(Path::parent);
    let packaged = beside.map(|prefix| prefix.join("lib/credential-helper/bridges"));
    if let Some(packaged) = packaged.filter(|folder| folder.is_dir()) {
        return Ok(packaged);
    }
    own_folder(around)
}

fn own_folder(around: &Around) -> Result<PathBuf, Failure> {
    let home = home(around)?.join(".local/share");
    let data = around.process.folder("XDG_DATA_HOME").unwrap_or(home);
    Ok(data.join("credential-helper/bridges"))
}

pub(super) fn home(around: &Around) -> Result<&Path, Failure> {
    around.process.home.as_deref().ok_or_else(|| {
        Failure::new(ErrorCode::Usage, "your home folder is not known").hint("set HOME")
    })
}

/// The bridge of this name.
///
/// # Errors
/// As [`folder`].
pub fn bridge(around: &Around, name: &str) -> Result<PathBuf, Failure> {
    Ok(folder(around)?.join(name))
}

/// Makes the links; nothing where packages brought them.
///
/// # Errors
/// As [`folder`].
pub fn links(around: &Around, plan: &mut Plan) -> Result<(), Failure> {
    let folder = folder(around)?;
    if folder != own_folder(around)? {
        return Ok(());
    }
    plan.changes
        .extend(around.bridges.iter().map(|name| Change::Link {
            path: folder.join(name),
            target: around.helper.clone(),
        }));
    Ok(())
}

/// The links, and their folder first on the PATH.
///
/// # Errors
/// As [`folder`].
pub fn step(around: &Around, plan: &mut Plan, recorded: bool) -> Result<(), Failure> {
    links(around, plan)?;
    let folder = folder(around)?;
    let path = around.process.variable("PATH").unwrap_or_default();
    // What we wrote may be why it is there: then this tool needs those lines too.
    if recorded || !std::env::split_paths(&path).any(|one| one == folder) {
        say(around, plan, &[Say::First(&folder)])?;
    }
    Ok(())
}

/// Whether a change is why the bridges are on the PATH.
pub fn is_step(change: &Change) -> bool {
    matches!(change, Change::File { edit: Edit::Block { line }, .. } if line.contains(" PATH"))
}

/// Puts lines into the start files of the user's shell; where that is not known, into the notes.
///
/// # Errors
/// As [`folder`].
pub fn say(around: &Around, plan: &mut Plan, lines: &[Say<'_>]) -> Result<(), Failure> {
    let home = home(around)?;
    let shell = around.process.set("SHELL").map(PathBuf::from);
    let name = shell
        .as_deref()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let (files, fish): (Vec<PathBuf>, bool) = match name {
        "bash" => (vec![home.join(".bashrc"), login_file(home)], false),
        "zsh" => {
            let folder = around.process.folder("ZDOTDIR");
            (
                vec![folder.unwrap_or(home.to_owned()).join(".zshenv")],
                false,
            )
        }
        "fish" => {
            let folder = around.process.folder("XDG_CONFIG_HOME");
            let folder = folder.unwrap_or_else(|| home.join(".config"));
            (
                vec![folder.join("fish/conf.d/credential-helper.fish")],
                true,
            )
        }
        _ => (Vec::new(), false),
    };
    let lines: Vec<String> = lines.iter().map(|line| written(*line, fish)).collect();
    if files.is_empty() {
        let named = if name.is_empty() { "your shell" } else { name };
        plan.notes
            .push(format!("add to the start file of {named} by hand:"));
        plan.notes
            .extend(lines.iter().map(|line| format!("    {line}")));
        return Ok(());
    }
    for path in &files {
        plan.changes.extend(lines.iter().map(|line| Change::File {
            path: path.clone(),
            edit: Edit::Block { line: line.clone() },
            private: false,
        }));
    }
    let note = "start a new shell (or log in again) to have it on the PATH";
    if !plan.notes.iter().any(|other| other == note) {
        plan.notes.push(note.to_owned());
    }
    Ok(())
}

/// The first of bash's start files for a login that is there (bash, INVOCATION).
fn login_file(home: &Path) -> PathBuf {
    let names = [".bash_profile", ".bash_login"];
    let found = names
        .iter()
        .map(|name| home.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| home.join(".profile"))
}

/// The line in the words of the shell.
fn written(line: Say<'_>, fish: bool) -> String {
    let quoted = |path: &Path| quote(&path.to_string_lossy(), fish);
    match (line, fish) {
        (Say::First(folder), false) => {
            let folder = quoted(folder);
            format!(
                "case \"$PATH\" in {folder}|{folder}:*) ;; *) export PATH={folder}:\"$PATH\" ;; esac"
            )
        }
        (Say::First(folder), true) => {
            let folder = quoted(folder);
            format!("set -gx PATH {folder} (string match -v -- {folder} $PATH)")
        }
        (Say::Export(name, value), false) => format!("export {name}={}", quote(value, false)),
        (Say::Export(name, value), true) => format!("set -gx {name} {}", quote(value, true)),
        (Say::Unless(file, helper), false) => format!(
            "[ -e {} ] || {} agent run --detached >/dev/null 2>&1",
            quoted(file),
            quoted(helper)
        ),
        (Say::Unless(file, helper), true) => format!(
            "test -e {}; or {} agent run --detached >/dev/null 2>&1",
            quoted(file),
            quoted(helper)
        ),
    }
}

/// A word that the shell takes as it is.
fn quote(text: &str, fish: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if fish {
        format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Say, quote, written};

    #[test]
    fn words_of_shells() {
        assert_eq!(quote("/a/b-c", false), "/a/b-c");
        assert_eq!(quote("/a b/it's", false), r"'/a b/it'\''s'");
        assert_eq!(quote(r"/a b/it's\", true), r"'/a b/it\'s\\'");
        let folder = Path::new("/a b");
        assert_eq!(
            written(Say::First(folder), false),
            "case \"$PATH\" in '/a b'|'/a b':*) ;; *) export PATH='/a b':\"$PATH\" ;; esac"
        );
        assert_eq!(written(Say::Export("A", "1"), true), "set -gx A 1");
    }
}
