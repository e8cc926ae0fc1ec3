//! `uv.lock` (uv, `crates/uv-resolver/src/lock`).

use credential_helper_protocol::Failure;
use pep508_rs::MarkerTree;

use super::{Locked, LockedFile, Origin, filename, files, hash, index, name, version};
use crate::package::document::{Document, Item};
use crate::package::requirement;

pub(super) fn read(document: &Document) -> Result<Vec<Locked>, Failure> {
    let mut found = Vec::new();
    let mut lists = Vec::new();
    // The first versions of the format called the list `distribution`.
    for key in ["package", "distribution"] {
        if let Some(list) = document.at(&[key])? {
            lists.extend(list.list()?);
        }
    }
    for item in lists {
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

/// `source = { registry = "URL or path" }`, or a direct one.
fn origin(item: &Item<'_>) -> Result<Origin, Failure> {
    let Some(source) = item.get("source")? else {
        return Ok(Origin::Unsaid);
    };
    match source.text_of("registry")? {
        Some(text) if text.contains("://") => index(&source, text, None),
        // A folder of files beside the project.
        Some(_) | None => Ok(Origin::Direct),
    }
}

fn file(item: &Item<'_>) -> Result<LockedFile, Failure> {
    let mut name = String::new();
    for key in ["filename", "url", "path"] {
        if let Some(text) = item.text_of(key)?.filter(|_| name.is_empty()) {
            name = filename(text);
        }
    }
    let hashes = item.text_of("hash")?.map(|text| hash(item, text));
    Ok(LockedFile {
        filename: name,
        hashes: hashes.transpose()?.into_iter().collect(),
    })
}

fn marker(item: &Item<'_>) -> Result<MarkerTree, Failure> {
    let Some(list) = item.get("resolution-markers")? else {
        return Ok(MarkerTree::TRUE);
    };
    let mut any = MarkerTree::FALSE;
    for one in list.list()? {
        any.or(requirement::marker(one.text()?).map_err(|what| one.wrong(&what))?);
    }
    Ok(any)
}
