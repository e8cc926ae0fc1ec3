//! pip's sources: `pip.conf` and `PIP_*` (pip `configuration.py`, `req_command.py`).

use std::path::{Path, PathBuf};

use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{ErrorCode, Failure};

use super::address::Address;
use super::uv::Layer;
use super::{Form, Source};

/// The sections that hold for `pip install`, the weaker first.
const SECTIONS: [&str; 2] = ["global", "install"];
/// The keys that say where packages come from, and their variables.
const KEYS: [(&str, &str); 4] = [
    ("index-url", "PIP_INDEX_URL"),
    ("extra-index-url", "PIP_EXTRA_INDEX_URL"),
    ("find-links", "PIP_FIND_LINKS"),
    ("no-index", "PIP_NO_INDEX"),
];

/// A value, and where it stands.
struct Written {
    value: String,
    form: Form,
    place: String,
}

/// The files that pip reads, the weaker first: of the machine, the user, the virtual environment,
/// and the one that `PIP_CONFIG_FILE` names, which keeps the user's from being read.
pub fn files(around: &Surroundings, folder: &Path) -> Vec<PathBuf> {
    let named = around.set("PIP_CONFIG_FILE").map(|path| folder.join(path));
    if named.as_deref().is_some_and(is_null) {
        return Vec::new();
    }
    let file = if around.platform == Platform::Windows {
        "pip.ini"
    } else {
        "pip.conf"
    };
    let mut files = Vec::new();
    match around.platform {
        Platform::Xdg => {
            let folders = around.set("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg".into());
            files.extend(std::env::split_paths(&folders).map(|at| at.join("pip").join(file)));
            files.push(Path::new("/etc").join(file));
        }
        Platform::MacOs => {
            files.push(Path::new("/Library/Application Support/pip").join(file));
        }
        Platform::Windows => {
            files.extend(
                around
                    .folder("PROGRAMDATA")
                    .map(|at| at.join("pip").join(file)),
            );
        }
    }
    if !named.as_deref().is_some_and(Path::exists) {
        if let Some(home) = &around.home {
            let old = if around.platform == Platform::Windows {
                "pip"
            } else {
                ".pip"
            };
            files.push(home.join(old).join(file));
        }
        files.extend(user_folder(around).map(|at| at.join(file)));
    }
    files.extend(around.folder("VIRTUAL_ENV").map(|at| at.join(file)));
    files.extend(named);
    files
}

fn is_null(path: &Path) -> bool {
    [Path::new("/dev/null"), Path::new("nul")].contains(&path)
}

fn user_folder(around: &Surroundings) -> Option<PathBuf> {
    let home = || around.home.as_deref();
    let xdg = || {
        let own = around.folder("XDG_CONFIG_HOME");
        Some(own.or_else(|| Some(home()?.join(".config")))?.join("pip"))
    };
    match around.platform {
        Platform::Xdg => xdg(),
        Platform::MacOs => home()
            .map(|home| home.join("Library/Application Support/pip"))
            .filter(|folder| folder.is_dir())
            .or_else(xdg),
        Platform::Windows => Some(around.folder("APPDATA")?.join("pip")),
    }
}

/// What these files and the variables say; the later files are the stronger. Paths are taken from
/// the working folder, as pip takes them.
///
/// # Errors
/// `malformed` or `usage`, where a value is neither URL nor path, or no switch.
pub fn layer(
    texts: &[(String, impl AsRef<str>)],
    around: &Surroundings,
    folder: &Path,
) -> Result<Layer, Failure> {
    let mut found: [Option<Written>; 4] = [const { None }; 4];
    for section in SECTIONS {
        for (file, text) in texts {
            for (key, value, line) in entries(text.as_ref(), section) {
                if let Some(at) = KEYS.iter().position(|(own, _)| *own == key) {
                    found[at] = Some(Written {
                        value,
                        form: Form::Pip,
                        place: format!("{file} line {line}"),
                    });
                }
            }
        }
    }
    for (at, (_, variable)) in KEYS.iter().enumerate() {
        if let Some(value) = around.set(variable) {
            found[at] = Some(Written {
                value: value.to_string_lossy().into_owned(),
                form: Form::Environment,
                place: (*variable).to_owned(),
            });
        }
    }
    let [index_url, extra, links, no_index] = found;
    let sources = |written: &Option<Written>, flat| {
        let Some(written) = written else {
            return Ok(Vec::new());
        };
        let words = written.value.split_whitespace();
        words
            .map(|text| source(text, written, folder, flat))
            .collect::<Result<Vec<_>, Failure>>()
    };
    Ok(Layer {
        index_url: sources(&index_url, false)?.into_iter().next(),
        extra: sources(&extra, false)?,
        links: sources(&links, true)?,
        no_index: no_index.as_ref().map(switch).transpose()?,
        ..Layer::default()
    })
}

fn source(text: &str, written: &Written, folder: &Path, flat: bool) -> Result<Source, Failure> {
    let address = Address::parse(text, Some(folder)).map_err(|why| wrong(written, &why))?;
    let place = written.place.clone();
    Ok(if flat {
        address.flat(written.form, place)
    } else {
        address.index(written.form, place)
    })
}

/// The words that pip takes for a switch (`strtobool`).
fn switch(written: &Written) -> Result<bool, Failure> {
    match written.value.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err(wrong(written, "is neither yes nor no")),
    }
}

fn wrong(written: &Written, why: &str) -> Failure {
    let code = if written.form == Form::Pip {
        ErrorCode::Malformed
    } else {
        ErrorCode::Usage
    };
    Failure::new(code, format!("{}: what it says {why}", written.place))
        .hint("see `pip config debug` for the files that pip reads")
}

/// The values of a section, by their keys in pip's spelling, with the lines on which they begin.
/// As Python's `RawConfigParser`: a line that is indented goes on with the value before it.
fn entries(text: &str, section: &str) -> Vec<(String, String, usize)> {
    let mut found: Vec<(String, String, usize)> = Vec::new();
    let (mut inside, mut open) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && open {
            if let Some((_, value, _)) = found.last_mut().filter(|_| inside) {
                value.push('\n');
                value.push_str(trimmed);
            }
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[') {
            inside = header.split(']').next() == Some(section);
            open = false;
            continue;
        }
        open = true;
        let Some((key, value)) = trimmed.split_once(['=', ':']) else {
            continue;
        };
        if inside {
            // pip takes `index_url` and `--index-url` too.
            let key = key.trim().to_ascii_lowercase().replace('_', "-");
            let key = key.trim_start_matches("--").to_owned();
            found.push((key, value.trim().to_owned(), at + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::entries;

    /// The forms of Python's `configparser`.
    #[test]
    fn sections() {
        let text = "a = 0\n[install]\na = 1\n[global] ; all\n; no\nIndex_URL: https://h/a=b\n\
                    --extra-index-url =\n  one\n\n  # between\n\ttwo\nempty\nlast=3\n[other]\n more\n";
        let found = entries(text, "global");
        let found: Vec<(&str, &str, usize)> = found
            .iter()
            .map(|(key, value, line)| (key.as_str(), value.as_str(), *line))
            .collect();
        assert_eq!(
            found,
            [
                ("index-url", "https://h/a=b", 6),
                ("extra-index-url", "\none\ntwo", 7),
                ("last", "3", 13),
            ]
        );
    }
}
