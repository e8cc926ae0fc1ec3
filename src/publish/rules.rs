//! What PyPI would refuse after the bytes have been sent, told before (warehouse, `forklift`).
//!
//! Other repositories take most of this: there it is told, and stops nothing.

use super::classifiers::{self, is_private};
use super::distribution::{Contents, Distribution};
use super::filename::Kind;
use super::metadata::Metadata;
use super::values;
use crate::package::Version;
use std::str::FromStr as _;

/// Something about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was seen.
    pub message: String,
    /// Whether PyPI refuses the file for it.
    pub refused: bool,
}

/// Below this, nothing is said about ratios.
const SMALL: u64 = 64 * 1024 * 1024;
const RATIO: u64 = 50;
const SUMMARY: usize = 512;
const LABEL: usize = 32;
const RENDERED: [&str; 3] = ["text/plain", "text/x-rst", "text/markdown"];

/// Everything that PyPI would refuse, and what it would leave out.
pub(super) fn findings(one: &Distribution, contents: &Contents) -> Vec<Finding> {
    let mut found = Vec::new();
    fields(one, &mut found);
    values::findings(&one.metadata, &mut found);
    links(one, &mut found);
    licences(one, contents, &mut found);
    archive(one, contents, &mut found);
    let mut findings: Vec<Finding> = found
        .into_iter()
        .map(|message| Finding {
            message,
            refused: true,
        })
        .collect();
    findings.extend(one.metadata.doubts.iter().map(|doubt| Finding {
        message: doubt.clone(),
        refused: !doubt.contains("unknown field"),
    }));
    classifiers::findings(&one.metadata, &mut findings);
    findings
}

fn fields(one: &Distribution, found: &mut Vec<String>) {
    let metadata = &one.metadata;
    if one.version.is_local() {
        found.push(format!("its version {} has a local part", one.version));
    }
    let summary = metadata.one("summary").unwrap_or_default();
    if summary.chars().count() > SUMMARY {
        found.push(format!("its summary is longer than {SUMMARY} characters"));
    }
    if summary.contains('\n') {
        found.push("its summary has more than one line".to_owned());
    }
    let (kind, mime) = kind_of(metadata);
    if !kind.is_empty() && !RENDERED.contains(&mime.as_str()) {
        found.push(format!(
            "its description is of the type {kind}, which is not rendered"
        ));
    }
    let charset = kind.to_ascii_lowercase();
    if let Some((_, charset)) = charset.split_once("charset=")
        && !charset.trim_matches(['"', ' ']).starts_with("utf-8")
    {
        found.push("its description is not in UTF-8".to_owned());
    }
    for needed in metadata.all("requires_dist") {
        let requirement = needed.split(';').next().unwrap_or_default();
        if requirement.contains('@') {
            found.push(format!("it requires something by its URL: {requirement}"));
        }
    }
    for classifier in metadata.all("classifiers") {
        if is_private(classifier) {
            found.push(format!(
                "its classifier \"{classifier}\" says that it is not to be published"
            ));
        }
    }
    if let Some(python) = metadata.one("requires_python")
        && !is_specifiers(python)
    {
        found.push(format!(
            "its Requires-Python \"{python}\" is no set of versions (PEP 440)"
        ));
    }
}

/// The type of the description, as written and without its parameters.
pub(super) fn kind_of(metadata: &Metadata) -> (&str, String) {
    let kind = metadata.one("description_content_type").unwrap_or_default();
    let mime = kind.split(';').next().unwrap_or_default();
    (kind, mime.trim().to_ascii_lowercase())
}

fn links(one: &Distribution, found: &mut Vec<String>) {
    let is_link = |url: &str| {
        url::Url::parse(url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    for field in ["home_page", "download_url"] {
        // A value that old tools wrote where there was none.
        let value = one
            .metadata
            .one(field)
            .filter(|value| !value.is_empty() && *value != "UNKNOWN");
        if let Some(value) = value
            && !is_link(value)
        {
            found.push(format!("its {field} is no http(s) URL: {value}"));
        }
    }
    for pair in one.metadata.all("project_urls") {
        let (label, url) = pair.split_once(", ").unwrap_or((pair, ""));
        if label.is_empty() || label.chars().count() > LABEL {
            found.push(format!(
                "the label of a project URL is empty or longer than {LABEL} characters: {pair}"
            ));
        }
        if !is_link(url) {
            found.push(format!("a project URL is no http(s) URL: {pair}"));
        }
    }
}

fn licences(one: &Distribution, contents: &Contents, found: &mut Vec<String>) {
    let metadata = &one.metadata;
    if metadata.one("license").is_some() && metadata.one("license_expression").is_some() {
        found.push("it has License and License-Expression, of which only one may be".to_owned());
    }
    let below = match one.name.kind {
        Kind::Wheel => format!("{}/licenses", contents.folder),
        Kind::Sdist => contents.folder.clone(),
    };
    for file in metadata.all("license_file") {
        let path = format!("{below}/{file}");
        if !contents.files.contains(&path) {
            found.push(format!("its License-File {file} is not in it ({path})"));
        }
    }
}

fn archive(one: &Distribution, contents: &Contents, found: &mut Vec<String>) {
    let project = one.metadata.one("name").unwrap_or_default();
    if !one.name.is_normal(project, &one.version) {
        let normal = one.project.replace('-', "_");
        let wanted = match one.name.kind {
            Kind::Wheel => format!("{normal}-..."),
            Kind::Sdist => format!("{normal}-{}.tar.gz", one.version),
        };
        found.push(format!("its name is not in normal form: {wanted}"));
    }
    for framing in &contents.framing {
        found.push(format!("its archive has {framing}"));
    }
    if contents.unpacked > SMALL && contents.unpacked / RATIO > one.digests.size {
        found.push(format!("it unpacks to more than {RATIO} times its size"));
    }
    match one.name.kind {
        Kind::Wheel => {
            for needed in ["RECORD", "WHEEL"] {
                if !contents
                    .files
                    .contains(&format!("{}/{needed}", contents.folder))
                {
                    found.push(format!("it has no {needed}"));
                }
            }
            let platforms = one.name.platform.as_deref().unwrap_or_default();
            for tag in platforms.split('.').filter(|tag| !is_platform(tag)) {
                found.push(format!("its platform tag {tag} is not taken"));
            }
        }
        Kind::Sdist => {
            let inside = format!("{}/", contents.folder);
            if let Some(stray) = contents
                .files
                .iter()
                .find(|file| !file.starts_with(&inside))
            {
                found.push(format!("not everything in it is in one folder: {stray}"));
            }
        }
    }
}

/// Platforms whose wheels run on more than the machine that built them, and Linux on old ARM.
fn is_platform(tag: &str) -> bool {
    let exact = [
        "any",
        "win32",
        "win_amd64",
        "win_arm64",
        "win_ia64",
        "linux_armv6l",
        "linux_armv7l",
    ];
    let systems = [
        "manylinux1_",
        "manylinux2010_",
        "manylinux2014_",
        "manylinux_",
        "musllinux_",
        "macosx_",
        "ios_",
        "android_",
        "pyemscripten_",
        "pyodide_",
    ];
    exact.contains(&tag) || systems.iter().any(|system| tag.starts_with(system))
}

/// Versions behind operators, with commas between.
fn is_specifiers(text: &str) -> bool {
    text.trim().is_empty()
        || text.trim_end_matches([',', ' ']).split(',').all(|part| {
            let part = part.trim();
            let operators = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
            let Some(operator) = operators
                .iter()
                .find(|operator| part.starts_with(*operator))
            else {
                return false;
            };
            let version = part[operator.len()..].trim();
            let bare = match *operator {
                "===" => return !version.is_empty(),
                "==" | "!=" => version.strip_suffix(".*").unwrap_or(version),
                _ => version,
            };
            Version::from_str(bare)
                .is_ok_and(|version| *operator != "~=" || version.release().len() > 1)
        })
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
