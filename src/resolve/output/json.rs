//! A resolution as one JSON object.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::{bare, marker, place};
use crate::index::source::Canonical;
use crate::resolve::solve::{Edge, Resolution};

/// The object.
#[derive(Serialize)]
pub struct Answer<'a> {
    packages: Vec<Package<'a>>,
    rule: &'static str,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    version: String,
    /// The source's name; its canonical URL where it has none.
    source: Option<&'a str>,
    index: Option<String>,
    url: Option<String>,
    marker: Option<String>,
    extras: Vec<&'a str>,
    requires: Vec<String>,
    requires_python: Option<String>,
    yanked: Option<&'a str>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    /// Unknown where a mirror has it, and where the index has it cannot be told.
    url: Option<String>,
    hashes: &'a BTreeMap<String, String>,
    size: Option<u64>,
    uploaded: Option<String>,
}

/// The object of a resolution.
pub fn answer<'a>(resolution: &'a Resolution, canonical: &Canonical) -> Answer<'a> {
    let text = |url: &Url| bare(url).to_string();
    let packages = resolution.packages.iter().map(|package| Package {
        name: package.name.as_ref(),
        version: package.version.to_string(),
        source: package.source().map(AsRef::as_ref),
        index: package.index().map(text),
        url: package.direct().map(text),
        marker: marker(&package.marker),
        extras: package.extras.iter().map(AsRef::as_ref).collect(),
        requires: package.requires.iter().map(edge).collect(),
        requires_python: package.requires_python.as_ref().map(ToString::to_string),
        yanked: package.yanked.as_deref(),
        files: package
            .files()
            .map(|file| File {
                filename: &file.filename,
                url: place(canonical, package, file).as_ref().map(text),
                hashes: &file.hashes,
                size: file.size,
                uploaded: file.uploaded.map(|time| time.to_string()),
            })
            .collect(),
    });
    Answer {
        packages: packages.collect(),
        rule: resolution.rule.words(),
        warnings: &resolution.warnings,
    }
}

/// What a package needs, as a requirement of exactly what was chosen.
fn edge(edge: &Edge) -> String {
    let mut text = edge.name.to_string();
    if !edge.extras.is_empty() {
        let extras: Vec<&str> = edge.extras.iter().map(AsRef::as_ref).collect();
        text.extend(["[", &extras.join(","), "]"]);
    }
    text.extend(["==", &edge.version.to_string()]);
    if let Some(marker) = marker(&edge.marker) {
        text.extend([" ; ", &marker]);
    }
    text
}
