//! The backend of Python's keyring, as it is installed: the files of `packaging/python`, and what
//! makes a distribution of them (the "Recording installed projects" specification of the Python
//! Packaging Authority).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The folder of the module.
pub const MODULE: &str = "credential_helper";
/// Who installed it, in the file `INSTALLER`.
pub const INSTALLER: &str = "helper";

macro_rules! module {
    ($($name:literal),+ $(,)?) => {
        /// The files of the module, and what they hold.
        const FILES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../packaging/python/credential_helper/", $name)))),+
        ];
    };
}

module![
    "__init__.py",
    "ask.py",
    "backend.py",
    "client.py",
    "context.py",
    "place.py",
    "program.py",
    "py.typed",
    "start.py",
];

/// A file of the distribution: its path below the folder of modules, and what it holds.
pub type File = (String, String);

/// The folder of the distribution's own files.
pub fn information() -> String {
    format!("{MODULE}-{VERSION}.dist-info")
}

/// The files of the module.
pub fn module() -> Vec<File> {
    let file = |(name, text): &(&str, &str)| (format!("{MODULE}/{name}"), (*text).to_owned());
    FILES.iter().map(file).collect()
}

/// The files that describe it; the list of all files is the last.
pub fn description() -> Vec<File> {
    let folder = information();
    let mut files: Vec<File> = [
        (
            "METADATA",
            format!(
                "Metadata-Version: 2.1\nName: credential-helper\nVersion: {VERSION}\n\
                 Summary: One agent for the credentials of Python package repositories\n\
                 License: MIT OR Apache-2.0\nRequires-Python: >=3.9\n"
            ),
        ),
        ("INSTALLER", format!("{INSTALLER}\n")),
        (
            "WHEEL",
            "Wheel-Version: 1.0\nGenerator: helper\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .to_owned(),
        ),
        (
            "entry_points.txt",
            "[keyring.backends]\ncredential-helper = credential_helper.backend\n".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(name, text)| (format!("{folder}/{name}"), text))
    .collect();
    let list = format!("{folder}/RECORD");
    let mut record = String::new();
    for (path, text) in module().iter().chain(&files) {
        let size = text.len();
        // Writing to a string cannot fail.
        let _ = writeln!(record, "{path},sha256={},{size}", hash(text.as_bytes()));
    }
    record.extend([list.as_str(), ",,\n"]);
    files.push((list, record));
    files
}

/// A hash as `RECORD` has it.
pub fn hash(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{FILES, description, hash};

    #[test]
    fn every_file_of_the_module_is_here() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/python/credential_helper");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "__pycache__")
            .collect();
        let here: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(here, there);
    }

    #[test]
    fn the_list_is_what_pip_writes() {
        assert_eq!(hash(b""), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        let files = description();
        let (path, record) = files.last().unwrap();
        assert!(path.ends_with(".dist-info/RECORD"));
        assert!(record.contains("credential_helper/__init__.py,sha256="));
        assert!(record.ends_with(&format!("{path},,\n")));
    }
}
