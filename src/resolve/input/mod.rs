//! What is asked for: text in, requirements out.
//!
//! Reading files is behind [`Files`]; the rest is pure. What is read here was written by people and
//! by strangers: an error gives the file, the line or the key, and words of our own, never the text
//! itself, which may hold a URL with a password.

use std::collections::BTreeMap;

use credential_helper_protocol::Secret;
use url::Url;
use zeroize::Zeroizing;

use crate::package::{ExtraName, MarkerTree, PackageName, Requirement, VersionSpecifiers};

/// All that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The project itself, where one was read.
    pub project: Option<PackageName>,
    /// What has to be there.
    pub requirements: Vec<Wanted>,
    /// What holds only for packages that something else asks for.
    pub constraints: Vec<Requirement>,
    /// What replaces every other requirement on its name.
    pub overrides: Vec<Requirement>,
    /// Where each constraint and override stands, for messages.
    pub origins: BTreeMap<PackageName, String>,
    /// `requires-python` of the project.
    pub requires_python: Option<VersionSpecifiers>,
    /// The environments that a universal resolution is for; empty: all.
    pub environments: Vec<MarkerTree>,
    /// Where packages come from, as far as requirements files say.
    pub indexes: IndexOptions,
    /// Choices that a file makes for the command line.
    pub choices: Choices,
    /// The extras that were chosen.
    pub extras: Vec<ExtraName>,
    /// The groups that were chosen, by their normalised names.
    pub groups: Vec<String>,
    /// Secrets that stood in URLs, taken out of them.
    pub userinfo: Vec<Userinfo>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// One requirement, with what the language of PEP 508 has no words for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The requirement. A direct URL has no userinfo but the account of an `ssh` URL.
    pub requirement: Requirement,
    /// The source that it must come from (`source =` of Poetry, `index =` of `[tool.uv.sources]`).
    pub source: Option<String>,
    /// Where it stands: a file and line, or a key.
    pub from: String,
    /// Whether the first party asks for it; those of a dependency of the project's path are not.
    pub direct: bool,
    /// Whether pre-releases are allowed for it (`allow-prereleases` of Poetry).
    pub prereleases: bool,
    /// `--hash` of a requirements file: `sha256:...`, one of which a file must have.
    pub hashes: Vec<String>,
}

/// The index options that stood in requirements files.
#[derive(Clone, Debug, Default)]
pub struct IndexOptions {
    /// `--index-url`; the last one holds.
    pub index_url: Option<Place>,
    /// `--extra-index-url`, in their order.
    pub extra_index_urls: Vec<Place>,
    /// `--find-links`, in their order.
    pub find_links: Vec<Place>,
    /// `--no-index`.
    pub no_index: bool,
}

/// A URL or path as it was written, which may have a password in it.
#[derive(Clone)]
pub struct Place {
    /// What was written; a relative path has the folder of its file before it.
    pub text: Zeroizing<String>,
    /// Where it stands: a file and line.
    pub from: String,
}

/// Choices that a file makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// `--pre`, or `prerelease` of `[tool.uv]`, in uv's words.
    pub prerelease: Option<String>,
    /// `resolution` of `[tool.uv]`, in uv's words.
    pub resolution: Option<String>,
    /// `exclude-newer` of `[tool.uv]`, as it was written.
    pub exclude_newer: Option<String>,
    /// `--require-hashes`.
    pub require_hashes: bool,
}

/// An account and password that stood in a URL.
#[derive(Clone, Debug)]
pub struct Userinfo {
    /// The URL without them.
    pub url: Url,
    /// The account.
    pub username: String,
    /// The password, where there was one.
    pub secret: Option<Secret>,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
