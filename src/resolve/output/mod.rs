//! What is written of a resolution. Pure: the same resolution is the same text, byte for byte.
//!
//! No form holds a credential: URLs of sources and files are the canonical ones, and their userinfo
//! was taken out at the door; what a direct URL still has is taken out here.

use url::Url;

use crate::index::project::{File, Hashes};
use crate::index::source::Canonical;
use crate::package::MarkerTree;
use crate::resolve::solve::Resolved;

pub mod json;
pub mod pylock;
pub mod requirements;

/// The marker in words; none where it always holds.
fn marker(marker: &MarkerTree) -> Option<String> {
    marker.try_to_string()
}

/// The URL without userinfo. An account alone is a part of how ssh finds the server.
fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_password(None);
    if !url.scheme().contains("ssh") {
        let _ = url.set_username("");
    }
    url
}

/// Where the source itself has a file; `None` where a mirror has it and that cannot be told.
fn place(canonical: &Canonical, package: &Resolved, file: &File) -> Option<Url> {
    match package.index() {
        Some(index) => canonical.file(index, &file.url, &package.name, &file.filename, &file.name),
        None => Some(file.url.clone()),
    }
}

/// The digest that a file is checked by: the first of these that it has.
fn digest(hashes: &Hashes) -> Option<(&str, &str)> {
    let known = ["sha256", "sha512", "sha384"];
    known
        .iter()
        .find_map(|name| Some((*name, hashes.get(*name)?.as_str())))
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
