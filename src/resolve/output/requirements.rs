//! Requirements with exact versions, as pip reads them and `uv pip compile` writes them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use url::Url;

use super::{bare, digest, marker};
use crate::domain::text::shown;
use crate::resolve::solve::{Asker, Origin, Resolution, Resolved};

/// What stands beside the versions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style<'a> {
    /// The command that makes the file again, for its first lines.
    pub command: Option<&'a str>,
    /// The digests of the files.
    pub hashes: bool,
    /// Who required what.
    pub annotate: bool,
    /// Which source each package comes from.
    pub index: bool,
    /// The sources as options of pip: option and URL.
    pub sources: &'a [(&'a str, Url)],
}

/// The text of the file, which ends with a line end unless it is empty.
pub fn text(resolution: &Resolution, style: &Style<'_>) -> String {
    let mut text = String::new();
    if let Some(command) = style.command {
        let _ = writeln!(
            text,
            "# This file was made by the following command:\n#    {command}"
        );
    }
    for (option, url) in style.sources {
        let _ = writeln!(text, "{option} {}", bare(url));
    }
    if !style.sources.is_empty() {
        text.push('\n');
    }
    for package in &resolution.packages {
        line(&mut text, package, style);
    }
    text
}

/// A package and what stands below it.
fn line(text: &mut String, package: &Resolved, style: &Style<'_>) {
    let _ = match &package.origin {
        Origin::Direct(url) => write!(text, "{} @ {}", package.name, bare(url)),
        Origin::Index(_) => write!(text, "{}=={}", package.name, package.version),
    };
    if let Some(marker) = marker(&package.marker) {
        // Behind a URL the semicolon needs its space (PEP 508).
        let _ = write!(text, " ; {marker}");
    }
    if style.hashes {
        for hash in hashes(package) {
            let _ = write!(text, " \\\n    --hash={hash}");
        }
    }
    text.push('\n');
    if style.annotate {
        let askers: BTreeSet<(bool, String)> = package.from.iter().map(asker).collect();
        let mut askers = askers.into_iter().map(|(_, asker)| asker);
        if askers.len() == 1 {
            let _ = writeln!(text, "    # via {}", askers.next().unwrap_or_default());
        } else if askers.len() > 1 {
            text.push_str("    # via\n");
            for one in askers {
                let _ = writeln!(text, "    #   {one}");
            }
        }
    }
    if style.index
        && let Some(index) = package.index()
    {
        let _ = writeln!(text, "    # from {}", bare(index));
    }
}

/// Who asks, and whether it is a package.
fn asker(asker: &Asker) -> (bool, String) {
    match asker {
        Asker::Package(name) => (true, name.to_string()),
        Asker::Input(place) => (false, shown(&without_line(place))),
    }
}

/// A place without what changes with every line above it: `FILE:3` is `-r FILE`, and
/// `FILE line 3: KEY[0]` is `FILE: KEY`.
fn without_line(place: &str) -> String {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((file, line)) = place.rsplit_once(':')
        && number(line)
    {
        return format!("-r {file}");
    }
    if let Some((file, rest)) = place.split_once(" line ")
        && let Some((line, key)) = rest.split_once(": ")
        && number(line)
    {
        let key = match key.rsplit_once('[') {
            Some((list, at)) if at.strip_suffix(']').is_some_and(number) => list,
            _ => key,
        };
        return format!("{file}: {key}");
    }
    place.to_owned()
}

/// The digests of all files of a version, as pip takes them.
fn hashes(package: &Resolved) -> BTreeSet<String> {
    let files = package.files();
    files
        .filter_map(|file| digest(&file.hashes))
        .map(|(algorithm, value)| format!("{algorithm}:{value}"))
        .collect()
}

/// The packages of which no file has a digest that pip takes: with the digests of the others, pip
/// refuses these.
pub fn without_hashes(resolution: &Resolution) -> Vec<&Resolved> {
    let packages = resolution.packages.iter();
    packages
        .filter(|package| hashes(package).is_empty())
        .collect()
}
