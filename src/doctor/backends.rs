//! Back ends of Python's keyring that the helper does not speak itself: those of clouds.
//!
//! No Python is started: the names of what is installed beside a `keyring` are those of its
//! `*.dist-info` folders ("Recording installed projects" of the packaging guide).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::programs::Found;
use super::{Check, Options, Outcome};
use crate::domain::name::normalize;
use crate::domain::text::shown_path;

/// The start of a script that names its interpreter; `#!` lines are shorter than a page.
const HEAD: u64 = 4096;

/// A `keyring` with such back ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backends {
    keyring: PathBuf,
    /// Names of distributions.
    names: Vec<String>,
}

/// Looks beside every `keyring` that is not the helper's.
pub(super) fn collect(options: &Options, keyrings: &[Found]) -> Vec<Backends> {
    let user = options.around.home.as_ref().map(|home| home.join(".local"));
    let mut all = Vec::new();
    for found in keyrings.iter().filter(|found| !found.ours) {
        let mut names = Vec::new();
        for folder in packages_of(&found.resolved, user.as_deref()) {
            names.extend(installed(&folder));
        }
        names.sort();
        names.dedup();
        if !names.is_empty() {
            let keyring = found.path.clone();
            all.push(Backends { keyring, names });
        }
    }
    all
}

/// The folders of packages that a script sees: its interpreter's environment, the one that it stands
/// in, and, for the system's Python, the user's own.
fn packages_of(script: &Path, user: Option<&Path>) -> Vec<PathBuf> {
    let interpreter = head(script).and_then(|head| interpreter(&head));
    let prefixes = [interpreter.as_deref(), Some(script)]
        .into_iter()
        .flatten()
        .filter_map(|program| Some(program.parent()?.parent()?.to_owned()));
    let mut folders = Vec::new();
    for prefix in prefixes {
        folders.extend(below(&prefix));
        if !prefix.join("pyvenv.cfg").is_file() {
            folders.extend(user.iter().flat_map(|user| below(user)));
            // Where Debian's own Python keeps its packages.
            folders.push(prefix.join("lib/python3/dist-packages"));
        }
    }
    folders
}

/// `lib/python3.N/site-packages` of an environment, and how Debian and Windows call it.
fn below(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = vec![prefix.join("Lib/site-packages")];
    for lib in ["lib", "lib64"] {
        let versions = std::fs::read_dir(prefix.join(lib)).into_iter().flatten();
        for version in versions.filter_map(Result::ok) {
            if version.file_name().to_string_lossy().starts_with("python") {
                folders.push(version.path().join("site-packages"));
                folders.push(version.path().join("dist-packages"));
            }
        }
    }
    folders
}

fn head(script: &Path) -> Option<String> {
    let file = std::fs::File::open(script).ok()?;
    let mut bytes = Vec::new();
    file.take(HEAD).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The interpreter of a script. Installers write `#!/bin/sh` and `'''exec' PYTHON "$0" "$@"` where
/// the path is too long for the kernel, or holds a space (distlib `scripts.py`).
fn interpreter(head: &str) -> Option<PathBuf> {
    let mut lines = head.lines();
    let first = lines.next()?.strip_prefix("#!")?.trim();
    let path = match lines.next().and_then(|line| line.strip_prefix("'''exec' ")) {
        Some(rest) => match rest.strip_prefix('"') {
            Some(rest) => rest.split('"').next()?,
            None => rest.split(' ').next()?,
        },
        None => first.split(' ').next()?,
    };
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

/// The distributions in a folder that are back ends: `artifacts-keyring` and what is in the
/// namespace `keyrings`, as keyring's own documents advise.
fn installed(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_suffix(".dist-info")?;
        Some(normalize(name.split('-').next()?))
    });
    names
        .filter(|name| name == "artifacts-keyring" || name.starts_with("keyrings-"))
        .collect()
}

/// Judges them; `asked` says that the settings name a keyring command.
pub(super) fn checks(backends: &[Backends], asked: bool, settings: Option<&Path>) -> Vec<Check> {
    let one = |found: &Backends| {
        let names = found.names.join(", ");
        let check = |result, message: String| {
            Check::new("back-end", result, message).about(shown_path(&found.keyring))
        };
        if asked {
            return check(
                Outcome::Ok,
                format!("has {names}; the settings name a keyring command"),
            );
        }
        let place = settings.map_or_else(|| "config.toml".to_owned(), shown_path);
        // A TOML string: what it must not hold is written as an escape.
        let path = shown_path(&found.keyring)
            .replace('\\', r"\\")
            .replace('"', "\\\"");
        check(
            Outcome::Warning,
            format!("has {names}, which the helper asks only where it is told to"),
        )
        .fix(format!(
            "add to {place}: keyring-command = {{ command = [\"{path}\"] }}"
        ))
    };
    backends.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::Outcome;
    use super::{Backends, checks, installed, interpreter, packages_of};

    #[test]
    fn interpreters() {
        for (head, wanted) in [
            ("#!/v/bin/python\nimport x", Some("/v/bin/python")),
            ("#!/v/bin/python -sE\r\n", Some("/v/bin/python")),
            (
                "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n",
                Some("/a b/bin/python"),
            ),
            (
                "#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n",
                Some("/long/bin/python"),
            ),
            ("#!python\n", None),
            ("\u{7f}ELF", None),
            ("", None),
        ] {
            assert_eq!(interpreter(head), wanted.map(PathBuf::from), "{head}");
        }
    }

    #[test]
    fn found_in_an_environment() {
        let root = tempfile::tempdir().unwrap();
        let packages = root.path().join("lib/python3.11/site-packages");
        for name in [
            "artifacts_keyring-1.0.0.dist-info",
            "keyrings.codeartifact-2.0.dist-info",
            "keyrings.google_artifactregistry_auth-1.1.2.dist-info",
            "keyring-25.7.0.dist-info",
            "requests-2.0.dist-info",
            "artifacts_keyring",
        ] {
            std::fs::create_dir_all(packages.join(name)).unwrap();
        }
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(root.path().join("pyvenv.cfg"), "").unwrap();
        let apart = tempfile::tempdir().unwrap();
        let script = apart.path().join("keyring");
        std::fs::write(&script, format!("#!{}/python\n", bin.display())).unwrap();
        let mut names: Vec<String> = packages_of(&script, None)
            .iter()
            .flat_map(|folder| installed(folder))
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "artifacts-keyring",
                "keyrings-codeartifact",
                "keyrings-google-artifactregistry-auth"
            ]
        );
    }

    #[test]
    fn the_line_to_add() {
        let found = [Backends {
            keyring: PathBuf::from("/v/bin/keyring"),
            names: vec!["artifacts-keyring".into()],
        }];
        let settings = Some(Path::new("/c/config.toml"));
        let told = checks(&found, false, settings);
        assert_eq!(told[0].result, Outcome::Warning);
        assert_eq!(
            told[0].fix.as_deref(),
            Some("add to /c/config.toml: keyring-command = { command = [\"/v/bin/keyring\"] }")
        );
        assert_eq!(checks(&found, true, settings)[0].result, Outcome::Ok);
        assert!(checks(&[], false, settings).is_empty());
    }
}
