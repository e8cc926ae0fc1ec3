//! Direct references: URLs and paths in place of versions.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr as _;

use credential_helper_protocol::Secret;
use pep508_rs::{ExtraName, MarkerTree, PackageName, VerbatimUrl, VersionOrUrl};
use url::Url;

use super::{Around, Userinfo};
use crate::package::Requirement;
use crate::package::document::Document;

/// The ending of a wheel.
const WHEEL: &str = ".whl";
/// Endings of files that hold a distribution.
const ARCHIVES: [&str; 7] = [
    WHEEL, ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar",
];

/// Where a direct reference leads.
pub(super) struct Direct {
    /// The URL, without userinfo but the account of an `ssh` URL.
    pub(super) url: Url,
    /// The userinfo that was taken out.
    pub(super) userinfo: Option<Userinfo>,
}

/// Reads a URL or a path.
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn read(text: &str, folder: &Path) -> Result<Direct, String> {
    if is_url(text) {
        let url = Url::parse(text).map_err(|_| "its URL cannot be read".to_owned())?;
        return without_userinfo(url);
    }
    if let Some(path) = text.strip_prefix("file:") {
        return of_path(path, folder);
    }
    of_path(text, folder)
}

/// Whether this is a URL with a place in it, not a path.
pub(super) fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let part = |char: char| char.is_ascii_alphanumeric() || "+-.".contains(char);
        !scheme.is_empty() && scheme.chars().all(part)
    })
}

/// A path as a URL, with the fragment that stood behind it.
pub(super) fn of_path(path: &str, folder: &Path) -> Result<Direct, String> {
    let (path, fragment) = match path.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (path, None),
    };
    let whole = normal(&folder.join(path));
    let mut url = Url::from_file_path(whole).map_err(|()| "its path cannot be a URL".to_owned())?;
    url.set_fragment(fragment);
    Ok(Direct {
        url,
        userinfo: None,
    })
}

/// Takes the userinfo out; the account of an `ssh` URL is part of the address.
pub(super) fn without_userinfo(mut url: Url) -> Result<Direct, String> {
    let username = decoded(url.username())?;
    let secret = url.password().map(decoded).transpose()?.map(Secret::new);
    let ssh = url.scheme().ends_with("ssh");
    if secret.is_none() && (ssh || username.is_empty()) {
        return Ok(Direct {
            url,
            userinfo: None,
        });
    }
    let fail = |()| "its URL has an account at a place where there can be none".to_owned();
    url.set_password(None).map_err(fail)?;
    if !ssh {
        url.set_username("").map_err(fail)?;
    }
    let userinfo = Userinfo {
        url: url.clone(),
        username,
        secret,
    };
    Ok(Direct {
        url,
        userinfo: Some(userinfo),
    })
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%'
            && let [high, low, tail @ ..] = tail
            && let (Some(high), Some(low)) = (
                char::from(*high).to_digit(16),
                char::from(*low).to_digit(16),
            )
        {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| "its URL has an account that is no text".to_owned())
}

/// A path without `.` and `..`, without looking at the disk.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

/// A requirement on what a URL leads to.
pub(super) fn requirement(
    name: PackageName,
    extras: Vec<ExtraName>,
    url: Url,
    marker: MarkerTree,
) -> Requirement {
    Requirement {
        name,
        extras,
        version_or_url: Some(VersionOrUrl::Url(VerbatimUrl::from_url(url))),
        marker,
        origin: None,
    }
}

/// The name of what a URL leads to: from its fragment, its last segment, or the project there.
///
/// # Errors
/// What to write where it cannot be told.
pub(super) fn name(
    url: &Url,
    around: &Around<'_>,
) -> Result<(PackageName, Vec<ExtraName>), String> {
    let fragment = url.fragment().unwrap_or_default();
    if let Some(egg) = fragment
        .split('&')
        .find_map(|part| part.strip_prefix("egg="))
    {
        let (name, extras) = with_extras(egg)?;
        let name = PackageName::from_str(name).map_err(|_| "its `egg` is no name".to_owned())?;
        return Ok((name, extras));
    }
    let file = url
        .path_segments()
        .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()))
        .unwrap_or_default();
    let stem = ARCHIVES
        .iter()
        .find_map(|end| Some((*end, file.strip_suffix(end)?)));
    if let Some((end, stem)) = stem {
        let name = if end == WHEEL {
            stem.split('-').next()
        } else {
            stem.rsplit_once('-').map(|(name, _)| name)
        };
        if let Some(name) = name.and_then(|name| PackageName::from_str(name).ok()) {
            return Ok((name, Vec::new()));
        }
    } else if url.scheme() == "file"
        && let Ok(folder) = url.to_file_path()
        && let Some(name) = of_project(&folder, around)
    {
        return Ok((name, Vec::new()));
    }
    Err("its name cannot be told; write `NAME @ URL`".to_owned())
}

/// Splits `[a,b]` off the end.
pub(super) fn with_extras(text: &str) -> Result<(&str, Vec<ExtraName>), String> {
    let Some((stem, extras)) = text
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once('['))
    else {
        return Ok((text, Vec::new()));
    };
    let extras: Result<Vec<ExtraName>, _> = extras
        .split(',')
        .map(|extra| ExtraName::from_str(extra.trim()))
        .collect();
    let extras = extras.map_err(|_| "one of its extras is no name".to_owned())?;
    Ok((stem.trim_end(), extras))
}

/// Whether this names a file or folder, not a package.
pub(super) fn is_path(text: &str) -> bool {
    let (text, _) = with_extras(text).unwrap_or((text, Vec::new()));
    text.starts_with('.')
        || text.contains('/')
        || (cfg!(windows) && text.contains('\\'))
        || ARCHIVES.iter().any(|end| text.ends_with(end))
}

/// What the project in a folder calls itself.
fn of_project(folder: &Path, around: &Around<'_>) -> Option<PackageName> {
    let text = |name: &str| around.files.text(&folder.join(name)).ok().flatten();
    let project = text("pyproject.toml").and_then(|text| {
        let document = Document::parse("pyproject.toml", &text).ok()?;
        let at = |keys: &[&str]| {
            let item = document.at(keys).ok()??;
            item.text().ok().map(str::to_owned)
        };
        at(&["project", "name"]).or_else(|| at(&["tool", "poetry", "name"]))
    });
    let headers = || {
        let text = text("PKG-INFO")?;
        let name = text
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix("Name:"))?;
        Some(name.trim().to_owned())
    };
    let settings = || {
        let text = text("setup.cfg")?;
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.trim() == "[metadata]";
            } else if inside
                && let Some((key, value)) = line.split_once('=')
                && key.trim() == "name"
            {
                return Some(value.trim().to_owned());
            }
        }
        None
    };
    let name = project.or_else(headers).or_else(settings)?;
    PackageName::from_str(&name).ok()
}
