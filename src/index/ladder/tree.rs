//! A folder of sources: what its `pyproject.toml`, or its `PKG-INFO`, binds itself to.

use std::path::Path;
use std::str::FromStr as _;

use toml::{Table, Value};

use crate::package::metadata::{LARGEST, Metadata};
use crate::package::{ExtraName, PackageName, Version, VersionSpecifiers, requirement};

/// The files of a tree, by their path in it.
pub(super) trait Tree {
    /// The content of a file; `None` where there is none.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String>;
}

/// A folder on disk.
pub(super) struct Folder<'a>(pub(super) &'a Path);

impl Tree for Folder<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        use std::io::Read as _;
        let path = self.0.join(path);
        if !path.is_file() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| format!("reading it failed ({})", error.kind());
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        let read = file.take(LARGEST as u64 + 1).read_to_end(&mut bytes);
        read.map_err(failed)?;
        Ok(Some(bytes))
    }
}

/// The metadata of a tree, and as it would be written.
pub(super) fn metadata(tree: &impl Tree) -> Result<(Metadata, Vec<u8>), String> {
    let Some(bytes) = tree.read("pyproject.toml")? else {
        return match tree.read("PKG-INFO")? {
            Some(raw) => Metadata::parse_static(&raw).map(|metadata| (metadata, raw)),
            None => Err("it has no pyproject.toml, so only a build can tell".to_owned()),
        };
    };
    if bytes.len() > LARGEST {
        return Err("its pyproject.toml is too large".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "its pyproject.toml is not UTF-8")?;
    // Not the parser's words: they quote the file.
    let whole: Table = text.parse().map_err(|_| "its pyproject.toml is no TOML")?;
    project(&whole).map(|metadata| {
        let raw = written(&metadata);
        (metadata, raw)
    })
}

/// The `[project]` table (PEP 621), as far as it is not `dynamic`.
fn project(whole: &Table) -> Result<Metadata, String> {
    let Some(Value::Table(project)) = whole.get("project") else {
        return Err("its pyproject.toml has no [project], so only a build can tell".to_owned());
    };
    let wrong = |key: &str| format!("project.{key} in its pyproject.toml is not what it should be");
    let text = |key: &str| match project.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(wrong(key)),
    };
    let dynamic = match project.get("dynamic") {
        None => Vec::new(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(wrong("dynamic")),
    };
    let needed = [
        "version",
        "dependencies",
        "optional-dependencies",
        "requires-python",
    ];
    if let Some(key) = needed.iter().find(|key| dynamic.contains(key)) {
        return Err(format!("its {key} is dynamic, so only a build can tell"));
    }
    let name = text("name")?.and_then(|name| PackageName::from_str(name).ok());
    let version = text("version")?.and_then(|version| Version::from_str(version).ok());
    let mut found = Metadata {
        name: name.ok_or_else(|| wrong("name"))?,
        version: version.ok_or_else(|| wrong("version"))?,
        requires: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
        doubts: Vec::new(),
    };
    if let Some(python) = text("requires-python")? {
        let python = VersionSpecifiers::from_str(python).map_err(|_| wrong("requires-python"))?;
        found.requires_python = Some(python);
    }
    let list = |value: &Value, key: &str| match value {
        Value::Array(all) => {
            let read = |item: &Value| requirement::parse(item.as_str()?).ok();
            let all = all.iter().map(|item| read(item).ok_or_else(|| wrong(key)));
            all.collect::<Result<Vec<_>, _>>()
        }
        _ => Err(wrong(key)),
    };
    if let Some(all) = project.get("dependencies") {
        found.requires = list(all, "dependencies")?;
    }
    match project.get("optional-dependencies") {
        None => {}
        Some(Value::Table(extras)) => {
            for (extra, all) in extras {
                let key = "optional-dependencies";
                let extra = ExtraName::from_str(extra).map_err(|_| wrong(key))?;
                for requirement in list(all, key)? {
                    found.requires.push(requirement.with_extra_marker(&extra));
                }
                found.extras.push(extra);
            }
        }
        Some(_) => return Err(wrong("optional-dependencies")),
    }
    Ok(found)
}

/// The metadata as a build would write it.
fn written(metadata: &Metadata) -> Vec<u8> {
    let mut lines = vec![
        "Metadata-Version: 2.2".to_owned(),
        format!("Name: {}", metadata.name),
        format!("Version: {}", metadata.version),
    ];
    let python = metadata.requires_python.iter();
    lines.extend(python.map(|python| format!("Requires-Python: {python}")));
    let extras = metadata.extras.iter();
    lines.extend(extras.map(|extra| format!("Provides-Extra: {extra}")));
    let requires = metadata.requires.iter();
    lines.extend(requires.map(|requirement| format!("Requires-Dist: {requirement}")));
    lines.push(String::new());
    lines.join("\n").into_bytes()
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
