//! `pylock.toml` (PEP 751).

use credential_helper_protocol::{ErrorCode, Failure};
use pep508_rs::MarkerTree;

use super::{Locked, LockedFile, Origin, filename, files, index, name, version};
use crate::package::document::{Document, Item};
use crate::package::requirement;

/// The part of the version of the format that has to be ours.
const MAJOR: &str = "1.";

pub(super) fn read(document: &Document) -> Result<Vec<Locked>, Failure> {
    let format = document.at(&["lock-version"])?;
    let format = format.as_ref().map(Item::text).transpose()?;
    if !format.is_some_and(|text| text.starts_with(MAJOR)) {
        let message = format!(
            "{}: its lock-version is none that is known",
            document.file()
        );
        return Err(Failure::new(ErrorCode::Malformed, message).hint("1.0 is (PEP 751)"));
    }
    let mut found = Vec::new();
    let packages = document.at(&["packages"])?;
    for item in packages.map_or(Ok(Vec::new()), |list| list.list())? {
        found.push(Locked {
            name: name(&item)?,
            version: version(&item)?,
            origin: origin(&item)?,
            files: files(&item, file)?,
            marker: marker(&item)?,
            line: item.line(),
        });
    }
    Ok(found)
}

fn origin(item: &Item<'_>) -> Result<Origin, Failure> {
    for key in ["vcs", "directory", "archive"] {
        if item.get(key)?.is_some() {
            return Ok(Origin::Direct);
        }
    }
    match item.text_of("index")? {
        Some(text) => index(item, text, None),
        None => Ok(Origin::Unsaid),
    }
}

fn file(item: &Item<'_>) -> Result<LockedFile, Failure> {
    // The name is there where it is not what the URL ends with, and counts before it.
    let mut name = item.text_of("name")?.unwrap_or_default().to_owned();
    for key in ["url", "path"] {
        if let Some(text) = item.text_of(key)?.filter(|_| name.is_empty()) {
            name = filename(text);
        }
    }
    let mut file = LockedFile {
        filename: name,
        hashes: super::Hashes::new(),
    };
    if let Some(hashes) = item.get("hashes")? {
        for (kind, value) in hashes.entries()? {
            let hex = value.text()?.to_ascii_lowercase();
            file.hashes.insert(kind.to_ascii_lowercase(), hex);
        }
    }
    Ok(file)
}

/// A marker that asks for extras or groups of the lock file itself is true for somebody.
fn marker(item: &Item<'_>) -> Result<MarkerTree, Failure> {
    let Some(marker) = item.get("marker")? else {
        return Ok(MarkerTree::TRUE);
    };
    let text = marker.text()?;
    if text.contains("extras") || text.contains("dependency_groups") {
        return Ok(MarkerTree::TRUE);
    }
    requirement::marker(text).map_err(|what| marker.wrong(&what))
}
