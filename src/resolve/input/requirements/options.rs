//! The options that stand in requirements files (pip, `req/req_file.py`, `SUPPORTED_OPTIONS`).

use std::path::PathBuf;

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use super::super::{Around, Asked, Place, direct, wrong};
use super::lines;

/// Every option: its names, and whether a value stands behind it.
const OPTIONS: [(&str, &[&str], bool); 18] = [
    ("--requirement", &["-r", "--requirements"], true),
    ("--constraint", &["-c", "--constraints"], true),
    ("--editable", &["-e"], true),
    ("--index-url", &["-i", "--pypi-url"], true),
    ("--extra-index-url", &[], true),
    ("--find-links", &["-f"], true),
    ("--no-index", &[], false),
    ("--pre", &[], false),
    ("--require-hashes", &[], false),
    ("--hash", &[], true),
    ("--config-settings", &["--config-setting"], true),
    ("--global-option", &[], true),
    ("--no-binary", &[], true),
    ("--only-binary", &[], true),
    ("--prefer-binary", &[], false),
    ("--trusted-host", &[], true),
    ("--use-feature", &[], true),
    ("--upgrade", &["-U"], false),
];

/// Digests that are good enough to tell that a file is the right one (pip, `STRONG_HASHES`).
const DIGESTS: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// An option and its value, which may have a password in it.
pub(super) struct Given {
    pub(super) name: &'static str,
    pub(super) value: Zeroizing<String>,
}

/// Where the options of a line start: at the first word with a hyphen.
pub(super) fn split(line: &str) -> (&str, &str) {
    let mut before = ' ';
    for (at, char) in line.char_indices() {
        if char == '-' && before.is_whitespace() {
            let rest = &line[at..];
            let word = rest.split(['=', ' ', '\t']).next().unwrap_or(rest);
            if known(word).is_some() || at == 0 || rest.starts_with("--") {
                return (line[..at].trim_end(), rest);
            }
        }
        before = char;
    }
    (line, "")
}

fn known(word: &str) -> Option<(&'static str, bool)> {
    OPTIONS
        .iter()
        .find(|(name, others, _)| *name == word || others.contains(&word))
        .map(|(name, _, value)| (*name, *value))
}

/// Reads options.
///
/// # Errors
/// What is wrong; an option is named, its value never.
pub(super) fn read(text: &str) -> Result<Vec<Given>, String> {
    let mut found = Vec::new();
    let mut words = lines::words(text)?.into_iter();
    while let Some(word) = words.next() {
        let (option, inline) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (word.as_str(), None),
        };
        // A short option may have its value right behind it: `-rmore.txt`.
        let (option, inline) = match (known(option), option.char_indices().nth(2)) {
            (None, Some((end, _))) if !option.starts_with("--") && option.starts_with('-') => {
                let (short, rest) = word.split_at(end);
                (short, Some(rest))
            }
            _ => (option, inline),
        };
        let Some((name, takes)) = known(option) else {
            return Err("there is an option that requirements files do not have".to_owned());
        };
        let value = match (takes, inline) {
            (false, None) => Zeroizing::new(String::new()),
            (false, Some(_)) => return Err(format!("{name} takes no value")),
            (true, Some(value)) => Zeroizing::new(value.to_owned()),
            (true, None) => words.next().ok_or_else(|| format!("{name} has no value"))?,
        };
        if takes && value.is_empty() {
            return Err(format!("{name} has no value"));
        }
        found.push(Given { name, value });
    }
    Ok(found)
}

/// Takes an option over that is about the whole run.
pub(super) fn apply(
    asked: &mut Asked,
    option: Given,
    place: &str,
    around: &Around<'_>,
) -> Result<(), Failure> {
    let as_place = |text| Place {
        text,
        from: place.to_owned(),
    };
    match option.name {
        "--index-url" => asked.indexes.index_url = Some(as_place(option.value)),
        "--extra-index-url" => {
            let one = as_place(option.value);
            asked.indexes.extra_index_urls.push(one);
        }
        "--find-links" => {
            let text = if direct::is_url(&option.value) || option.value.starts_with("file:") {
                option.value
            } else {
                let path = direct::normal(&around.folder.join(option.value.as_str()));
                Zeroizing::new(path.to_string_lossy().into_owned())
            };
            asked.indexes.find_links.push(as_place(text));
        }
        "--no-index" => asked.indexes.no_index = true,
        "--pre" => asked.choices.prerelease = Some("allow".to_owned()),
        "--require-hashes" => asked.choices.require_hashes = true,
        "--hash" | "--config-settings" | "--global-option" => {
            let what = format!("{} stands behind a requirement", option.name);
            return Err(wrong(place, &what));
        }
        // How files are installed is no matter of which versions go together; and a file of a
        // project never lowers TLS.
        name @ ("--trusted-host" | "--only-binary" | "--no-binary") => {
            let warning = format!("{place}: {name} has no effect here");
            asked.warnings.push(warning);
        }
        _ => {}
    }
    Ok(())
}

impl Given {
    /// The file that is included.
    pub(super) fn path(&self, place: &str, around: &Around<'_>) -> Result<PathBuf, Failure> {
        let mut path = self.value.as_str();
        if let Some(local) = path.strip_prefix("file://") {
            path = local;
        } else if direct::is_url(path) {
            return Err(wrong(place, "a file on a server is not included")
                .hint("download it, look at it, and include the copy"));
        }
        Ok(direct::normal(&around.folder.join(path)))
    }

    /// A digest, in lower case.
    pub(super) fn digest(&self, place: &str) -> Result<String, Failure> {
        let text = self.value.to_ascii_lowercase();
        let good = text.split_once(':').is_some_and(|(kind, hex)| {
            let length = DIGESTS.iter().find(|(name, _)| *name == kind);
            length.is_some_and(|(_, length)| hex.len() == *length)
                && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if good {
            return Ok(text);
        }
        Err(wrong(
            place,
            "--hash is sha256:, sha384: or sha512: and the digest in hex",
        ))
    }
}
