//! `poetry.lock`, of Poetry 1 and 2 (poetry, `packages/locker.py`).

use std::str::FromStr as _;

use credential_helper_protocol::Failure;
use pep508_rs::MarkerTree;

use super::super::source::PYPI;
use super::{Locked, LockedFile, Origin, hash, index, name, version};
use crate::package::document::{Document, Item};
use crate::package::requirement;

/// What Poetry calls the source that it does not write down.
const IMPLICIT: &str = "PyPI";

pub(super) fn read(document: &Document) -> Result<Vec<Locked>, Failure> {
    // Until 1.2 the files stood together at the end; before 1.0 as digests without names.
    let files = document.at(&["metadata", "files"])?;
    let hashes = document.at(&["metadata", "hashes"])?;
    let mut found = Vec::new();
    let packages = document.at(&["package"])?;
    for item in packages.map_or(Ok(Vec::new()), |list| list.list())? {
        let name = name(&item)?;
        let mut own = item.get("files")?;
        for together in [&files, &hashes].into_iter().flatten() {
            if own.is_none() {
                own = together.get(name.as_ref())?;
            }
        }
        let list = own.map_or(Ok(Vec::new()), |list| list.list())?;
        found.push(Locked {
            version: version(&item)?,
            origin: origin(&item)?,
            files: list.iter().map(file).collect::<Result<_, Failure>>()?,
            marker: marker(&item)?,
            line: item.line(),
            name,
        });
    }
    Ok(found)
}

fn origin(item: &Item<'_>) -> Result<Origin, Failure> {
    let Some(source) = item.get("source")? else {
        return index(item, PYPI, Some(IMPLICIT));
    };
    match source.text_of("type")? {
        Some("legacy") => {
            let url = source
                .text_of("url")?
                .ok_or_else(|| source.wrong("it has no url"))?;
            index(&source, url, source.text_of("reference")?)
        }
        _ => Ok(Origin::Direct),
    }
}

fn file(item: &Item<'_>) -> Result<LockedFile, Failure> {
    if item.is_text() {
        let digest = format!("sha256:{}", item.text()?);
        return Ok(LockedFile {
            filename: String::new(),
            hashes: [hash(item, &digest)?].into(),
        });
    }
    let filename = item.text_of("file")?.unwrap_or_default().to_owned();
    let hashes = item.text_of("hash")?.map(|text| hash(item, text));
    Ok(LockedFile {
        filename,
        hashes: hashes.transpose()?.into_iter().collect(),
    })
}

/// `markers`: one, or one for each group (lock version 2.1).
fn marker(item: &Item<'_>) -> Result<MarkerTree, Failure> {
    let Some(markers) = item.get("markers")? else {
        return Ok(MarkerTree::TRUE);
    };
    let read =
        |item: &Item<'_>| requirement::marker(item.text()?).map_err(|what| item.wrong(&what));
    if markers.is_text() {
        return read(&markers);
    }
    // A group that has no marker of its own needs it everywhere.
    let groups = item.texts_of("groups")?;
    let entries = markers.entries()?;
    let same = |one: &str, other: &str| {
        let normal = |text| pep508_rs::ExtraName::from_str(text).ok();
        normal(one) == normal(other)
    };
    if groups
        .iter()
        .any(|group| !entries.iter().any(|(name, _)| same(name, group)))
    {
        return Ok(MarkerTree::TRUE);
    }
    let mut any = MarkerTree::FALSE;
    for (_, one) in &entries {
        any.or(read(one)?);
    }
    Ok(any)
}
