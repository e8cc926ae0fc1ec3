//! `pylock.toml` (PEP 751), with its keys in the order that the specification asks for.
//!
//! It is written as text: what is in it is ours, and the order and the line breaks are part of it.

use std::fmt::Write as _;

use credential_helper_protocol::{ErrorCode, Failure};
use url::Url;

use super::{bare, marker, place};
use crate::domain::text::shown;
use crate::index::project::{File, Hashes};
use crate::index::source::Canonical;
use crate::package::filename::Filename;
use crate::package::{MarkerTree, VersionSpecifiers};
use crate::resolve::solve::{Origin, Resolution, Resolved};

/// What the file says besides its packages.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The sources in place of their mirrors.
    pub canonical: &'a Canonical,
    /// The command that makes the file again.
    pub command: Option<&'a str>,
    /// The environments that it is for, where these were given.
    pub environments: &'a [MarkerTree],
    /// The Pythons that it is for.
    pub requires_python: Option<&'a VersionSpecifiers>,
}

/// The text of the file, and what was left out of it, in words for a person.
///
/// # Errors
/// Where the source of a package gives no digest of any of its files: the format needs one.
pub fn text(resolution: &Resolution, head: &Head<'_>) -> Result<(String, Vec<String>), Failure> {
    let mut text = String::new();
    let mut left_out = Vec::new();
    if let Some(command) = head.command {
        let _ = writeln!(
            text,
            "# This file was made by the following command:\n#    {command}"
        );
    }
    text.push_str("lock-version = \"1.0\"\n");
    let environments = head.environments.iter();
    let environments: Vec<String> = environments
        .filter_map(marker)
        .map(|one| quoted(&one))
        .collect();
    if !environments.is_empty() {
        let _ = writeln!(
            text,
            "environments = [\n    {},\n]",
            environments.join(",\n    ")
        );
    }
    if let Some(range) = head.requires_python {
        let _ = writeln!(text, "requires-python = {}", quoted(&range.to_string()));
    }
    text.push_str("created-by = \"credential-helper\"\n");
    for package in &resolution.packages {
        package_text(&mut text, package, head.canonical, &mut left_out)?;
    }
    Ok((text, left_out))
}

fn package_text(
    text: &mut String,
    package: &Resolved,
    canonical: &Canonical,
    left_out: &mut Vec<String>,
) -> Result<(), Failure> {
    let _ = writeln!(
        text,
        "\n[[packages]]\nname = {}",
        quoted(package.name.as_ref())
    );
    // A tree of sources may say another version the next time it is built (PEP 751).
    let kind = package.direct().map(Kind::of);
    if !matches!(kind, Some(Kind::Git | Kind::Folder)) {
        let _ = writeln!(text, "version = {}", quoted(&package.version.to_string()));
    }
    if let Some(marker) = marker(&package.marker) {
        let _ = writeln!(text, "marker = {}", quoted(&marker));
    }
    if let Some(range) = &package.requires_python {
        let _ = writeln!(text, "requires-python = {}", quoted(&range.to_string()));
    }
    let listing = match &package.origin {
        Origin::Index(listing) => listing,
        Origin::Direct(url) => return direct(text, package, url),
    };
    let source = shown(&listing.source);
    let _ = writeln!(text, "index = {}", quoted(bare(&listing.index).as_str()));
    let (mut wheels, mut sdists) = (Vec::new(), Vec::new());
    let mut digests = false;
    for file in package.files() {
        let what = if file.hashes.is_empty() {
            "has no digest"
        } else if let Some(url) = place(canonical, package, file) {
            match file.name {
                Filename::Wheel(_) => wheels.push((file, url)),
                Filename::Sdist(_) => sdists.push((file, url)),
            }
            continue;
        } else {
            digests = true;
            "is at a mirror, and where the source has it cannot be told,"
        };
        let file = shown(&file.filename);
        left_out.push(format!("{file} of {source} {what} and is left out"));
    }
    if wheels.is_empty() && sdists.is_empty() {
        let what = if digests { "place" } else { "digest" };
        let message = format!(
            "the {what} of no file of {} {} of {source} is known, and pylock.toml needs it",
            package.name, package.version
        );
        let hint = "write requirements in place of it (--format requirements)";
        return Err(Failure::new(ErrorCode::Unavailable, message).hint(hint));
    }
    if let Some((sdist, url)) = sdists.iter().min_by_key(|(file, _)| rank(file)) {
        let _ = writeln!(text, "sdist = {}", table(sdist, url));
    }
    if !wheels.is_empty() {
        text.push_str("wheels = [\n");
        for (wheel, url) in wheels {
            let _ = writeln!(text, "    {},", table(wheel, &url));
        }
        text.push_str("]\n");
    }
    Ok(())
}

/// The format has room for one sdist: `.tar.gz` is the one that PEP 625 allows.
fn rank(file: &File) -> usize {
    let known = [".tar.gz", ".zip"];
    known
        .iter()
        .position(|end| file.filename.ends_with(end))
        .unwrap_or(known.len())
}

/// A file as a table in a line.
fn table(file: &File, url: &Url) -> String {
    let mut fields = Vec::new();
    if last_segment(url).as_deref() != Some(&file.filename) {
        fields.push(format!("name = {}", quoted(&file.filename)));
    }
    if let Some(time) = file.uploaded {
        fields.push(format!("upload-time = {time}"));
    }
    fields.push(target(url));
    if let Some(size) = file.size {
        fields.push(format!("size = {size}"));
    }
    fields.push(format!("hashes = {}", hashes(&file.hashes)));
    format!("{{ {} }}", fields.join(", "))
}

/// `url = ...`, or `path = ...` for a file of this machine.
fn target(url: &Url) -> String {
    match url.to_file_path() {
        Ok(path) if url.scheme() == "file" => {
            format!("path = {}", quoted(&path.to_string_lossy()))
        }
        _ => format!("url = {}", quoted(bare(url).as_str())),
    }
}

fn hashes(hashes: &Hashes) -> String {
    let pairs: Vec<String> = hashes
        .iter()
        .map(|(name, value)| format!("{} = {}", key(name), quoted(value)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// What a direct URL leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Git,
    Folder,
    Archive,
}

impl Kind {
    fn of(url: &Url) -> Self {
        let name = last_segment(url).unwrap_or_default();
        let archive = [".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2"];
        if url.scheme().starts_with("git+") {
            Self::Git
        } else if url.scheme() == "file" && !archive.iter().any(|end| name.ends_with(end)) {
            Self::Folder
        } else {
            Self::Archive
        }
    }
}

fn direct(text: &mut String, package: &Resolved, url: &Url) -> Result<(), Failure> {
    let fragment = url.fragment().unwrap_or_default();
    let part = |key: &str| {
        let mut parts = fragment.split('&').filter_map(|part| part.split_once('='));
        parts.find_map(|(own, value)| (own == key).then_some(value))
    };
    let mut plain = bare(url);
    plain.set_fragment(None);
    let mut fields = Vec::new();
    let kind = match Kind::of(url) {
        Kind::Git => {
            let text = plain.as_str().trim_start_matches("git+");
            // The account of an ssh URL has an `@` too: the revision stands behind the path's.
            let path = text.find("://").map_or(0, |at| at + 3);
            let slash = text[path..].find('/').map_or(text.len(), |at| path + at);
            let (place, revision) = match text[slash..].rfind('@') {
                Some(at) => (&text[..slash + at], &text[slash + at + 1..]),
                None => (text, ""),
            };
            if revision.len() < 40 || !revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = format!(
                    "the commit of {} is not known, and pylock.toml needs it",
                    package.name
                );
                let hint = "require it at a commit (`...@` and its 40 digits)";
                return Err(Failure::new(ErrorCode::Unavailable, message).hint(hint));
            }
            fields.push("type = \"git\"".to_owned());
            fields.push(format!("url = {}", quoted(place)));
            fields.push(format!("commit-id = {}", quoted(revision)));
            "vcs"
        }
        Kind::Folder => {
            let path = url.to_file_path().unwrap_or_default();
            fields.push(format!("path = {}", quoted(&path.to_string_lossy())));
            "directory"
        }
        Kind::Archive => {
            fields.push(target(&plain));
            let known = ["sha256", "sha384", "sha512"];
            let of_url = known
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), part(name)?.to_lowercase())));
            let all: Hashes = of_url.collect();
            if all.is_empty() {
                let message = format!(
                    "no digest of the archive of {} is known, and pylock.toml needs one",
                    package.name
                );
                let hint = "write it behind the URL (`#sha256=...`)";
                return Err(Failure::new(ErrorCode::Unavailable, message).hint(hint));
            }
            fields.push(format!("hashes = {}", hashes(&all)));
            "archive"
        }
    };
    if let Some(folder) = part("subdirectory") {
        fields.push(format!("subdirectory = {}", quoted(folder)));
    }
    let _ = writeln!(text, "{kind} = {{ {} }}", fields.join(", "));
    Ok(())
}

/// The last segment of the path, without its escapes.
fn last_segment(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let mut bytes = Vec::with_capacity(last.len());
    let mut rest = last.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'%').then(|| behind.get(..2)).flatten();
        let byte = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = &behind[if byte.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).ok()
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// A key of TOML.
fn key(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        quoted(text)
    }
}
