//! Every target, by name.

pub mod bridges;
pub mod origin;
pub mod packages;
pub mod plain_text;
pub mod redactor;

use self::{packages as read, plain_text as text};
use crate::agent::frame;
use crate::index::pages;
use crate::provider::toml_files;

/// What is done with one input.
pub type Target = fn(&[u8]);

/// The targets, and what each reads.
pub const ALL: [(&str, Target, &str); 24] = [
    ("stream", frame::stream, "the bytes of a connection, as agent and client take messages"),
    ("call", frame::call, "a call to the agent"),
    ("reply", frame::reply, "a reply of the agent"),
    ("url", origin::url, "URLs, their origins and scopes"),
    ("service", origin::service, "what other tools call a place"),
    ("auth_toml", toml_files::auth_toml, "Poetry's `auth.toml`, read and changed"),
    ("settings", toml_files::settings, "the helper's `config.toml` and `trust.toml`"),
    ("netrc", text::netrc, "netrc, read and written"),
    ("pypirc", text::pypirc, "`.pypirc`"),
    ("files", text::files, "the files of 13 tools, searched and emptied by an import"),
    ("keyring", bridges::keyring, "the bridge of Python's keyring"),
    ("git", bridges::git, "the bridge of git"),
    ("docker", bridges::docker, "the bridge of docker"),
    ("cargo", bridges::cargo, "the bridge of cargo"),
    ("bazel", bridges::bazel, "the bridge of Bazel"),
    ("simple_html", pages::html, "a project's page as HTML"),
    ("simple_json", pages::json, "a project's page as JSON"),
    ("kept_page", pages::kept, "a page as the cache keeps it"),
    ("wheel", read::wheel, "the directory of a wheel, and its metadata"),
    ("sdist", read::sdist, "a source archive, and its metadata"),
    ("metadata", read::core_metadata, "core metadata"),
    ("requirement", read::requirement_text, "requirements, specifiers, markers, versions"),
    ("redactor", redactor::target, "the masks of `exec`"),
    ("interpreter", read::interpreter, "what an interpreter says of itself"),
];

/// The target of a name.
pub fn named(name: &str) -> Option<Target> {
    let found = ALL.iter().find(|(own, ..)| *own == name);
    found.map(|(_, target, _)| *target)
}
