//! The Python that runs a tool.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use credential_helper_protocol::{ErrorCode, Failure};
use serde::Deserialize;

use super::Around;
use super::run::output;

/// What an interpreter says of itself. `-I` keeps the working folder and variables out of it.
const ASK: &str = "\
import importlib.util, json, os, sys, sysconfig
print(json.dumps({
    'folder': sysconfig.get_path('purelib'),
    'managed': sys.prefix == sys.base_prefix and os.path.exists(
        os.path.join(sysconfig.get_path('stdlib'), 'EXTERNALLY-MANAGED')),
    'writable': os.access(sysconfig.get_path('purelib'), os.W_OK),
    'keyring': importlib.util.find_spec('keyring') is not None,
    'version': list(sys.version_info[:2]),
}))
";

/// An interpreter.
#[derive(Debug, Deserialize)]
pub struct Python {
    /// The interpreter.
    #[serde(skip)]
    pub program: PathBuf,
    /// Its folder of pure modules.
    pub folder: PathBuf,
    /// Whether it belongs to the system's package manager (PEP 668).
    pub managed: bool,
    /// Whether we may write there.
    pub writable: bool,
    /// Whether `keyring` is installed beside.
    pub keyring: bool,
    /// Its version.
    pub version: (u32, u32),
}

/// The program of this name on the PATH.
pub fn on_path(name: &str, around: &Around) -> Option<PathBuf> {
    let path = around.process.variable("PATH")?;
    credential_helper_protocol::program::on_path(name, &path)
}

/// The interpreter of a tool: that of its first line, else the one beside it.
///
/// # Errors
/// Where the tool or its interpreter cannot be found.
pub fn of_tool(tool: &str, around: &Around) -> Result<PathBuf, Failure> {
    let program = on_path(tool, around).ok_or_else(|| {
        Failure::new(ErrorCode::NotFound, format!("{tool} is not on the PATH")).hint(format!(
            "install it, or name its Python: `helper setup {tool} --python PATH`"
        ))
    })?;
    let real = program.canonicalize().unwrap_or(program);
    let beside = || {
        let folder = real.parent()?;
        let names = ["python", "python3", "python.exe"];
        names
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    };
    first_lines(&real)
        .and_then(|text| interpreter(&text, around))
        .or_else(beside)
        .ok_or_else(|| {
            let message = format!("cannot tell which Python runs {}", real.display());
            Failure::new(ErrorCode::NotFound, message)
                .hint(format!("name it: `helper setup {tool} --python PATH`"))
        })
}

/// The beginning of a script.
fn first_lines(path: &Path) -> Option<String> {
    let mut bytes = vec![0; 1024];
    let length = std::fs::File::open(path).ok()?.read(&mut bytes).ok()?;
    bytes.truncate(length);
    bytes
        .starts_with(b"#!")
        .then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The Python that a script's first lines name. One whose path is too long or has a blank in it is
/// started through a shell (`distlib`, `uv`, pip: `'''exec' PATH "$0" "$@"`).
fn interpreter(text: &str, around: &Around) -> Option<PathBuf> {
    let mut lines = text.lines();
    let first = lines.next()?.strip_prefix("#!")?.trim();
    let mut words = first.split_whitespace();
    let program = Path::new(words.next()?);
    let name = program.file_name()?.to_str()?;
    if name == "env" {
        return on_path(words.find(|word| !word.starts_with('-'))?, around);
    }
    if name.starts_with("python") || name.starts_with("pypy") {
        return Some(program.to_owned());
    }
    let rest = lines.next()?.strip_prefix("'''exec' ")?;
    let path = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(' ').next()?,
    };
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

/// Asks an interpreter.
///
/// # Errors
/// Where it cannot be run or is none.
pub async fn ask(program: &Path) -> Result<Python, Failure> {
    let arguments = [OsStr::new("-I"), OsStr::new("-c"), OsStr::new(ASK)];
    let ended = output(program, &arguments, "look at Python").await?;
    let python: Option<Python> = ended
        .status
        .success()
        .then(|| serde_json::from_slice(&ended.stdout).ok())
        .flatten();
    let mut python = python.ok_or_else(|| {
        let message = format!("{} is no Python that can be used", program.display());
        Failure::new(ErrorCode::Usage, message).hint("name another with `--python PATH`")
    })?;
    program.clone_into(&mut python.program);
    Ok(python)
}

impl Python {
    /// Whether the backend may be installed there.
    ///
    /// # Errors
    /// `policy`, with the line that a user would run instead.
    pub fn allows(&self, tool: &str) -> Result<(), Failure> {
        let refused = |why: &str, hint: String| {
            let message = format!("nothing is installed into {}: {why}", self.folder.display());
            Failure::new(ErrorCode::Policy, message).hint(hint)
        };
        let apart = format!(
            "install {tool} for yourself (`pipx install {tool}` or `uv tool install {tool}`), \
             then run this again"
        );
        if self.version < (3, 9) {
            return Err(refused(
                "the backend needs Python 3.9 or newer",
                "install the tool with a newer Python".to_owned(),
            ));
        }
        if self.managed {
            return Err(refused(
                "this Python belongs to the system's package manager",
                apart,
            ));
        }
        if !self.writable {
            return Err(refused("you may not write there", apart));
        }
        if !self.keyring {
            let line = match tool {
                "poetry" => "poetry self add keyring".to_owned(),
                _ => format!("pipx inject {tool} keyring"),
            };
            return Err(refused(
                "keyring is not installed there, so that nobody would ask the backend",
                format!(
                    "add it first: `{line}`, or `{} -m pip install keyring`",
                    self.program.display()
                ),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use credential_helper_protocol::surroundings::{Platform, Surroundings};

    use super::super::Around;
    use super::interpreter;

    #[test]
    fn the_first_lines_of_a_script() {
        let home = tempfile::tempdir().unwrap();
        let python = home.path().join("python3");
        std::fs::write(&python, "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let program = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&python, program).unwrap();
        }
        let path = home.path().to_str().unwrap();
        let process = Surroundings::given([("PATH", path)], Platform::HERE, 0, "h");
        let around = Around {
            process,
            settings: PathBuf::new(),
            state: PathBuf::new(),
            uv: None,
            working: PathBuf::new(),
            helper: PathBuf::new(),
            bridges: Vec::new(),
        };
        for (text, expected) in [
            ("#!/opt/v/bin/python\nx", Some("/opt/v/bin/python")),
            (
                "#!/opt/v/bin/python3.12 -sE\n",
                Some("/opt/v/bin/python3.12"),
            ),
            ("#!/usr/bin/env python3\n", python.to_str()),
            ("#!/usr/bin/env -S python3 -E\n", python.to_str()),
            (
                "#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n",
                Some("/a b/python"),
            ),
            ("#!/bin/sh\n'''exec' /a/python \"$0\"\n", Some("/a/python")),
            ("#!/bin/sh\nexec something\n", None),
            ("\u{7f}ELF", None),
        ] {
            let found = interpreter(text, &around);
            assert_eq!(found, expected.map(PathBuf::from), "{text}");
        }
    }
}
