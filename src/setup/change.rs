//! One change, as data.

use std::path::PathBuf;

use credential_helper_protocol::Failure;
use serde::{Deserialize, Serialize};

use super::text::{Put, Take, ini, json, lines, toml};

/// Something that has to be so for a tool to use the helper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// A file holds something.
    File {
        /// The file.
        path: PathBuf,
        /// What it holds.
        edit: Edit,
        /// Whether nobody else may read the file.
        private: bool,
    },
    /// A link leads to the helper.
    Link {
        /// The link.
        path: PathBuf,
        /// The helper.
        target: PathBuf,
    },
    /// git's global configuration names a credential helper.
    Git {
        /// The value of `credential.helper`.
        helper: String,
    },
    /// A Python environment has the backend of keyring.
    Package {
        /// The interpreter, for people.
        python: PathBuf,
        /// Its folder of pure modules.
        folder: PathBuf,
    },
}

/// What a file has to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Edit {
    /// A key in a section, as Python's `configparser` reads it.
    Ini {
        /// The section.
        section: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A string in a TOML table.
    Toml {
        /// The way to the table.
        table: Vec<String>,
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// An element of a TOML list.
    Element {
        /// The way to the table.
        table: Vec<String>,
        /// The key of the list.
        key: String,
        /// The element.
        value: String,
        /// What a new list begins with.
        first: Vec<String>,
    },
    /// A string in that table of a list of tables which has a certain `url`.
    Index {
        /// The way to the list.
        list: Vec<String>,
        /// The index.
        url: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A string in a JSON object, or in an object in it.
    Json {
        /// The key of the inner object.
        object: Option<String>,
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A line.
    Line {
        /// The line.
        line: String,
        /// What another line for the same thing would hold.
        rival: String,
    },
    /// A line in the marked block of a shell's start file.
    Block {
        /// The line.
        line: String,
    },
}

impl Edit {
    /// What of it is not in the text yet.
    ///
    /// # Errors
    /// `malformed` for a text that is not in the edit's form.
    pub fn put(&self, text: &str) -> Result<Put, Failure> {
        match self {
            Self::Ini {
                section,
                key,
                value,
            } => ini::put(text, section, key, value),
            Self::Toml { table, key, value } => toml::put(text, table, key, value),
            Self::Element {
                table,
                key,
                value,
                first,
            } => toml::put_element(text, table, key, value, first),
            Self::Index {
                list,
                url,
                key,
                value,
            } => toml::put_in_index(text, list, url, key, value),
            Self::Json { object, key, value } => json::put(text, object.as_deref(), key, value),
            Self::Line { line, rival } => Ok(lines::put(text, line, rival)),
            Self::Block { line } => Ok(lines::put_in_block(text, line)),
        }
    }

    /// The text without it.
    ///
    /// # Errors
    /// As [`Edit::put`].
    pub fn take(&self, text: &str, made: &Made) -> Result<Take, Failure> {
        match self {
            Self::Ini {
                section,
                key,
                value,
            } => ini::take(text, section, key, value, made),
            Self::Toml { table, key, value } => toml::take(text, table, key, value, made),
            Self::Element {
                table,
                key,
                value,
                first,
            } => toml::take_element(text, table, key, value, first, made),
            Self::Index {
                list,
                url,
                key,
                value,
            } => toml::take_from_index(text, list, url, key, value),
            Self::Json { object, key, value } => {
                json::take(text, object.as_deref(), key, value, made)
            }
            Self::Line { line, .. } => Ok(lines::take(text, line)),
            Self::Block { line } => Ok(lines::take_from_block(text, line)),
        }
    }

    /// The lines that it adds, for people.
    pub fn lines(&self) -> Vec<String> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Ini {
                section,
                key,
                value,
            } => vec![format!("[{section}]"), format!("{key} = {value}")],
            Self::Toml { table, key, value } => {
                let mut lines = header(table);
                lines.push(format!("{key} = {}", quoted(value)));
                lines
            }
            Self::Element {
                table,
                key,
                value,
                first,
            } => {
                let mut lines = header(table);
                let all = first.iter().chain([value]).map(|one| quoted(one));
                let all: Vec<String> = all.collect();
                lines.push(format!("{key} = [{}]", all.join(", ")));
                lines
            }
            Self::Index {
                list,
                url,
                key,
                value,
            } => vec![
                format!("[[{}]]  # {url}", list.join(".")),
                format!("{key} = {}", quoted(value)),
            ],
            Self::Json { object, key, value } => {
                let member = format!("{}: {}", quoted(key), quoted(value));
                vec![match object {
                    Some(object) => format!("{}: {{{member}}}", quoted(object)),
                    None => member,
                }]
            }
            Self::Line { line, .. } | Self::Block { line } => vec![line.clone()],
        }
    }
}

fn header(table: &[String]) -> Vec<String> {
    if table.is_empty() {
        Vec::new()
    } else {
        vec![format!("[{}]", table.join("."))]
    }
}

/// What was made around a change, and goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that was made or not"
)]
pub struct Made {
    /// The file itself.
    pub file: bool,
    /// So many folders above it.
    pub folders: usize,
    /// The section, table or object.
    pub section: bool,
    /// The list.
    pub list: bool,
    /// The end of the last line.
    pub line_end: bool,
}

impl Change {
    /// Its kind, as a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Link { .. } => "link",
            Self::Git { .. } => "command",
            Self::Package { .. } => "package",
        }
    }

    /// The file, folder or command that it changes.
    pub fn place(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } => path.display().to_string(),
            Self::Git { .. } => "git config --global".to_owned(),
            Self::Package { folder, .. } => folder.display().to_string(),
        }
    }

    /// What it adds, for people, one line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::File { edit, .. } => edit.lines(),
            Self::Link { target, .. } => vec![format!("-> {}", target.display())],
            Self::Git { helper } => vec![format!("credential.helper = {helper}")],
            Self::Package { python, .. } => vec![format!(
                "credential_helper {}, the backend of keyring, for {}",
                super::backend::VERSION,
                python.display()
            )],
        }
    }

    /// Whether it is about this host or repository alone.
    pub fn is_about(&self, name: &str) -> bool {
        let Self::File { edit, .. } = self else {
            return false;
        };
        match edit {
            Edit::Json { key, .. } => key == name,
            Edit::Element { value, .. } => value == name,
            Edit::Line { rival, .. } => rival.contains(&format!("={name}=")),
            _ => false,
        }
    }

    /// Whether one takes the place of the other.
    pub fn replaces(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Link { path, .. }, Self::Link { path: other, .. }) => path == other,
            (Self::Package { folder, .. }, Self::Package { folder: other, .. }) => folder == other,
            _ => self == other,
        }
    }
}
